# SPDX-License-Identifier: Apache-2.0
# Goal: whatever is wrong with a cluster file is said before anything is done on a host.
import pytest
import yaml
from click.testing import CliRunner
from mobula import _cli

GOOD = {"cluster_name": "lab", "provider": {"type": "local", "head_ip": "10.0.0.1"}}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ([], "the file: expected keys and values, got []"),
        ({"cluster_name": "lab"}, "the key 'provider' is missing"),
        ({**GOOD, "nodes": 3}, "the file: unknown 'nodes'; known are: auth, cluster_name"),
        ({**GOOD, "cluster_name": "a b"}, "expected letters, digits, - and _, got 'a b'"),
        ({**GOOD, "provider": {"type": "aws"}}, "the type local or external, got 'aws'"),
        ({**GOOD, "provider": {"type": "local"}}, "expected head_ip, an address"),
        (
            {**GOOD, "provider": {**GOOD["provider"], "worker_ips": "10.0.0.2"}},
            "worker_ips, a list of addresses",
        ),
        (
            {**GOOD, "provider": {**GOOD["provider"], "region": "x"}},
            "provider: unknown 'region'; known are: head_ip",
        ),
        ({**GOOD, "auth": {"password": "x"}}, "auth: unknown 'password'; known are: ssh_known"),
        ({**GOOD, "auth": {"ssh_private_key": "/no/key"}}, "auth: there is no key /no/key"),
        ({**GOOD, "file_mounts": {"/a": "/no/file"}}, "there is no '/no/file' on this host"),
        ({**GOOD, "setup_commands": "true"}, "setup_commands: expected a list of commands"),
        ({**GOOD, "setup_commands": [1]}, "setup_commands: expected a command, got 1"),
        (
            {**GOOD, "provider": {"type": "external", "module": "no.such.Class"}},
            "expected module: package.Class, which can be imported here",
        ),
        (
            {**GOOD, "provider": {"type": "external", "module": "builtins.print"}},
            "provider: builtins.print is no Provider",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path, fields, text):
    file = tmp_path / "cluster.yaml"
    file.write_text(yaml.safe_dump(fields))
    done = CliRunner().invoke(_cli.cli, ["up", str(file)])
    assert done.exit_code == 2
    assert text in " ".join(done.output.split()), done.output


def test_what_is_no_yaml_is_refused(tmp_path):
    file = tmp_path / "cluster.yaml"
    file.write_text("a: [")
    done = CliRunner().invoke(_cli.cli, ["down", str(file)])
    assert done.exit_code == 2
    assert "cluster.yaml is not YAML" in done.output
