"""A schema's violations in the editor's words: where, what, and the remedy; never a dump of the value."""

import jsonschema
import pytest

from gateway.files import Schema, read_yaml, report

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^[^ ]*$"},
        "host": {"type": "string", "pattern": "^[a-z.]+$", "x-says": "a host name"},
        "token": {"type": "string", "pattern": "^file:", "x-says": "a reference", "x-secret": True},
        "kind": {"enum": ["card", "loan"]},
        "version": {"const": 1},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "ratio": {"type": "number", "exclusiveMinimum": 0},
        "open": {"type": ["boolean", "null"]},
        "keys": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string"}},
        "pair": {"type": "array", "minItems": 2},
        "flow": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "ways": {"type": "object", "propertyNames": {"enum": ["default", "accounts"]}},
        "headers": {"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False},
        "route": {
            "oneOf": [
                {"type": "object", "required": ["operation"], "properties": {"operation": {"type": "string"}}},
                {"type": "object", "required": ["upstream", "url"], "properties": {"upstream": {"type": "string"}}},
            ]
        },
        "both": {"type": "object", "dependentRequired": {"key": ["certificate"]}},
        "never": {"not": {}, "x-says": "is for other listeners"},
    },
}


def told(content: str) -> list[str]:
    loaded, problems = read_yaml("f.yaml", content)
    assert loaded is not None
    assert problems == []
    return [str(problem).removeprefix("f.yaml:") for problem in report(Schema(SCHEMA).check(loaded))]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("nmae: x", "1:1 nmae: unknown key 'nmae' (did you mean 'name'?)"),
        ("host: 5", "1:7 host: must be text"),
        ("host: A!", "1:7 host: 'A!' is not a host name"),
        ("token: CANARY", "1:8 token: is not a reference (what stands here is not shown, it may be a secret)"),
        ("kind: lone", "1:7 kind: 'lone' is not one of: card, loan (did you mean 'loan'?)"),
        ("version: 2", "1:10 version: must be '1'"),
        ("count: 0", "1:8 count: must be at least 1"),
        ("count: 10", "1:8 count: must be at most 9"),
        ("count: 1.5", "1:8 count: must be a whole number"),
        ("ratio: 0", "1:8 ratio: must be more than 0"),
        ("open: maybe", "1:7 open: must be true or false or null"),
        ("keys: []", "1:7 keys: must not be empty"),
        ("keys: [a, a]", "1:7 keys: holds the same item twice"),
        ("keys: [a, 5]", "1:11 keys[1]: must be text"),
        ("pair: [a]", "1:7 pair: needs at least 2"),
        ("flow: 5", "1:7 flow: must be text or a list"),
        ("flow: [a, 5]", "1:11 flow[1]: must be text"),
        (
            "ways: {acounts: 1}",
            "1:8 ways.acounts: the key 'acounts' is not one of: default, accounts (did you mean 'accounts'?)",
        ),
        ("headers: {x-one: a, two: b}", "1:21 headers.two: unknown key 'two'"),
        ("route: {operation: 5}", "1:20 route.operation: must be text"),
        ("route: {}", "1:8 route: 'operation' is required"),
        ("both: {key: a}", "1:7 both: a key that goes with others stands alone: {'key': ['certificate']}"),
        ("never: 1", "1:1 never: is for other listeners"),
    ],
)
def test_a_violation_names_the_place_and_the_remedy(line, problem):
    assert told(f"{line}\nname: x\n") == [problem]


def test_what_is_missing_is_told_at_what_lacks_it():
    assert told("{}") == ["1:1 'name' is required"]
    assert told("name: ''") == ["1:7 name: must not be empty"]
    assert told("name: abcdefghi") == []
    assert told("name: abcdefghij") == ["1:7 name: takes at most 9"]


def test_a_refused_value_is_shown_on_one_line_and_not_whole():
    assert told('host: "a\\nb\\e[31m"\nname: x') == [r"1:7 host: 'a\nb\x1b[31m' is not a host name"]
    assert told(f"host: {'A' * 5000}\nname: x") == [f"1:7 host: '{'A' * 60}…' is not a host name"]
    assert told(f"kind: {'A' * 5000}\nname: x") == [f"1:7 kind: '{'A' * 60}…' is not one of: card, loan"]
    assert told(f"name: x\n{'A' * 900}: 1") == [f"2:1 {'A' * 60}…: unknown key '{'A' * 60}…'"]


def test_every_violation_of_a_file_is_told():
    assert [one.split(" ")[1] for one in told("count: 0\nkind: x\nopen: 1\nother: 1\n")] == [
        "'name'", "count:", "kind:", "open:", "other:",
    ]  # fmt: skip


def test_a_schema_that_is_none_is_a_mistake_of_ours():
    with pytest.raises(jsonschema.SchemaError):
        Schema({"type": "txt"})
