# SPDX-License-Identifier: Apache-2.0
# Goal: the manifests are what Kubernetes takes, and the commands in them are what mobula takes.
import pathlib

import click
import kubernetes_validate
import pytest
import yaml
from mobula import _cli

_FILE = pathlib.Path(__file__).parents[2] / "tools" / "deploy" / "kubernetes" / "mobula.yaml"
_VERSIONS = ("1.26", "1.29", "1.33")


@pytest.fixture
def documents():
    return {
        (document["kind"], document["metadata"]["name"]): document
        for document in yaml.safe_load_all(_FILE.read_text())
    }


def _containers(documents):
    for document in documents.values():
        if "template" in document["spec"]:
            yield from document["spec"]["template"]["spec"]["containers"]


@pytest.mark.parametrize("version", _VERSIONS)
def test_the_schemas_of_kubernetes_accept_them(documents, version):
    for document in documents.values():
        kubernetes_validate.validate(document, version, strict=True)


def test_the_schemas_refuse_what_is_wrong(documents):
    head = documents["StatefulSet", "mobula-head"]
    head["spec"]["template"]["spec"]["containers"][0]["port"] = 6379
    with pytest.raises(kubernetes_validate.ValidationError, match="port"):
        kubernetes_validate.validate(head, "1.29", strict=True)


def test_the_commands_are_those_that_mobula_has(documents):
    start = _cli.cli.get_command(click.Context(_cli.cli), "start")
    given = {}
    for container in _containers(documents):
        assert container["command"] == ["mobula", "start"]
        arguments = [argument.replace("$(POD_IP)", "10.0.0.7") for argument in container["args"]]
        given[container["name"]] = start.make_context("start", arguments).params
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["metrics"] == given[container["name"]]["dashboard_port"]
        names = {one["name"] for one in container["env"]}
        assert {"POD_IP", "MOBULA_TOKEN"} <= names
    assert given["head"]["head"] and given["head"]["block"]
    assert given["node"]["address"] == "mobula-head:6379"


def test_the_parts_fit_together(documents):
    service = documents["Service", "mobula-head"]["spec"]
    head = documents["StatefulSet", "mobula-head"]["spec"]
    labels = head["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert head["serviceName"] == "mobula-head"
    for key in (("StatefulSet", "mobula-head"), ("Deployment", "mobula-node")):
        spec = documents[key]["spec"]
        assert (
            spec["selector"]["matchLabels"].items()
            <= spec["template"]["metadata"]["labels"].items()
        )
        pod = spec["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        volumes |= {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
        (container,) = pod["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
