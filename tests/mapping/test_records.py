"""One bad record never costs the page: it is set aside and told, the others answer."""

import json
from typing import Any

import msgspec
import pytest

from gateway.errors import BankNonsense
from tests.mapping.laboratory import (
    CALL,
    ROW,
    TRANSACTIONS,
    bound,
    compiled,
    page_validator,
    rendered,
    rows,
    run,
)

VALIDATOR = page_validator()


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
