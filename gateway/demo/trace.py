"""One trace as a tree: the caller's span, the gateway's below it, and below that each attempt at the bank."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text
from rich.tree import Tree

_NANOSECONDS = 1_000_000
_TOLD = {
    "http.response.status_code": "status",
    "http.request.resend_count": "resend",
    "error.type": "error",
    "gateway.bank": "bank",
    "gateway.dialect": "dialect",
    "gateway.mapping": "mapping",
    "gateway.records.normalised": "records",
    "gateway.records.left_out": "left out",
}


def children_of(spans: Sequence[dict[str, Any]], parent_id: str) -> list[dict[str, Any]]:
    """The spans directly below another, in the order in which they began."""
    return sorted((span for span in spans if span["parent_id"] == parent_id), key=lambda span: span["start"])


def draw(spans: Sequence[dict[str, Any]], root_id: str, root: str) -> Tree:
    """The tree below a span of somebody else, which is called `root`."""
    tree = Tree(Text(root, style="bold"))
    _grow(tree, spans, root_id)
    return tree


def _grow(tree: Tree, spans: Sequence[dict[str, Any]], parent_id: str) -> None:
    for span in children_of(spans, parent_id):
        attributes = span["attributes"]
        milliseconds = (span["end"] - span["start"]) / _NANOSECONDS
        told = [f"{name} {attributes[key]}" for key, name in _TOLD.items() if key in attributes]
        line = Text.assemble((span["name"], "bold"), f" [{span['kind']}, {milliseconds:.1f} ms] ", ", ".join(told))
        _grow(tree.add(line), spans, span["span_id"])
