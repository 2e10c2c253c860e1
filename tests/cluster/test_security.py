# SPDX-License-Identifier: Apache-2.0
# Goal: a cluster that other hosts can reach is closed to who does not show its token, and every
# mistake has a message that says what to do.
import base64
import os
import pathlib
import stat

import pytest

HEAD = "10.213.7.1:6379"


@pytest.fixture(scope="module")
def head(cluster):
    return cluster[0]


@pytest.fixture(scope="module")
def stranger(cluster):
    return cluster[1]


def _refusal(host, *arguments, **variables):
    done = host.try_mobula(*arguments, **variables)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def _elsewhere(tmp_path):
    """The environment of somebody whose host has no node."""
    return {"MOBULA_TMPDIR": str(tmp_path)}


def test_the_token_is_made_and_kept_private(head):
    path = pathlib.Path(head.record()["token_file"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    token = path.read_text().strip()
    assert len(token) > 40
    # Neither can it be read where everybody may look.
    pid = head.record()["pid"]
    assert token not in pathlib.Path(f"/proc/{pid}/cmdline").read_text()
    assert token not in head.log()


def test_workers_do_not_inherit_the_token(cluster):
    program = """
import os
import mobula as ray
ray.init(address="auto")

@ray.remote(resources={"h2": 1})
def variables():
    return [name for name in os.environ if "TOKEN" in name]

print(ray.get(variables.remote()))
"""
    assert cluster[0].python(program) == "[]\n"


@pytest.mark.parametrize("command", [["status"], ["start"]])
def test_every_wrong_token_has_its_own_message(head, stranger, tmp_path, command):
    command = [*command, f"--address={HEAD}"]
    name = pathlib.Path(head.record()["token_file"]).read_text().split(".")[0]
    where = _elsewhere(tmp_path)
    missing = _refusal(stranger, *command, **where)
    if command[0] == "start":
        assert "the cluster's token is needed; copy the head's token file" in missing
    else:
        assert "none was shown; name the head's token file" in missing
    for token, message in (
        (f"{name}.wrong-and-long-enough", "the token is wrong; take the one in the token file"),
        ("ffffffff.of-another-cluster", "the token is of another cluster (ffffffff)"),
        ("short", "expected 16 to 512 printable ASCII characters"),
    ):
        assert message in _refusal(stranger, *command, MOBULA_TOKEN=token, **where)
    file = tmp_path / "token"
    file.write_text(pathlib.Path(head.record()["token_file"]).read_text())
    file.chmod(0o644)
    error = _refusal(stranger, *command, f"--token-file={file}", **where)
    assert f"run: chmod 600 {file}" in error
    file.chmod(0o600)
    if command[0] == "status":
        assert "3 nodes" in stranger.mobula(*command, f"--token-file={file}", **where)


def test_strangers_leave_a_line_in_the_log(head, stranger, tmp_path):
    _refusal(stranger, "status", f"--address={HEAD}", **_elsewhere(tmp_path))
    assert "refused ipv4:10.213.7.2:" in head.log()


def test_a_head_that_cannot_be_reached(stranger, tmp_path):
    where = {**_elsewhere(tmp_path), "MOBULA_TOKEN": "0123456789abcdef"}
    error = _refusal(stranger, "start", "--address=10.213.7.99:6379", **where)
    assert "no mobula daemon answers at 10.213.7.99:6379" in error
    error = _refusal(stranger, "start", "--address=192.0.2.1:6379", **where)
    assert "cannot be reached from this host: Network is unreachable" in error


def test_a_port_in_use_and_an_address_of_another_host(head, tmp_path):
    where = _elsewhere(tmp_path)
    error = _refusal(head, "start", "--head", "--node-ip-address=10.213.7.1", **where)
    assert "the port is in use; end what uses it" in error
    error = _refusal(head, "start", "--head", "--node-ip-address=10.213.7.55", **where)
    assert "that is no address of this host" in error


def test_only_the_address_that_was_named_is_listened_on(two_hosts):
    head, other = two_hosts
    head.mobula("start", "--head", "--num-cpus=1", f"--object-store-memory={50 << 20}")
    listening = head.run("ss", "-ltnH").stdout
    addresses = [line.split()[3].removeprefix("[::ffff:") for line in listening.splitlines()]
    assert "127.0.0.1]:6379" in addresses
    assert all(address.startswith("127.0.0.1") for address in addresses)
    assert "no mobula daemon answers" in _refusal(other, "status", f"--address={HEAD}")


PAGE = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1])
if len(sys.argv) > 2:
    request.add_header("Authorization", sys.argv[2])
try:
    with urllib.request.urlopen(request) as answer:
        print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.headers["WWW-Authenticate"], error.read().decode())
"""


def test_the_page_wants_the_token_too(two_hosts):
    head, other = two_hosts
    head.mobula(
        *("start", "--head", "--node-ip-address=10.213.7.1", "--num-cpus=1"),
        *("--dashboard-host=10.213.7.1", "--dashboard-port=8265"),
        f"--object-store-memory={50 << 20}",
    )
    token = head.token()
    login = base64.b64encode(f"me:{token}".encode()).decode()
    for path, expected in (("", "<h1>mobula</h1>"), ("metrics", 'mobula_nodes{state="alive"} 1')):
        url = f"http://10.213.7.1:8265/{path}"
        assert other.python(PAGE, url).startswith('401 Basic realm="mobula"')
        assert "of another cluster" in other.python(PAGE, url, "Bearer 0123456789.0123456789")
        for header in (f"Bearer {token}", f"Basic {login}"):
            assert expected in other.python(PAGE, url, header)


def test_a_session_folder_of_another_user_is_not_used(tmp_path):
    from mobula import _daemon

    os.chmod(tmp_path, 0o777)
    folder = tmp_path / f"mobula-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MOBULA_TMPDIR", raising=False)
        patch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
        with pytest.raises(PermissionError, match="set MOBULA_TMPDIR"):
            _daemon.session_root()
        folder.chmod(0o700)
        assert _daemon.session_root() == str(folder)


def test_tls_shuts_out_who_has_no_certificate_of_the_cluster(three_hosts, tmp_path):
    head, member, stranger = three_hosts
    ours, copied, theirs = (str(tmp_path / name) for name in ("ours", "copied", "theirs"))
    assert "keep" in head.mobula("tls", "init", ours)
    head.mobula("tls", "node", ours, copied)
    assert sorted(os.listdir(copied)) == ["ca.pem", "node.key", "node.pem"]
    stranger.mobula("tls", "init", theirs)
    for key in ("ours/ca.key", "ours/node.key", "copied/node.key"):
        assert stat.S_IMODE((tmp_path / key).stat().st_mode) == 0o600

    head.start_head(f"--tls-dir={ours}")
    member.join(head, f"--tls-dir={copied}", '--resources={"there": 1}')
    program = """
import numpy
import mobula as ray
ray.init(address="auto")

@ray.remote(resources={"there": 1})
def make():
    return numpy.ones(2_000_000)

print(ray.get(make.remote()).sum())
"""
    assert head.python(program) == "2000000.0\n"
    assert "2 nodes" in member.mobula("status")

    token = head.token()
    for options in ([], [f"--tls-dir={theirs}"]):
        for command in ("status", "start"):
            error = _refusal(stranger, command, f"--address={HEAD}", *options, MOBULA_TOKEN=token)
            assert "one side only uses TLS, or with certificates of another authority" in error
    # With a certificate, the token is still wanted.
    error = _refusal(
        stranger, "status", f"--address={HEAD}", f"--tls-dir={copied}", **_elsewhere(tmp_path)
    )
    assert "none was shown" in error


def test_the_mistakes_with_certificates_have_messages(two_hosts, tmp_path):
    head, _ = two_hosts
    folder = tmp_path / "tls"
    head.mobula("tls", "init", str(folder))
    assert "ca.key is there already" in _refusal(head, "tls", "init", str(folder))
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "ca.pem is missing; name the folder" in _refusal(
        head, "tls", "node", str(empty), str(tmp_path / "new")
    )
    start = ("start", "--head", "--num-cpus=1", f"--object-store-memory={50 << 20}")
    assert "cannot read the authority's certificate" in _refusal(head, *start, f"--tls-dir={empty}")
    (folder / "node.key").chmod(0o644)
    assert "run: chmod 600" in _refusal(head, *start, f"--tls-dir={folder}")
    (folder / "node.key").chmod(0o600)
    (folder / "node.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
    assert "certificates in --tls-dir" in _refusal(head, *start, f"--tls-dir={folder}")
    (folder / "ca.key").write_text("nonsense")
    assert "not what `mobula tls init` makes" in _refusal(
        head, "tls", "node", str(folder), str(tmp_path / "new")
    )
