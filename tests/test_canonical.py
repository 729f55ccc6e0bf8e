"""The contract's schemas say what every field is, keep every field present, and agree with their own examples."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from gateway import errors
from gateway.files import shipped

FOLDER = shipped() / "mappings" / "canonical" / "v1"
SCHEMAS: dict[str, dict[str, Any]] = {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
BASE = "https://schemas.bank-gateway.example/v1/"
REGISTRY: Registry[Any] = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()
)
FORMATS = jsonschema.Draft202012Validator.FORMAT_CHECKER

# design.md's records: exactly these names; those that may never be null.
RECORDS = {
    "account": (
        "id id_basis identifications servicer currency type usage label holders status linked_account source",
        "id id_basis identifications servicer type holders source",
    ),
    "balance": (
        "account_id type type_raw amount limit_included limits as_of reference_date fetched_at source",
        "account_id type amount limits fetched_at source",
    ),
    "transaction": (
        """id account_id id_basis id_stability supersedes status amount booked_on booked_at expected_on value_on
        transacted_on original fx charges counterparty ultimate merchant references remittance code reversal batch
        balance_after source""",
        "id account_id id_basis id_stability status amount charges references remittance source",
    ),
}


def nodes(value: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a file with its JSON pointer; examples are passed over."""
    if isinstance(value, dict):
        yield pointer, value
        for key, child in value.items():
            if key not in {"examples", "enum", "const", "required"}:
                yield from nodes(child, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from nodes(child, f"{pointer}/{index}")


def properties() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in SCHEMAS.items():
        for pointer, node in nodes(schema):
            if not pointer.endswith(("/then", "/if")):
                for field, property_schema in node.get("properties", {}).items():
                    yield f"{name}#{pointer}/properties/{field}", property_schema


def exemplified() -> Iterator[tuple[str, Any]]:
    for name, schema in SCHEMAS.items():
        for pointer, node in nodes(schema):
            for example in node.get("examples", ()) if not pointer.endswith("/properties") else ():
                yield f"{name}#{pointer}", example


def validator(reference: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"$ref": BASE + reference}, registry=REGISTRY, format_checker=FORMATS)


def takes(reference: str, value: Any) -> bool:
    return bool(validator(reference).is_valid(value))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_file_is_a_2020_12_schema_under_its_own_versioned_name(name):
    schema = SCHEMAS[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == BASE + name


@pytest.mark.parametrize("name", SCHEMAS)
def test_references_are_relative_and_lead_somewhere(name):
    resolver = REGISTRY.resolver(SCHEMAS[name]["$id"])
    for _, node in nodes(SCHEMAS[name]):
        if "$ref" in node:
            assert "://" not in node["$ref"]
            resolver.lookup(node["$ref"])


@pytest.mark.parametrize("schema", [pytest.param(schema, id=place) for place, schema in properties()])
def test_every_property_tells_its_meaning_an_example_and_its_source(schema):
    assert schema["description"].endswith((".", ")"))
    assert schema["examples"]
    assert schema["x-source"]


@pytest.mark.parametrize(("place", "example"), list(exemplified()))
def test_every_example_is_valid_where_it_stands(place, example):
    validator(place).validate(example)


def test_every_object_is_closed_and_its_fields_always_present():
    for name, schema in SCHEMAS.items():
        for pointer, node in nodes(schema):
            if node.get("type") == "object" and "properties" in node:
                assert node["additionalProperties"] is False, f"{name}#{pointer}"
                if (name, pointer) != ("problem.schema.json", ""):
                    assert node["required"] == list(node["properties"]), f"{name}#{pointer}"


@pytest.mark.parametrize("record", RECORDS)
def test_records_have_the_fields_of_the_design_and_only_those_with_a_mark_are_never_null(record):
    fields, never_null = (words.split() for words in RECORDS[record])
    schema = SCHEMAS[f"{record}.schema.json"]
    assert list(schema["properties"]) == fields
    reference = f"{record}.schema.json#/properties/"
    assert [field for field in fields if not takes(reference + field, None)] == never_null


def test_lists_are_never_null():
    for place, schema in properties():
        if schema.get("type") == "array" or "array" in schema.get("type", ()):
            assert schema["type"] == "array", place


def test_a_problem_always_says_what_who_and_whether_to_repeat_and_the_rest_only_where_it_is_so():
    schema = SCHEMAS["problem.schema.json"]
    assert schema["required"] == ["type", "title", "status", "code", "origin", "safe_to_repeat"]
    sometimes = {
        "detail",
        "instance",
        "trace_id",
        "errors",
        "bank",
        "review",
        "bank_status",
        "bank_code",
        "retry_after",
        "violated-policies",
    }
    assert set(schema["properties"]) - set(schema["required"]) == sometimes


def test_the_problem_codes_are_those_of_the_error_tree():
    assert SCHEMAS["problem.schema.json"]["properties"]["code"]["enum"] == [kind.code for kind in errors.kinds()]


@pytest.mark.parametrize("text", ["0", "0.00", "-12.34", "1056", "12345678901234567890.123456789"])
def test_decimals(text):
    assert takes("common.schema.json#/$defs/decimal", text)


@pytest.mark.parametrize("value", ["-0", "-0.00", "+1", "01", "1.", ".5", "1,5", "1e3", " 1", "", "NaN", 1, 1.5])
def test_what_is_no_decimal(value):
    assert not takes("common.schema.json#/$defs/decimal", value)


@pytest.mark.parametrize(
    ("word", "good", "bad"),
    [
        ("currency", "EUR", "eur"),
        ("date", "2026-02-28", "2026-02-30"),
        ("date", "2026-11-20", "20/11/2026"),
        ("instant", "2026-11-20T14:03:27+01:00", "2026-11-20T14:03:27"),
        ("instant", "2026-11-20T14:03:27.5Z", "2026-11-20 14:03:27Z"),
        ("bic", "SOGEDEFF", "SOGEDEF"),
        ("iban", "DE02500105170137075030", "DE02 5001 0517 0137 0750 30"),
        ("mcc", "0742", "742"),
        ("id", "acc_1-Z", "acc/1"),
    ],
)
def test_words_of_a_fixed_form(word, good, bad):
    assert takes(f"common.schema.json#/$defs/{word}", good)
    assert not takes(f"common.schema.json#/$defs/{word}", bad)


def test_an_identification_called_iban_is_one():
    reference = "common.schema.json#/$defs/identification"
    assert takes(reference, {"scheme": "bban", "value": "5001 0517"})
    assert not takes(reference, {"scheme": "iban", "value": "5001 0517"})


@pytest.mark.parametrize("field", ["booked_on", "booked_at"])
def test_what_is_not_booked_has_no_booking_date(field):
    booked, pending = SCHEMAS["transaction.schema.json"]["examples"]
    assert takes("transaction.schema.json", {**booked, field: None})
    assert not takes("transaction.schema.json", {**pending, field: booked[field]})


def test_a_page_is_of_one_kind_of_record():
    account = SCHEMAS["account.schema.json"]["examples"][0]
    page = {"accounts": [account], "incomplete": None, "next": None}
    assert takes("page.schema.json", page)
    assert not takes("page.schema.json", {**page, "balances": []})
    assert not takes("page.schema.json", {"balances": [account], "incomplete": None, "next": None})
    assert not takes("page.schema.json", {"accounts": [account]})


def test_the_examples_of_the_contract_s_page_are_valid():
    page = (shipped() / "docs" / "contract.md").read_text()
    blocks = re.findall(r"^```json (\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == page.count("```json") == 4
    for reference, text in blocks:
        validator(reference).validate(json.loads(text))
