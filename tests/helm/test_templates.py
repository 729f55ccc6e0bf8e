"""The chart: linted, rendered for the values that matter, refused where it must be, and believed by Kubernetes."""

import tomllib
from typing import Any

import pytest
import yaml

from gateway.files import Schema, read_yaml
from gateway.settings import schema
from tests.helm.rendering import CASES, HELM, LEAST, fact, library, over, render

FACTS: dict[str, Any] = yaml.safe_load((CASES / "facts.yaml").read_text())
REFUSED: dict[str, Any] = yaml.safe_load((CASES / "refused.yaml").read_text())
# The oldest that Chart.yaml takes, and the newest that is published.
VERSIONS = ("1.29", "1.37")
OF_OTHERS = {"Certificate", "ExternalSecret", "PrometheusRule", "ServiceMonitor"}


def test_it_is_linted_and_of_the_projects_version() -> None:
    report = library().lint(HELM, LEAST, strict=True, namespace="banks")
    assert [one["error"] for one in report["messages"] if one["error"] != "icon is recommended"] == []
    chart = yaml.safe_load((HELM / "Chart.yaml").read_text())
    version = tomllib.loads((HELM.parent / "pyproject.toml").read_text())["project"]["version"]
    assert (chart["version"], chart["appVersion"]) == (version, version)


@pytest.mark.parametrize("case", FACTS)
def test_values_have_the_effect_that_they_say(case: str) -> None:
    documents = render(FACTS[case]["values"])
    for name, expected in FACTS[case]["facts"].items():
        assert (name in documents) is (expected is not None), (name, sorted(documents))
        for path, value in (expected or {}).items():
            assert fact(documents[name], path) == value, (name, path)
    written = documents["ConfigMap/door-settings"]["data"]["gateway.yaml"]
    read, problems = read_yaml("gateway.yaml", written.encode())
    assert read is not None
    assert [*problems, *Schema(schema()).check(read)] == [], "the gateway's own schema takes what the chart writes"
    settings = yaml.safe_load(written)
    for path, value in FACTS[case].get("settings", {}).items():
        assert fact(settings, path) == value, path
    for words in FACTS[case].get("notes", ()):
        assert words in documents["NOTES"]["text"]


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_is_refused_in_words(case: str) -> None:
    with pytest.raises(library().HelmError) as refused:
        render(REFUSED[case]["values"])
    for words in REFUSED[case]["told"]:
        assert words in str(refused.value)


def test_a_secret_written_as_a_reference_is_refused_and_not_shown() -> None:
    values = {"redis": {"secret": "counters"}, "settings": {"redis": {"password": "open-sesame"}}}
    with pytest.raises(library().HelmError) as refused:
        render(values)
    assert "/settings/redis/password" in str(refused.value)
    assert "sesame" not in str(refused.value)


def test_a_folder_of_files_too_large_for_a_config_map_is_refused() -> None:
    with pytest.raises(library().HelmError, match="divide them among several names"):
        render({"files": {"inline": {"own": {f"policies/{n}.yaml": "#" * 600_000 for n in "ab"}}}})


def everything() -> dict[str, Any]:
    """The values of all cases over each other."""
    laid: dict[str, Any] = dict(LEAST)
    for name, case in FACTS.items():
        if "balancer" not in name:  # it would take away what the others are about
            laid = over(case["values"], laid)
    again = {"serviceAccount": {"create": True}, "networkPolicy": {"enabled": True}, "checkBeforeUpgrade": True}
    return over(again, laid)


@pytest.mark.parametrize("values", [LEAST, everything()], ids=["least", "everything"])
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_document(version: str, values: dict[str, Any]) -> None:
    published = pytest.importorskip(
        "kubernetes_validate", reason="the chart's extra is not installed: make setup-chart"
    )
    unknown = set()
    for name, document in render(values).items():
        if name == "NOTES":
            continue
        try:
            published.validate(document, version, strict=True)
        except published.SchemaNotFoundError:
            unknown.add(document["kind"])
    assert unknown == (OF_OTHERS if values is not LEAST else set())


def test_a_document_with_a_misspelt_word_would_be_noticed() -> None:
    published = pytest.importorskip(
        "kubernetes_validate", reason="the chart's extra is not installed: make setup-chart"
    )
    document = render({})["Deployment/door"]
    document["spec"]["template"]["spec"]["terminationGracePeriod"] = 30
    with pytest.raises(published.ValidationError, match="terminationGracePeriod"):
        published.validate(document, VERSIONS[-1], strict=True)


def test_only_what_is_declared_is_mounted_and_used() -> None:
    """A volume that is not there, or a port without a name, shows only when a pod starts."""
    documents = render(everything())
    pod = documents["Deployment/door"]["spec"]["template"]["spec"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in (*pod["initContainers"], *pod["containers"]):
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    ports = {port["name"] for port in pod["containers"][0]["ports"]}
    labels = documents["Deployment/door"]["spec"]["template"]["metadata"]["labels"]
    for name, document in documents.items():
        if name.startswith("Service/"):
            assert {port["targetPort"] for port in document["spec"]["ports"]} <= ports
            assert document["spec"]["selector"].items() <= labels.items(), name


def test_what_is_checked_before_an_upgrade_is_what_then_serves() -> None:
    documents = render(everything())
    serving = documents["Deployment/door"]["spec"]["template"]["spec"]
    checking = documents["Job/door-next-check"]["spec"]["template"]["spec"]
    assert checking["containers"] == serving["initContainers"]
    assert yaml.safe_dump(checking["volumes"]).replace("door-next-", "door-") == yaml.safe_dump(serving["volumes"])
    for name in ("settings", "files-own"):
        assert documents[f"ConfigMap/door-next-{name}"]["data"] == documents[f"ConfigMap/door-{name}"]["data"]
