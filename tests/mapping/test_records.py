"""One bad record never costs the page: it is set aside and told, the others answer; numbers never pass a float."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BankNonsense
from gateway.mapping.records import BoundMapping
from tests.mapping.laboratory import (
    ACCOUNTS,
    CALL,
    SHAPES,
    TRANSACTIONS,
    bound,
    compiled,
    page_validator,
    rendered,
    run,
)

ROW: dict[str, Any] = {
    "id": "1", "state": "B", "amount": "1.00", "currency": "EUR", "direction": "C", "day": "2026-01-02", "text": "x"
}  # fmt: skip
VALIDATOR = page_validator()


@pytest.fixture(scope="module")
def transactions(tmp_path_factory):
    return bound(compiled(tmp_path_factory.mktemp("t"), TRANSACTIONS), "testing/transactions.list")


def rows(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"rows": [{**ROW, "id": str(number), **change} for number, change in enumerate(changes)]}


# What is wrong with a record -> the contract's field, the reason, the bank's path.
REVIEWS: list[tuple[dict[str, Any], tuple[str | None, str, str]]] = [
    ({"amount": None}, ("amount.value", "missing", "$.amount")),
    ({"amount": ""}, ("amount.value", "missing", "$.amount")),
    ({"amount": "1,00"}, ("amount.value", "malformed", "$.amount")),
    ({"amount": True}, ("amount.value", "malformed", "$.amount")),
    ({"amount": {}}, ("amount.value", "missing", "$.amount")),
    ({"currency": None}, ("amount.currency", "missing", "$.currency")),
    ({"currency": "EURO"}, ("amount.currency", "malformed", "$.currency")),
    ({"currency": 978}, (None, "shape", "$.currency")),
    ({"state": None}, ("status", "missing", "$.state")),
    ({"state": "Q"}, ("status", "unknown_value", "$.state")),
    ({"state": ["B"]}, (None, "shape", "$.state")),
    ({"amount": "-1.00"}, ("amount.value", "conflict", "$.direction")),
    ({"direction": "X"}, ("amount.value", "unknown_value", "$.direction")),
    ({"notes": "a", "numbers": "b", "count": "c", "day": 5}, (None, "shape", "$.day")),
]


@pytest.mark.parametrize(("change", "review"), REVIEWS)
def test_a_record_that_can_not_be_had_is_set_aside_and_the_others_answer(transactions, change, review):
    page = rendered(run(transactions, rows({}, change, {"amount": 2})))
    VALIDATOR.validate(page)
    assert [record["amount"]["value"] for record in page["transactions"]] == ["1.00", "2"]
    (told,) = page["incomplete"].pop("reviews")
    assert page["incomplete"] == {"left_out": 1, "unknown": [], "skipped": 0, "gap": None}
    assert (told["field"], told["reason"], told["path"]) == review
    assert (told["position"], told["kept"]) == (1, False)


@pytest.mark.parametrize("record", [None, 5, "x", True, [], [ROW]])
def test_what_is_no_record_at_all_is_set_aside_too(transactions, record):
    page = run(transactions, {"rows": [ROW, record, {**ROW, "id": "2"}]})
    assert page.positions == [0, 2]
    assert [(told.position, told.reason, told.path) for told in page.incomplete.reviews] == [(1, "shape", "$")]


def test_all_that_is_wrong_is_told_with_its_place_in_the_banks_page(transactions):
    page = run(transactions, rows({}, *(change for change, _ in REVIEWS), {}))
    last = len(REVIEWS) + 1
    assert page.positions == [0, last]
    assert [(told.position, told.field, told.reason, told.path) for told in page.incomplete.reviews] == [
        (number, *review) for number, (_, review) in enumerate(REVIEWS, 1)
    ]


def test_a_review_is_named_by_the_raw_record_however_it_is_read(transactions):
    def named(*changes: dict[str, Any], call: Any = CALL) -> list[str]:
        return [told.review_id for told in run(transactions, rows(*changes), call).incomplete.reviews]

    (first,) = named({"state": "Q"})
    assert named({"state": "Q"}, {"amount": "x"}, {"day": 5})[0] == first  # the slow way
    assert named({"state": "Q"}, call=msgspec.structs.replace(CALL, tenant="other", account_id="acc_other")) == [first]
    assert named({"state": "Q"}, call=msgspec.structs.replace(CALL, bank="other")) != [first]
    assert named({"state": "Q", "unread": 5}) != [first]
    assert len({*named({"state": "Q"}, {"state": "R"}, {"day": 5})}) == 3


def test_nothing_of_a_bad_record_but_an_unknown_code_is_told(tmp_path):
    mapping = TRANSACTIONS.replace(
        "  remittance:",
        "  reversal: {path: $.text, lookup: {Y: true}}\n  value_on: {path: $.currency, as: local_date}\n  remittance:",
    )
    read = bound(compiled(tmp_path, mapping), "testing/transactions.list")
    canary = "CANARY"
    for field in ("amount", "state", "direction", "currency", "day"):
        page = rendered(run(read, rows({field: canary}, {field: [canary]}, {"id": [canary], field: canary})))
        told = [one["code"] for one in page["incomplete"].pop("unknown")]
        assert {code for code in told if code is not None} <= {"x"}
        assert canary not in json.dumps(page["incomplete"])


def test_values_that_became_null_are_counted_by_code(tmp_path):
    mapping = TRANSACTIONS.replace("  remittance:", "  reversal: {path: $.text, lookup: {Y: true}}\n  remittance:")
    read = bound(compiled(tmp_path, mapping), "testing/transactions.list")
    page = rendered(run(read, rows({"text": "A"}, {"text": "Y"}, {"text": "A"}, {"text": "B" * 200}, {"text": None})))
    VALIDATOR.validate(page)
    assert [record["reversal"] for record in page["transactions"]] == [None, True, None, None, None]
    assert page["incomplete"] == {
        "left_out": 0,
        "reviews": [],
        "unknown": [
            {"field": "reversal", "path": "$.text", "code": "A", "count": 2},
            {"field": "reversal", "path": "$.text", "code": "B" * 64, "count": 1},
        ],
        "skipped": 0,
        "gap": None,
    }


def test_at_most_a_hundred_different_values_are_told(tmp_path):
    mapping = TRANSACTIONS.replace("  remittance:", "  reversal: {path: $.text, lookup: {Y: true}}\n  remittance:")
    read = bound(compiled(tmp_path, mapping), "testing/transactions.list")
    page = run(read, rows(*({"text": f"code {number % 150}"} for number in range(300))))
    assert len(page.records) == 300
    assert [note.count for note in page.incomplete.unknown] == [2] * 100


def test_a_text_that_can_not_be_read_is_null_and_its_value_is_not_told(tmp_path):
    mapping = TRANSACTIONS.replace("  remittance:", "  value_on: {path: $.text, as: local_date}\n  remittance:")
    read = bound(compiled(tmp_path, mapping), "testing/transactions.list")
    page = rendered(run(read, rows({"text": "2026-01-03"}, {"text": "CANARY"}, {"text": "31/12/2026"})))
    assert [record["value_on"] for record in page["transactions"]] == ["2026-01-03", None, None]
    assert page["incomplete"]["unknown"] == [{"field": "value_on", "path": "$.text", "code": None, "count": 2}]


def test_records_that_are_passed_over_are_counted(tmp_path):
    mapping = TRANSACTIONS.replace(
        "fields:", "skip: [{path: $.state, is: [X, Y]}, {path: $.id, present: false}]\nfields:", 1
    )
    read = bound(compiled(tmp_path, mapping), "testing/transactions.list")
    page = run(read, rows({}, {"state": "X"}, {"id": None}, {"state": "Q"}, {}))
    assert (page.positions, page.incomplete.skipped, page.incomplete.left_out) == ([0, 4], 2, 1)
    slow = run(read, rows({}, {"state": "X"}, {"id": None}, {"state": "Q"}, {}, {"day": 5}))
    assert (slow.positions, slow.incomplete.skipped, slow.incomplete.left_out) == ([0, 4], 2, 2)


# -- documents --------------------------------------------------------------------------------------------------------
NOT_JSON = "The document is not JSON."
NOT_OF_ITS_SHAPE = "The document is not of its declared shape, at $."


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[]", NOT_OF_ITS_SHAPE),
        (b"{}", NOT_OF_ITS_SHAPE),
        (b"null", NOT_OF_ITS_SHAPE),
        (b"1e3", NOT_OF_ITS_SHAPE),
        (b'"CANARY"', NOT_OF_ITS_SHAPE),
        (b"<html>CANARY</html>", NOT_JSON),
        (b'{"rows": [{"id": "CANARY"', NOT_JSON),
        (b"\xff\xfe{\x00}\x00", NOT_JSON),
        (b'{"rows": [{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}]}", NOT_JSON),
        (b'{"rows": [{"id": NaN}]}', NOT_JSON),
    ],
)
def test_a_document_that_can_not_be_read_is_nonsense_without_its_content(transactions, body, detail):
    with pytest.raises(BankNonsense) as caught:
        run(transactions, body)
    assert caught.value.detail == detail


@pytest.mark.parametrize("held", [b'"CANARY"', b"5", b"true", b"null", b"{}"])
def test_records_that_are_no_array_are_never_lost_in_silence(transactions, held):
    with pytest.raises(BankNonsense) as caught:
        run(transactions, b'{"rows": %s}' % held)
    assert caught.value.detail == "The document is not of its declared shape: the records are no array."


@pytest.mark.parametrize("link", [5, [], {"href": "/2"}, True])
@pytest.mark.parametrize("bad", [{}, {"day": 5}])
def test_a_link_that_can_not_be_read_costs_no_record(transactions, link, bad):
    page = rendered(run(transactions, {**rows({}, bad), "next": link}))
    VALIDATOR.validate(page)
    assert len(page["transactions"]) == (1 if bad else 2)
    assert (page["incomplete"]["gap"], page["next"]) == ("next_link_malformed", None)


@pytest.mark.parametrize(
    "text", [b'"\xff"', b'"\xed\xa0\x80"', b'"caf\xe9"']
)  # not UTF-8: a stray byte, half a character as CESU-8 has it, Latin-1
@pytest.mark.parametrize("number", [b'"2"', b"2"])  # read the quick way, and the exact one
def test_a_text_that_is_not_utf_8_costs_its_record_alone(transactions, text, number):
    good = json.dumps(ROW).encode()
    for member in (b"id", b"amount", b"text"):
        bad = b'{"state": "B", "amount": "1", "currency": "EUR", "day": "2026-01-02", %s: %s}' % (
            b'"%s"' % member,
            text,
        )
        page = run(transactions, b'{"rows": [%s, %s, %s]}' % (good, bad, good.replace(b'"1"', number, 1)))
        assert page.positions == [0, 2]
        assert [told.reason for told in page.incomplete.reviews] == ["shape"]


@pytest.mark.parametrize(
    ("sent", "made"),
    [
        (rb"cut \ud83d", "cut \ufffd"),
        (rb"\ude00 cut", "\ufffd cut"),
        (rb"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (rb"\uD83D\uDE00", "\U0001f600"),
        (rb"C:\\ud83d", "C:\\ud83d"),
    ],
)
def test_half_a_character_costs_nothing_but_itself(transactions, sent, made):
    row = b'{"id": "1", "state": "B", "amount": "1", "currency": "EUR", "day": "2026-01-02", "text": "%s", "x": "%s"}'
    page = rendered(run(transactions, b'{"rows": [%s]}' % (row % (sent, sent))))
    assert [record["remittance"]["additional"] for record in page["transactions"]] == [made]
    assert page["incomplete"] is None


def test_a_byte_order_mark_is_passed_over(transactions):
    body = json.dumps(rows({})).encode()
    assert run(transactions, b"\xef\xbb\xbf" + body).records == run(transactions, body).records


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b'{"rows": []}'])
def test_a_document_of_nothing_is_a_page_of_nothing(transactions, body):
    page = rendered(run(transactions, body))
    VALIDATOR.validate(page)
    assert page == {"transactions": [], "incomplete": None, "next": None}


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


# -- both ways of reading answer the same -----------------------------------------------------------------------------
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


# -- where records and values are -------------------------------------------------------------------------------------
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
