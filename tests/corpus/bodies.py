"""WireMock's matchers of a request's body: text, JSON with json-unit's placeholders, and the JSONPath that occurs.

The JSONPath is Jayway's, which is no RFC 9535: a filter over an object asks the object itself, `.[0]` is an index.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.corpus.matchers import Condition, Finding, Received, build_value_test

_STEP = re.compile(r"\.?\[\?\((?P<filter>.+?)\)\](?=$|[.\[])|\.?\[(?P<index>\d+)\]|\.?(?P<name>\w+)")
_CLAUSE = re.compile(
    r"@\.?(?P<path>[\w.\[\]]*?)(?P<size>\.size\(\))?\s*(?P<operator>==|=~|size|subsetof)\s*(?P<value>.+)"
)


class Unservable(ValueError):
    """A pair asks for a matcher that this server does not have."""


def build_body_conditions(patterns: Sequence[Mapping[str, Any]]) -> Iterator[Condition]:
    """Builds one condition a pattern. Raises Unservable for XML and unknown kinds."""
    for pattern in patterns:
        yield _body_condition(pattern)


def _body_condition(pattern: Mapping[str, Any]) -> Condition:
    about = f"body {' '.join(pattern)}"
    if "equalToJson" in pattern:
        wanted = _as_json(pattern["equalToJson"])
        any_order = pattern.get("ignoreArrayOrder") is True
        extra = pattern.get("ignoreExtraElements") is True
        return _condition(about, lambda body: _equals(wanted, json.loads(body), any_order=any_order, extra=extra))
    if "matchesJsonPath" in pattern:
        return _path_condition(about, pattern["matchesJsonPath"])
    try:
        holds = build_value_test(pattern)
    except ValueError as unknown:
        raise Unservable(f"bodyPatterns: {unknown}") from unknown
    return _condition(about, lambda body: holds([body]))


def _path_condition(about: str, asked: str | Mapping[str, Any]) -> Condition:
    if isinstance(asked, str):
        finds = compile_path(asked)
        return _condition(f"{about} {asked}", lambda body: bool(finds(json.loads(body))))
    expression = asked["expression"]
    finds = compile_path(expression)
    inner = _body_condition({kind: value for kind, value in asked.items() if kind != "expression"})

    def holds(body: str) -> bool:
        found = [value if isinstance(value, str) else json.dumps(value) for value in finds(json.loads(body))]
        return any(inner.examine(Received("", "", (), text.encode())).holds for text in found)

    return _condition(f"{about} {expression}", holds)


def _condition(about: str, holds: Callable[[str], bool]) -> Condition:
    def examine(received: Received) -> Finding:
        try:
            held = holds(received.body.decode())
        except ValueError:  # neither text nor JSON
            held = False
        return Finding(about, held, seen=f"{len(received.body)} bytes")

    return Condition(about, examine)


def _as_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _equals(wanted: Any, got: Any, *, any_order: bool, extra: bool) -> bool:
    """Compares as json-unit does: numbers by value, placeholders in the wanted text."""
    if isinstance(wanted, str) and wanted.startswith("${json-unit."):
        if wanted == "${json-unit.any-string}":
            return isinstance(got, str)
        return isinstance(got, str) and bool(re.fullmatch(wanted.removeprefix("${json-unit.regex}"), got))
    if isinstance(wanted, dict):
        if not isinstance(got, dict) or not (wanted.keys() <= got.keys() if extra else wanted.keys() == got.keys()):
            return False
        return all(_equals(value, got[key], any_order=any_order, extra=extra) for key, value in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(got, list) or (len(got) < len(wanted) if extra else len(got) != len(wanted)):
            return False
        if not any_order:
            return all(
                _equals(one, other, any_order=False, extra=extra) for one, other in zip(wanted, got, strict=False)
            )
        return _same_items(wanted, got, extra=extra)
    return type(wanted) is type(got) and bool(wanted == got)


def _same_items(wanted: list[Any], got: list[Any], *, extra: bool) -> bool:
    left = list(got)
    for one in wanted:
        place = next((at for at, item in enumerate(left) if _equals(one, item, any_order=True, extra=extra)), None)
        if place is None:
            return False
        del left[place]
    return True


def compile_path(expression: str) -> Callable[[Any], list[Any]]:
    """Makes an expression callable: it answers what the expression finds. Raises Unservable if it is not understood."""
    steps, text, at = [], expression.removeprefix("$").removesuffix("."), 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise Unservable(f"bodyPatterns: {expression!r} is not understood at {text[at:]!r}")
        steps.append(_compile_step(step))
        at = step.end()

    def select(document: Any) -> list[Any]:
        found = [document]
        for advance in steps:
            found = [item for value in found for item in advance(value)]
        return found

    return select


def _compile_step(step: re.Match[str]) -> Callable[[Any], list[Any]]:
    if step["filter"] is not None:
        clauses = [_compile_clause(clause) for clause in step["filter"].split("&&")]

        def sift(value: Any) -> list[Any]:
            items = value if isinstance(value, list) else [value]
            return [item for item in items if all(holds(item) for holds in clauses)]

        return sift
    if step["index"] is not None:
        index = int(step["index"])
        return lambda value: value[index : index + 1] if isinstance(value, list) else []
    name = step["name"]
    return lambda value: [value[name]] if isinstance(value, dict) and name in value else []


def _compile_clause(clause: str) -> Callable[[Any], bool]:
    parts = _CLAUSE.fullmatch(clause.strip())
    if parts is None:
        raise Unservable(f"bodyPatterns: the filter {clause!r} is not understood")
    select = compile_path("$." + parts["path"] if parts["path"] else "$")
    compares = _compile_comparison(parts["operator"], parts["value"].strip(), sized=parts["size"] is not None)

    def holds(item: Any) -> bool:
        values = select(item)
        return bool(values) and compares(values[0])

    return holds


def _compile_comparison(operator: str, written: str, *, sized: bool) -> Callable[[Any], bool]:
    if operator == "=~":
        text, _, flags = written.removeprefix("/").rpartition("/")
        pattern = re.compile(text, re.IGNORECASE if "i" in flags else 0)
        return lambda value: isinstance(value, str) and bool(pattern.fullmatch(value))
    wanted = json.loads(written.replace("'", '"'))
    if operator == "subsetof":
        return lambda value: set(value) <= set(wanted)
    if operator == "size" or sized:
        return lambda value: len(value) == wanted
    return lambda value: type(value) is type(wanted) and bool(value == wanted)
