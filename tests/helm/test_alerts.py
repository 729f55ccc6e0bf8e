"""Alerts by Prometheus' own tool: each fires on series that are wrong, stays quiet on series that are not, and is told
of in the operator's pages; each says only what the gateway's exposition has.
"""

import pathlib
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.helm.exposition import queried, told_by_the_gateway
from tests.helm.rendering import CASES, HELM, render
from tests.helm.values_schema import alerts

ROOT = HELM.parent
RULES = HELM / "alerts/gateway.yaml"
GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
RULE = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
OF_SERIES: dict[str, Any] = yaml.safe_load((CASES / "alerts.yaml").read_text())
TARGET = {"namespace": "banks", "job": "door-health", "instance": "10.0.0.1:8081"}


def promtool(*arguments: str | pathlib.Path) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def labelled(series: str) -> str:
    name, _, labels = series.partition("{")
    own = labels.removesuffix("}")
    return f"{name}{{{','.join([*([own] if own else []), *(f'{one}={value!r}' for one, value in TARGET.items())])}}}"


def written(alert: str, case: dict[str, Any], firing: list[dict[str, str]]) -> dict[str, Any]:
    """One test in promtool's form: which of the alert's instances fire at a time."""
    series = [{"series": labelled(name), "values": str(values)} for name, values in case["series"].items()]
    expected = [
        f"ALERTS{{{','.join(f'{name}={value!r}' for name, value in sorted(labels.items()))}}}" for labels in firing
    ]
    return {
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{alert}",alertstate="firing"}}',
                "eval_time": case["at"],
                "exp_samples": [{"labels": one.replace("'", '"'), "value": 1} for one in expected],
            }
        ],
    }


def firing(alert: str, case: dict[str, Any]) -> dict[str, str]:
    kept = {name: value for name, value in TARGET.items() if name != "instance" and alert != "GatewayGone"}
    told = {"alertname": alert, "alertstate": "firing", "severity": RULE[alert]["labels"]["severity"]}
    return {**kept, **told, **case["with"]}


def test_prometheus_takes_them() -> None:
    promtool("check", "rules", RULES)


def test_each_fires_when_it_should_and_only_then(tmp_path: pathlib.Path) -> None:
    assert set(OF_SERIES) == set(RULE), "a case for each alert"
    for alert, cases in OF_SERIES.items():
        tests = [
            written(alert, cases["fires"], [firing(alert, cases["fires"])]),
            written(alert, cases["quiet"], []),
        ]
        write_tests(tmp_path, alert, tests)
    promtool("test", "rules", *sorted(tmp_path.glob("*.test.yaml")))


def write_tests(folder: pathlib.Path, alert: str, tests: list[dict[str, Any]]) -> None:
    """A file of tests for promtool, of one rule alone: others would be evaluated for nothing."""
    rules = folder / f"{alert}.rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [RULE[alert]]}]}, width=1000))
    form = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}
    (folder / f"{alert}.test.yaml").write_text(yaml.safe_dump(form, sort_keys=False, width=1000))


def test_what_a_person_reads_is_filled_in(tmp_path: pathlib.Path) -> None:
    case = OF_SERIES["BankFails"]["fires"]
    test = written("BankFails", case, [])
    del test["promql_expr_test"]
    labels = {name: value for name, value in firing("BankFails", case).items() if not name.startswith("alert")}
    annotations = {
        "summary": "albion fails",
        "description": "40% of the attempts at albion met 5xx, no answer in time, or nobody.",
        "runbook": "docs/operations.md#bankfails",
    }
    expected = [{"exp_labels": labels, "exp_annotations": annotations}]
    test["alert_rule_test"] = [{"eval_time": case["at"], "alertname": "BankFails", "exp_alerts": expected}]
    write_tests(tmp_path, "BankFails", [test])
    promtool("test", "rules", tmp_path / "BankFails.test.yaml")


@pytest.mark.parametrize("alert", RULE)
def test_it_asks_only_for_metrics_and_labels_that_exist(alert: str) -> None:
    told = told_by_the_gateway()
    found = queried(RULE[alert]["expr"])
    assert found
    for name, labels in found:
        assert name in told, name
        assert labels <= told[name], (name, labels - told[name])


@pytest.mark.parametrize("alert", RULE)
def test_an_operator_can_read_what_to_do(alert: str) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    annotations = RULE[alert]["annotations"]
    assert annotations["runbook"] == f"docs/operations.md#{alert.lower()}"
    [said] = re.findall(rf"^#### {alert}\n\n(.+?)(?=\n#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert len(said.split()) >= 15
    assert annotations["summary"]
    assert annotations["description"]


def test_the_chart_gives_them_less_those_that_are_not_wanted() -> None:
    values = {"monitoring": {"rules": {"enabled": True, "without": ["LimitsHit"]}}}
    groups = render(values)["PrometheusRule/door"]["spec"]["groups"]
    given = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    assert given == {name: rule for name, rule in RULE.items() if name != "LimitsHit"}
    assert alerts() == list(RULE)
