"""The chart rendered as `helm install` would, without a cluster; and its volumes laid out as a node's kubelet does."""

import pathlib
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

HELM = pathlib.Path(__file__).parents[2] / "helm"
CASES = pathlib.Path(__file__).parent / "cases"
# The least that an operator says.
LEAST: dict[str, Any] = {
    "fullnameOverride": "door",
    "keys": {"secret": "door-keys"},
    "listeners": {"service": {"certificate": {"secret": "door-tls"}, "clientCa": {"secret": "services-ca"}}},
}
_STEP = re.compile(r"([^.\[\]]+)|\[([^\[\]=]+)=([^\[\]]+)\]")


def library() -> Any:
    """What renders; its tests are skipped where it is not installed."""
    return pytest.importorskip("helm_python", reason="the chart's extra is not installed: make setup-chart")


def over(values: Mapping[str, Any], base: Mapping[str, Any] = LEAST) -> dict[str, Any]:
    """Values laid over the least ones, as Helm lays one file over another."""
    laid = dict(base)
    for name, value in values.items():
        before = laid.get(name)
        laid[name] = over(value, before) if isinstance(value, dict) and isinstance(before, dict) else value
    return laid


def render(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`Kind/name` -> document, for values laid over the least ones."""
    with library().Chart.load(HELM) as chart:
        written = chart.render(over(values), name="try", namespace="banks")
    found = {}
    for path, text in written.items():
        if path.endswith("NOTES.txt"):
            found["NOTES"] = {"text": text}
            continue
        for document in yaml.safe_load_all(text):
            if document:
                found[f"{document['kind']}/{document['metadata']['name']}"] = document
    return found


def fact(document: Any, path: str) -> Any:
    """What stands at a path such as `spec.containers[name=gateway].image`; None where nothing does."""
    for step, label, value in _STEP.findall(path):
        if label:
            document = next((one for one in document or () if str(one.get(label)) == value), None)
        elif isinstance(document, list):
            document = document[int(step)] if int(step) < len(document) else None
        else:
            document = (document or {}).get(step.replace("~", "."))
    return document


def project(volume: Mapping[str, Any], contents: Mapping[str, Mapping[str, str]], folder: pathlib.Path) -> None:
    """A projected or ConfigMap volume, as a kubelet writes it: a hidden folder, links to it, and what `items` name.

    `contents` has what each ConfigMap and Secret holds, by its name.
    """
    hidden = folder / "..2026_01_01_00_00_00.1"
    hidden.mkdir(parents=True)
    sources = volume["projected"]["sources"] if "projected" in volume else [volume]
    for source in sources:
        [held] = source.values() if "projected" in volume else [volume["configMap"]]
        content = contents[held["name"]]
        items = held.get("items") or [{"key": key, "path": key} for key in content]
        for item in items:
            path = hidden / item["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content[item["key"]])
    (folder / "..data").symlink_to(hidden.name)
    for entry in hidden.iterdir():
        (folder / entry.name).symlink_to(f"..data/{entry.name}")
