"""Where records and values are found: containers, lone objects, records within others, the other roots."""

from typing import Any

import msgspec
import pytest

from gateway.mapping.records import BoundMapping
from tests.mapping.laboratory import (
    CALL,
    ROW,
    SHAPES,
    TRANSACTIONS,
    bound,
    compiled,
    rendered,
    rows,
    run,
)

NESTED = (
    SHAPES["rows"]
    .replace(
        "  rows:\n",
        """  one: {$ref: '#/$defs/row'}
  lone: {type: [array, object], items: {$ref: '#/$defs/row'}}
  groups:
    type: array
    items: {type: object, properties: {id: {type: string}, rows: {type: array, items: {$ref: '#/$defs/row'}}}}
  rows:
""",
    )
    .replace(
        "    items:\n      type: object\n", "    items: {$ref: '#/$defs/row'}\n$defs:\n  row:\n      type: object\n"
    )
)


def reading(tmp_path: Any, records: str, mapping: str = TRANSACTIONS) -> BoundMapping:
    text = mapping.replace("records: $.rows[*]", f"records: {records}")
    shapes = {"rows": NESTED.replace("required: [rows]\n", "")}
    return bound(compiled(tmp_path, text, shapes=shapes), "testing/transactions.list")


@pytest.mark.parametrize(("held", "count"), [([ROW], 1), (ROW, 1), ([ROW, {**ROW, "id": "2"}], 2), ([], 0), (None, 0)])
def test_one_object_may_stand_for_a_list_of_one(tmp_path, held, count):
    page = run(reading(tmp_path, "$.lone[*]"), {"lone": held})
    assert (len(page.records), page.positions, page.incomplete) == (count, list(range(count)), None)


def test_texts_of_a_mapping_may_hold_line_ends(tmp_path):
    text = TRANSACTIONS.replace("additional: $.text", 'additional: {join: [$.text, $.day], with: "\\n\\n"}')
    [record] = run(bound(compiled(tmp_path, text), "testing/transactions.list"), rows({"text": "a\n\nb"})).records
    assert record.remittance.additional == f"a\n\nb\n\n{ROW['day']}"


def test_the_only_record(tmp_path):
    read = reading(tmp_path, "$.one")
    assert [len(run(read, document).records) for document in ({"one": ROW}, {"one": None}, {})] == [1, 0, 0]


@pytest.mark.parametrize(
    ("held", "review"),
    [
        ({**ROW, "state": "Q"}, ("status", "unknown_value", "$.state")),
        ({}, ("status", "missing", "$.state")),
        ({**ROW, "day": 5}, (None, "shape", "$.day")),
    ],
)
def test_the_only_record_is_set_aside_as_any_other(tmp_path, held, review):
    page = run(reading(tmp_path, "$.one"), {"one": held})
    assert page.records == []
    assert [(told.field, told.reason, told.path) for told in page.incomplete.reviews] == [review]


def test_several_places_of_records_are_one_page(tmp_path):
    read = reading(tmp_path, '["$.rows[*]", "$.lone[*]"]')
    page = run(read, {"lone": [{**ROW, "id": "2", "state": "Q"}, {**ROW, "id": "3"}], **rows({}, {"state": "Q"})})
    assert (page.positions, [told.position for told in page.incomplete.reviews]) == ([0, 3], [1, 2])
    slow = run(read, {"lone": [{**ROW, "id": "2", "state": "Q"}, 5, {**ROW, "id": "3"}], **rows({}, {"state": "Q"})})
    assert (slow.positions, [told.position for told in slow.incomplete.reviews]) == ([0, 4], [1, 2, 3])


def test_of_records_within_others_those_of_the_account_that_was_asked(tmp_path):
    read = reading(tmp_path, '[{path: "$.groups[*].rows[*]", within: $.id}]')
    groups = [
        {"id": "other", "rows": [{**ROW, "id": "1"}]},
        {"id": "account", "rows": [{**ROW, "id": "2"}, {**ROW, "id": "3", "state": "Q"}]},
        {"rows": [{**ROW, "id": "4"}]},
        {"id": "account", "rows": [{**ROW, "id": "5"}]},
        {"id": "account"},
    ]
    page = run(read, {"groups": groups})
    assert (page.positions, [told.position for told in page.incomplete.reviews]) == ([0, 2], [1])
    groups[3]["rows"][0]["day"] = 5
    slow = run(read, {"groups": groups})
    assert (slow.positions, [told.position for told in slow.incomplete.reviews]) == ([0], [1, 2])


def test_what_a_place_of_records_says_alone(tmp_path):
    mapping = TRANSACTIONS.replace("fields:", "let: {list: {const: none}}\nfields:", 1).replace(
        "additional: $.text", "additional: {let: list}"
    )
    records = '[{path: "$.rows[*]", set: {status: booked, list: first}}, {path: "$.lone[*]", set: {status: pending}}]'
    document = {**rows({"state": "Q"}), "lone": [{**ROW, "id": "9", "state": None}]}
    first, second = rendered(run(reading(tmp_path, records, mapping), document))["transactions"]
    assert (first["status"], first["booked_on"], first["remittance"]["additional"]) == ("booked", "2026-01-02", "first")
    assert (second["status"], second["booked_on"], second["remittance"]["additional"]) == ("pending", None, "none")


def test_values_of_the_header_the_call_and_the_document(tmp_path):
    mapping = TRANSACTIONS.replace("page: {next: $.next}", "page: {next: {path: $.Link, of: header}}").replace(
        "additional: $.text",
        "additional: {join: [{path: $.bank, of: call}, {path: $.holder.name, of: document}]}",
    )
    read = bound(compiled(tmp_path, mapping), "testing/transactions.list")
    for document in (rows({}), rows({}, {"day": 5})):
        page = rendered(run(read, {**document, "holder": {"name": "Ada"}}, headers={"Link": "/2"}))
        assert page["transactions"][0]["remittance"]["additional"] == "bank Ada"
        assert page["next"] == "/2"


def test_the_own_account_is_known_by_its_numbers(tmp_path):
    mapping = TRANSACTIONS.replace("additional: $.text", "additional: {path: $.text, when: {path: $.text, own: false}}")
    read = bound(compiled(tmp_path, mapping), "testing/transactions.list")
    call = msgspec.structs.replace(CALL, numbers=frozenset({"DE1"}))
    page = rendered(run(read, rows({"text": " de 1"}, {"text": "DE2"}), call))
    assert [record["remittance"]["additional"] for record in page["transactions"]] == [None, "DE2"]
