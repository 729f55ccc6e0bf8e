"""The mapping language, an expression at a time: what it makes of a record."""

from typing import Any

import pytest

from tests.mapping.laboratory import TRANSACTIONS, bound, compiled, page_validator, rendered, run

VALIDATOR = page_validator()
ROW: dict[str, Any] = {
    "id": "1", "state": "B", "amount": "1.00", "currency": "EUR", "direction": "C", "day": "2026-01-02", "text": "x",
    "count": 3, "open": True, "notes": ["a", None, "", "b"],
    "numbers": [
        {"kind": "K", "value": "1"}, {"kind": None, "value": "2"}, None, {"kind": "L"}, {"kind": "K", "value": "3"}
    ],
}  # fmt: skip

# The expression for `remittance.additional`, and what it makes of a record that is changed so.
TEXTS: list[tuple[str, dict[str, Any], str | None]] = [
    ("$.text", {}, "x"),
    ("$.text", {"text": None}, None),
    ("$.text", {"text": ""}, None),
    ("\"$['text']\"", {}, "x"),
    ("$.count", {}, "3"),
    ("$.open", {"open": False}, "false"),
    ("$.amount", {"amount": 1.10}, "1.1"),
    ('"$.numbers[1].value"', {}, "2"),
    ('"$.numbers[2].value"', {}, None),
    ('"$.numbers[9].value"', {}, None),
    ('"$.notes[0]"', {}, "a"),
    ("{const: fixed}", {}, "fixed"),
    ("{first: [$.text, $.state]}", {}, "x"),
    ("{first: [$.text, $.state]}", {"text": None}, "B"),
    ("{first: [{path: $.text, as: iban}, $.state]}", {}, "B"),
    ("{first: [{path: $.text, when: {status: pending}}, {const: none}]}", {}, "none"),
    ("{join: [$.text, $.day, $.state]}", {}, "x 2026-01-02 B"),
    ("{join: [$.text, $.day, $.state], with: ', '}", {"day": None}, "x, B"),
    ("{join: '$.notes[*]', with: /}", {}, "a/b"),
    ("{join: [$.text, '$.notes[*]']}", {"notes": None}, "x"),
    ("{join: [$.text, '$.notes[*]']}", {"notes": None, "text": None}, None),
    ("{path: $.text, split: '-', at: 1}", {"text": "PMNT-ICDT -ESCT"}, "ICDT"),
    ("{path: $.text, split: '-', at: 3}", {"text": "PMNT-ICDT-ESCT"}, None),
    ("{path: $.text, split: '-', at: 1}", {"text": "PMNT- -ESCT"}, None),
    ("{path: $.text, split: '-', at: 0}", {"text": None}, None),
    ("{path: $.text, split: '-', at: 1, lookup: {B: two}}", {"text": "A-B"}, "two"),
    ("{path: $.text, lookup: {x: word}}", {}, "word"),
    ("{path: $.text, lookup: {x: null}}", {}, None),
    ("{path: $.text, lookup: {y: word}, else: other}", {}, "other"),
    ("{path: $.text, lookup: {y: word}, else: other}", {"text": None}, None),
    ("{path: $.text, lookup: {y: word, '*': rest}}", {}, "rest"),
    ("{path: $.text, lookup: {X: word}, fold: {case: true}}", {}, "word"),
    ("{path: $.text, lookup: {X: word}, fold: {prefix: A., case: true}}", {"text": "a.x"}, "word"),
    ("{path: $.count, lookup: {'3': three}}", {}, "three"),
    ("{path: $.text, as: text}", {"text": "  y "}, "y"),
    ("{path: $.text, as: compact}", {"text": " a b "}, "AB"),
    ("{path: $.text, when: {path: $.state, is: B}}", {}, "x"),
    ("{path: $.text, when: {path: $.state, is: [P, B]}}", {}, "x"),
    ("{path: $.text, when: {path: $.state, is: P}}", {}, None),
    ("{path: $.text, when: {path: $.text, is: X, fold: {case: true}}}", {}, "x"),
    ("{path: $.text, when: {path: $.count, is: 3}}", {}, "x"),
    ("{path: $.text, when: {path: $.open, is: true}}", {}, "x"),
    ("{path: $.text, when: {path: $.open, is: false}}", {}, None),
    ("{path: $.text, when: {path: $.day, present: true}}", {}, "x"),
    ("{path: $.text, when: {path: $.day, present: false}}", {}, None),
    ("{path: $.text, when: {path: $.notes, present: false}}", {"notes": None}, "x"),
    ("{path: $.text, when: {path: '$.numbers[0]', present: true}}", {}, "x"),
    ("{path: $.text, when: {path: $.text, same_as: $.state}}", {"text": "B"}, "B"),
    ("{path: $.text, when: {path: $.text, same_as: $.state}}", {}, None),
    ("{path: $.text, when: {path: $.text, differs_from: $.state}}", {}, "x"),
    ("{path: $.text, when: {status: booked}}", {}, "x"),
    ("{path: $.text, when: {status: [pending]}}", {}, None),
    ("{path: $.text, when: {status: booked, booked_on: {present: false}}}", {}, None),
    ("{path: $.text, when: [{status: booked}, {path: $.state, is: B}]}", {}, "x"),
    ("{path: $.text, when: {sum: {negative: true}}}", {}, None),
    ("{path: $.text, when: {sum: {negative: true}}}", {"amount": "-2", "direction": "D"}, "x"),
    ("{path: $.text, when: {sum: {negative: false}}}", {}, "x"),
    ("{path: $.text, when: {sum: {negative: false}}}", {"amount": "0"}, "x"),
    ("{path: $.text, when: {truth: true}}", {}, "x"),
    ("{path: $.text, when: {truth: false}}", {}, None),
    ("{path: $.text, when: {truth: {present: false}}}", {"open": None}, "x"),
    ("{let: memo}", {}, "x"),
    ("{join: [{let: memo}, {let: fixed}]}", {}, "x fixed"),
    ("{pick: '$.numbers[*]', value: $.value}", {}, "1"),
    ("{pick: '$.numbers[*]', where: {path: $.kind, is: L}, value: $.value}", {}, None),
    ("{pick: '$.numbers[*]', where: {path: $.kind, present: false}, value: $.value}", {}, "2"),
    ("{pick: '$.numbers[*]', where: {path: $.value, is: ['3']}, value: $.kind}", {}, "K"),
    ("{pick: '$.numbers[*]', value: {join: [$.kind, {path: $.text, of: record}]}}", {}, "K x"),
    ("{pick: '$.numbers[*]', value: $.value}", {"numbers": []}, None),
    ("{pick: '$.notes[*]', value: $}", {}, "a"),
    ("{path: $.resource_id, of: call}", {}, "account"),
    ("{path: $.next, of: document}", {}, "/2"),
    ("{path: \"$['X-Total']\", of: header}", {}, "7"),
]  # fmt: skip


def made(tmp_path: Any, change: dict[str, Any], **fields: str) -> dict[str, Any]:
    text = TRANSACTIONS.replace("  remittance:\n    additional: $.text\n", "")
    text = text.replace(
        "fields:",
        "let:\n  memo: $.text\n  fixed: {const: fixed}\n  sum: {path: $.amount, as: decimal}\n"
        "  truth: {path: $.open, as: boolean}\nfields:",
        1,
    ).replace("identity:", "".join(f"  {name}: {expression}\n" for name, expression in fields.items()) + "identity:")
    read = bound(compiled(tmp_path, text), "testing/transactions.list")
    page = rendered(run(read, {"rows": [{**ROW, **change}], "next": "/2"}, headers={"X-Total": "7"}))
    VALIDATOR.validate({**page, "next": None})  # the bank's own link is no cursor
    (record,) = page["transactions"]
    # The same record beside one that makes the page be read record by record is the same.
    slow = rendered(run(read, {"rows": [{**ROW, **change}, {"day": 5}], "next": "/2"}, headers={"X-Total": "7"}))
    assert slow["transactions"] == [record]
    return dict(record)


@pytest.mark.parametrize(("expression", "change", "text"), TEXTS)
def test_a_text(tmp_path, expression, change, text):
    assert made(tmp_path, change, remittance=f"{{additional: {expression}}}")["remittance"]["additional"] == text


# The expression for `remittance.unstructured`.
LISTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("'$.notes[*]'", {}, ["a", "b"]),
    ("'$.notes[*]'", {"notes": None}, []),
    ("{list: [$.text, $.day, $.state]}", {"day": None}, ["x", "B"]),
    ("{each: '$.numbers[*]', value: $.value}", {}, ["1", "2", "3"]),
    ("{each: '$.numbers[*]', where: {path: $.kind, is: K}, value: $.value}", {}, ["1", "3"]),
    ("{each: '$.numbers[*]', where: [{path: $.kind, is: K}, {path: $.value, is: '3'}], value: $.value}", {}, ["3"]),
    ("{each: '$.numbers[*]', value: {path: $.value, lookup: {'1': one, '*': null}}}", {}, ["one"]),
    ("{first: ['$.notes[*]', {list: [$.text]}]}", {}, ["a", "b"]),
    ("{first: ['$.notes[*]', {list: [$.text]}]}", {"notes": []}, ["x"]),
    ("{first: ['$.notes[*]', {list: [$.text]}]}", {"notes": None, "text": None}, []),
    ("{list: [$.text], when: {status: pending}}", {}, []),
]


@pytest.mark.parametrize(("expression", "change", "texts"), LISTS)
def test_a_list(tmp_path, expression, change, texts):
    assert made(tmp_path, change, remittance=f"{{unstructured: {expression}}}")["remittance"]["unstructured"] == texts


PARTY = {"name": None, "identifications": [], "bic": None, "role": None}
# The expression for `counterparty`: null where nothing but constants was given.
OBJECTS: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
    ("{name: $.text}", {}, {**PARTY, "name": "x"}),
    ("{name: $.text}", {"text": None}, None),
    ("{name: $.text, role: {const: creditor}}", {"text": None}, None),
    ("{name: $.text, role: {const: creditor}}", {}, {**PARTY, "name": "x", "role": "creditor"}),
    ("{bic: {path: $.text, as: bic}, name: $.state}", {"text": "?"}, {**PARTY, "name": "B"}),
    (
        "{identifications: {each: '$.numbers[*]', fields: {scheme: {const: other}, value: $.value}}}",
        {"numbers": [{"value": "1"}, {"kind": "K"}]},
        {**PARTY, "identifications": [{"scheme": "other", "value": "1"}]},
    ),
    ("{bic: {path: $.text, as: bic}, role: {const: creditor}}", {"text": "?"}, None),
    ("{identifications: {list: [{scheme: {const: other}, value: $.text}]}}", {"text": None}, None),
    (
        "{first: [{when: {status: pending}, fields: {name: $.state}}, {fields: {name: $.text}}]}",
        {},
        {**PARTY, "name": "x"},
    ),
    ("{fields: {name: $.text}, when: {status: pending}}", {}, None),
]


@pytest.mark.parametrize(("expression", "change", "party"), OBJECTS)
def test_an_object(tmp_path, expression, change, party):
    assert made(tmp_path, change, counterparty=expression)["counterparty"] == party


def test_an_object_whose_required_member_is_null_is_null(tmp_path):
    original = "{value: {path: $.text, as: decimal}, currency: {path: $.currency, as: currency}}"
    assert made(tmp_path, {"text": "5"}, original=original)["original"] == {"value": "5", "currency": "EUR"}
    assert made(tmp_path, {"text": None}, original=original)["original"] is None
    assert made(tmp_path, {"text": "no amount"}, original=original)["original"] is None


# The amount and its indicator under each rule for the two to contradict or lack each other; None: left out or null.
SIGNS = [
    ("", "1.00", "D", "-1.00"),
    ("", "-1.00", "D", "-1.00"),
    ("", "1.00", "C", "1.00"),
    ("", "-1.00", "C", None),
    ("", "0.00", "D", "0.00"),
    ("", "-0.00", "C", "0.00"),
    ("", "1.00", None, None),
    ("", "1.00", "Q", None),
    (", conflict: indicator", "-1.00", "C", "1.00"),
    (", conflict: indicator", "-1.00", "D", "-1.00"),
    (", missing: as_is", "-1.00", None, "-1.00"),
    (", missing: as_is", "1.00", "Q", None),
]


@pytest.mark.parametrize(("rule", "amount", "indicator", "value"), SIGNS)
def test_the_sign_of_an_amount(tmp_path, rule, amount, indicator, value):
    signed = f"{{path: $.text, as: decimal, sign: {{path: $.state, negative: [D, B], positive: C{rule}}}}}"
    money = f"{{value: {signed}, currency: {{path: $.currency, as: currency}}}}"
    text = TRANSACTIONS.replace("{path: $.state, lookup: {B: booked, P: pending}}", "{const: booked}")
    text = text.replace("  remittance:", f"  original: {money}\n  remittance:")
    read = bound(compiled(tmp_path, text), "testing/transactions.list")
    page = rendered(run(read, {"rows": [{**ROW, "text": amount, "state": indicator}]}))
    original = page["transactions"][0]["original"]
    assert (original and original["value"]) == value
    assert (page["incomplete"] is None) == (value is not None)

    text = TRANSACTIONS.replace(", missing: as_is", rule)
    read = bound(compiled(tmp_path / "required", text), "testing/transactions.list")
    page = rendered(run(read, {"rows": [{**ROW, "amount": amount, "direction": indicator}]}))
    assert [record["amount"]["value"] for record in page["transactions"]] == ([value] if value else [])


def test_texts_that_mean_nothing_are_the_files_to_name(tmp_path):
    text = TRANSACTIONS.replace("fields:", "empty: ['', NOTPROVIDED, '-']\nfields:", 1)
    read = bound(compiled(tmp_path, text), "testing/transactions.list")
    page = rendered(run(read, {"rows": [{**ROW, "text": word} for word in ("", "NOTPROVIDED", "-", "notprovided")]}))
    additional = [record["remittance"]["additional"] for record in page["transactions"]]
    assert additional == [None, None, None, "notprovided"]


def test_whole_numbers_and_truth_values(tmp_path):
    record = made(tmp_path, {}, batch="{transactions: {path: $.count, as: integer}}", reversal="$.open")
    assert (record["batch"], record["reversal"]) == ({"transactions": 3}, True)
    record = made(
        tmp_path / "text",
        {"text": "12", "state": "B"},
        batch="{transactions: {path: $.text, as: integer}}",
        reversal="{path: $.open, as: boolean}",
    )
    assert (record["batch"], record["reversal"]) == ({"transactions": 12}, True)
