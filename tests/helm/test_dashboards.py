"""Grafana's dashboards: whole, laid out without overlap, and asking only for what the gateway tells."""

import itertools
import json
import pathlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.helm.exposition import queried, told_by_the_gateway
from tests.helm.rendering import HELM, render
from tests.helm.test_alerts import promtool

FILES = sorted((HELM / "dashboards").glob("*.json"))
DASHBOARDS: dict[str, Any] = {path.stem: json.loads(path.read_text()) for path in FILES}
# Of the exposition, what no panel shows by itself: sums and buckets come with their counts.
NOT_SHOWN = {"gateway_files_generation"}


def queries(dashboard: dict[str, Any]) -> Iterator[str]:
    """All that a dashboard asks: panels, annotations, variables; Grafana's own variables filled in."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield re.sub(r"label_values\((.+), \w+\)", r"\1", variable["definition"])


def test_there_is_one_for_each_subject() -> None:
    assert set(DASHBOARDS) == {
        "gateway-calls",
        "gateway-banks",
        "gateway-records",
        "gateway-trust",
        "gateway-processes",
    }
    assert all(dashboard["uid"] == name for name, dashboard in DASHBOARDS.items())


@pytest.mark.parametrize("name", DASHBOARDS)
def test_it_asks_only_for_metrics_and_labels_that_exist(name: str) -> None:
    told = told_by_the_gateway()
    for query in queries(DASHBOARDS[name]):
        found = queried(query)
        assert found, query
        for metric, labels in found:
            assert metric in told, (metric, query)
            assert labels <= told[metric], (metric, labels - told[metric])


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_legend_shows_labels_that_the_query_keeps(name: str) -> None:
    for panel in DASHBOARDS[name]["panels"]:
        for target in panel["targets"]:
            kept = set.union(*(set(labels) for _, labels in queried(target["expr"])))
            kept |= {"pod", "instance"} if " by " not in target["expr"] else set()
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, panel["title"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_are_described_and_do_not_overlap(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert [number for number, count in Counter(panel["id"] for panel in panels).items() if count > 1] == []
    for panel in panels:
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in itertools.combinations([panel["gridPos"] for panel in panels], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_every_metric_is_shown_somewhere() -> None:
    shown = {
        metric for dashboard in DASHBOARDS.values() for query in queries(dashboard) for metric, _ in queried(query)
    }
    families = {re.sub(r"_(bucket|count|sum)$", "", metric) for metric in told_by_the_gateway()}
    assert families - {re.sub(r"_(bucket|count|sum)$", "", metric) for metric in shown} - NOT_SHOWN == set()


def test_prometheus_can_read_every_query(tmp_path: pathlib.Path) -> None:
    asked = [query for dashboard in DASHBOARDS.values() for query in queries(dashboard)]
    filled = [re.sub(r"\$__rate_interval", "5m", re.sub(r'"\$\w+"', '".*"', query)) for query in asked]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(filled)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "rules.yaml")


def test_the_chart_gives_them_to_grafana() -> None:
    given = render({"monitoring": {"dashboards": {"enabled": True}}})["ConfigMap/door-dashboards"]
    assert {path.name: path.read_text() for path in FILES} == given["data"]
    assert sum(map(len, given["data"].values())) < 1_000_000
