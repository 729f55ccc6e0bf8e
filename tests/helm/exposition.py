"""Which samples and labels the gateway's exposition can have; and which ones a query asks for."""

import functools
import re
from collections.abc import Mapping
from typing import Any
from unittest import mock

from gateway.telemetry.metrics import Metrics
from gateway.telemetry.series import Family

# What Prometheus and its operator add to every series.
OF_THE_TARGET = frozenset({"namespace", "job", "instance", "pod", "service", "container", "endpoint"})
_NAME = re.compile(r"\b((?:gateway|process)_[a-z_]+)\b(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
_PARTS = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


@functools.cache
def told_by_the_gateway() -> Mapping[str, frozenset[str]]:
    """Sample name -> label names. A series is there once something happened, so the families themselves are asked."""
    found: dict[str, frozenset[str]] = {}
    build = Family.__init__

    def noted(self: Family, name: str, kind: str, text: str, labels: tuple[str, ...], *more: Any) -> None:
        for part in _PARTS[kind]:
            found[name + part] = frozenset(labels) | OF_THE_TARGET | ({"le"} if part == "_bucket" else frozenset())
        build(self, name, kind, text, labels, *more)

    with mock.patch.object(Family, "__init__", noted):
        text = Metrics().text().decode()
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")} <= {
        name.removesuffix("_bucket") for name in found
    }
    return found


def queried(expression: str) -> list[tuple[str, frozenset[str]]]:
    """(sample, labels) of each selector of a query: what it matches, and what the sums around it keep."""
    bare = re.sub(r'"[^"]*"', lambda text: '"' + "_" * (len(text[0]) - 2) + '"', expression)
    kept = [(found.end(), _end(bare, found.end()), found[1]) for found in _GROUPING.finditer(bare)]
    named = _GROUPING.sub(lambda found: " " * len(found[0]), bare)
    return [
        (
            found[1],
            frozenset(_MATCHER.findall(found[2] or ""))
            | {
                label.strip()
                for begin, end, labels in kept
                if begin <= found.start() < end
                for label in labels.split(",")
            },
        )
        for found in _NAME.finditer(named)
    ]


def _end(text: str, begin: int) -> int:
    """Where the parenthesis ends that begins at or after a place."""
    depth = 0
    for place in range(text.index("(", begin), len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise AssertionError(f"a parenthesis without an end: {text}")
