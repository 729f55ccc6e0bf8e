"""JSON Schema 2020-12 over a loaded file: every violation as a problem in the editor's words, never a value's dump.

A schema may give a pattern's meaning in `x-says` ("a host name"); it is told instead of the expression. With
`x-secret` the value is not shown.
"""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from gateway.files.problems import Problem, near, shown
from gateway.files.reading import Loaded, Path

_WORDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


class Schema:
    """A checked JSON Schema, ready to check files."""

    def __init__(self, schema: dict[str, Any]) -> None:
        jsonschema.Draft202012Validator.check_schema(schema)
        self._validator = jsonschema.Draft202012Validator(schema)

    @classmethod
    def read(cls, content: bytes) -> "Schema":
        """What a file of JSON says; checked once for equal contents, since that takes longer than what it is for."""
        return _read(content)

    def check(self, loaded: Loaded) -> list[Problem]:
        """Every violation of a file, unsorted."""
        return list(self.problems(loaded, (), loaded.value))

    def problems(self, loaded: Loaded, at: Path, value: Any) -> Iterator[Problem]:
        """Every violation of one value of a file that stands at a path."""
        for error in self._validator.iter_errors(value):
            yield from _told(loaded, at, error)


@functools.lru_cache(maxsize=16)
def _read(content: bytes) -> Schema:
    return Schema(json.loads(content))


def _told(loaded: Loaded, at: Path, error: ValidationError) -> Iterator[Problem]:
    path = (*at, *error.absolute_path)
    kind = str(error.validator)
    value: Any = error.instance
    rule: Any = error.validator_value
    schema = error.schema if isinstance(error.schema, dict) else {}
    if "propertyNames" in error.relative_schema_path:  # what is wrong is a key of what stands at the path
        yield loaded.problem((*path, str(value)), f"the key {_message(kind, rule, value, schema)}", key=True)
    elif kind in {"oneOf", "anyOf"} and error.context:
        yield from _closest(loaded, at, error)
    elif kind in {"additionalProperties", "unevaluatedProperties"}:
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        for key in value:
            if key not in known and not any(_matches(pattern, key) for pattern in patterns):
                yield loaded.problem((*path, key), f"unknown key '{shown(key)}'{near(key, known)}", key=True)
    elif kind == "required":
        missing = [name for name in rule if name not in value]
        for name in missing:
            if repr(name) in error.message:
                yield loaded.problem(path, f"'{name}' is required")
    else:
        yield loaded.problem(path, _message(kind, rule, value, schema), key=kind == "not")


def _closest(loaded: Loaded, at: Path, error: ValidationError) -> Iterator[Problem]:
    """Of several alternatives, tells the one that came furthest; of equal ones, what each would take."""
    branches: dict[Any, list[ValidationError]] = {}
    for child in error.context or ():
        branches.setdefault(child.schema_path[0], []).append(child)
    wrong_type = [b for b in branches.values() if len(b) == 1 and b[0].validator == "type" and not b[0].path]
    rest = [b for b in branches.values() if b not in wrong_type]
    if not rest:
        takes = " or ".join(dict.fromkeys(_types(b[0].validator_value) for b in wrong_type))
        yield loaded.problem((*at, *error.absolute_path), f"must be {takes}")
        return
    for child in max(rest, key=lambda branch: max(len(e.absolute_path) for e in branch) - len(branch)):
        yield from _told(loaded, at, child)


def _matches(pattern: str, key: str) -> bool:
    return re.search(pattern, key) is not None


def _types(rule: Any) -> str:
    names: list[str] = rule if isinstance(rule, list) else [rule]
    return " or ".join(_WORDS.get(name, name) for name in names)


def _message(kind: str, rule: Any, value: Any, schema: dict[str, Any]) -> str:
    match kind:
        case "type":
            return f"must be {_types(rule)}"
        case "enum":
            words = ", ".join(str(one) for one in rule)
            return f"'{shown(value)}' is not one of: {words}{near(shown(value), rule)}"
        case "const":
            return f"must be '{rule}'"
        case "pattern" if schema.get("x-secret"):
            return f"is not {schema['x-says']} (what stands here is not shown, it may be a secret)"
        case "pattern":
            return f"'{shown(value)}' is not {schema.get('x-says', f'of the form {rule}')}"
        case "minLength" | "minItems" | "minProperties":
            return "must not be empty" if rule == 1 else f"needs at least {rule}"
        case "maxLength" | "maxItems" | "maxProperties":
            return f"takes at most {rule}"
        case "minimum":
            return f"must be at least {rule}"
        case "exclusiveMinimum":
            return f"must be more than {rule}"
        case "maximum":
            return f"must be at most {rule}"
        case "uniqueItems":
            return "holds the same item twice"
        case "dependentRequired":
            return f"a key that goes with others stands alone: {rule}"
        case "not":
            return str(schema.get("x-says", "is not taken here"))
        case "minContains" | "contains":
            return str(schema.get("x-says", "lacks a required item"))
        case _:
            return f"is not valid ({kind})"
