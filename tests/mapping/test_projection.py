"""Only what is read is decoded, no number passes a float, and both ways of decoding answer the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.records import BoundMapping
from tests.mapping.laboratory import (
    ACCOUNTS,
    ROW,
    TRANSACTIONS,
    compiled,
    page_validator,
    rendered,
    rows,
    run,
)

VALIDATOR = page_validator()


@pytest.mark.parametrize(
    ("sent", "made"),
    [
        (b"12345678901234567890", "12345678901234567890"),
        (b"12345678901234567890.12", "12345678901234567890.12"),
        (b"0.1", "0.1"),
        (b"1e3", "1000"),
        (b"-0.0", "0.0"),
        (b"9007199263392129", "9007199263392129"),
        (b"100000000000000000000000000000", "100000000000000000000000000000"),
        (b"1.10", "1.10"),
    ],
)
def test_a_number_never_passes_a_float(transactions, sent, made):
    body = b'{"rows": [{"id": %s, "state": "B", "amount": %s, "currency": "EUR", "day": "2026-01-02"}]}' % (sent, sent)
    as_text = body.replace(sent, b'"%s"' % sent)
    (record,) = rendered(run(transactions, body))["transactions"]
    assert record["amount"]["value"] == made
    assert record == rendered(run(transactions, as_text))["transactions"][0]


def test_what_no_path_reads_need_not_be_of_its_shape(transactions):
    other = {"unread": "no integer", "count": [], "open": "?", "new": {"deep": [1, None]}, "notes": 5, "numbers": True}
    page = rendered(run(transactions, {**rows({}, other), "holder": 5}))
    assert page["incomplete"] is None
    assert [{**record, "id": ""} for record in page["transactions"]] == [{**page["transactions"][0], "id": ""}] * 2


def test_a_null_is_read_as_absent(transactions):
    without = {key: value for key, value in ROW.items() if key not in {"text", "direction"}}
    page = rendered(run(transactions, {"rows": [without, {**without, "text": None, "direction": None}], "next": None}))
    assert page["transactions"][0] == page["transactions"][1]
    assert page["next"] is None


numbers = (
    st.integers(-(10**22), 10**22) | st.decimals(-(10**6), 10**6, places=2).map(str) | st.sampled_from(["", "x", "1e3"])
)
fields = {
    "id": st.none() | numbers,
    "state": st.sampled_from(["B", "P", "Q", None]),
    "amount": numbers,
    "currency": st.sampled_from(["EUR", "eur", "EURO", None]),
    "direction": st.sampled_from(["C", "D", "X", None]),
    "day": st.sampled_from(["2026-01-02", "2026-01-02T10:00:00Z", "2026-01-02T00:00:00Z", "never", None]),
    "text": st.none() | st.text(max_size=5),
}
documents = st.fixed_dictionaries(
    {"rows": st.lists(st.fixed_dictionaries(fields, optional={"new": numbers}), max_size=6)}
)


@given(documents)
def test_the_quick_and_the_exact_way_answer_the_same(transactions, document):
    exact = bound_exactly(transactions)
    page = run(transactions, document)
    assert page.render(None) == run(exact, document).render(None)
    VALIDATOR.validate(json.loads(page.render(None)))
    left_out = page.incomplete.left_out if page.incomplete else 0
    assert len(page.records) + left_out == len(document["rows"])
    assert len(page.positions) == len(page.records)


def bound_exactly(quick: BoundMapping) -> BoundMapping:
    code, functions = quick._exact
    exact = object.__new__(BoundMapping)
    exact.__dict__.update(quick.__dict__, _quick=(code, functions))
    return exact


def test_a_mapping_without_numbers_has_one_way_only(tmp_path):
    library = compiled(tmp_path, ACCOUNTS.replace("$.id", "$.text"))
    mapping = library.mappings["testing/accounts.list"]
    assert mapping.quick is mapping.exact
    assert compiled(tmp_path, TRANSACTIONS).mappings["testing/transactions.list"].exact is not mapping.exact
