"""Ids: the same thing has the same id each time it is read, and two things never share one."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from gateway.mapping.cases import KEY
from gateway.mapping.pages import instant
from tests.mapping.laboratory import ACCOUNTS, CALL, ROW, TRANSACTIONS, bound, compiled, page_validator, rendered, run

VALIDATOR = page_validator()
IBAN = {"kind": "IBAN", "value": "DE89 3704 0044 0532 0130 00"}
BBAN = {"kind": "BBAN", "value": "532013000"}


def account(number: int = 1, *numbers: dict[str, str], **change: Any) -> dict[str, Any]:
    return {"id": f"resource {number}", "currency": "EUR", "text": "x", "numbers": list(numbers), **change}


def ids(mapping: Any, *accounts: dict[str, Any], call: Any = CALL) -> list[str]:
    page = rendered(run(mapping, {"rows": accounts}, call))
    VALIDATOR.validate(page)
    return [record["id"] for record in page["accounts"]]


@pytest.fixture
def accounts(tmp_path):
    return bound(compiled(tmp_path, ACCOUNTS), "testing/accounts.list")


def test_an_account_is_known_by_its_best_number_whatever_its_resource_is(accounts):
    (first,) = ids(accounts, account(1, IBAN))
    assert ids(accounts, account(2, BBAN, IBAN, currency="USD", text="other")) == [first]
    assert ids(accounts, account(1, {"kind": "IBAN", "value": "de89370400440532013000"})) == [first]
    assert ids(accounts, account(1, BBAN)) != [first]
    assert ids(accounts, account(1, {**IBAN, "kind": "BBAN"})) != [first]


def test_another_tenant_or_bank_has_another_id(accounts):
    calls = (CALL, msgspec.structs.replace(CALL, tenant="two"), msgspec.structs.replace(CALL, bank="two"))
    assert len({*(ids(accounts, account(1, IBAN), call=call)[0] for call in calls)}) == 3
    later = msgspec.structs.replace(CALL, fetched_at="2027-01-01T00:00:00.000Z", raw_ref="other")
    assert ids(accounts, account(1, IBAN), call=later) == ids(accounts, account(1, IBAN))


def test_without_a_number_an_account_goes_by_its_resource(accounts):
    page = rendered(run(accounts, {"rows": [account(1), account(2), account(3, IBAN)]}))
    assert [record["id_basis"] for record in page["accounts"]] == ["resource", "resource", "identification"]
    assert len({record["id"] for record in page["accounts"]}) == 3
    assert page["accounts"][1]["id"] == KEY.account("tenant", "bank", "resource", "resource 2", "")


def test_an_account_with_neither_is_left_out(accounts):
    page = run(accounts, {"rows": [account(1), account(2, id=None)]})
    (told,) = page.incomplete.reviews
    assert (told.position, told.field, told.reason) == (1, "id", "missing")


def test_currencies_that_share_a_number_are_accounts_of_their_own(tmp_path):
    mapping = ACCOUNTS.replace("identity: {resource: $.id}", "identity: {resource: $.id, with: [currency]}")
    read = bound(compiled(tmp_path, mapping), "testing/accounts.list")
    euros, dollars = ids(read, account(1, IBAN), account(2, IBAN, currency="USD"))
    assert ids(read, account(2, IBAN, currency="USD"), account(1, IBAN)) == [dollars, euros]
    assert euros != dollars


def test_a_part_tells_customers_apart_who_share_a_number(tmp_path):
    mapping = ACCOUNTS.replace("identity: {resource: $.id}", "identity: {resource: $.id, part: $.text}")
    read = bound(compiled(tmp_path, mapping), "testing/accounts.list")
    first, second = ids(read, account(1, IBAN, text="roll 1"), account(2, IBAN, text="roll 2"))
    assert ids(read, account(9, IBAN, text="roll 2")) == [second]
    assert first != second


def test_accounts_that_share_a_number_go_by_their_resources_in_whatever_order(accounts):
    page = run(accounts, {"rows": [account(1, IBAN), account(2, IBAN), account(3, BBAN)]})
    first, second, third = ((record.id, record.id_basis) for record in page.records)
    assert len({first[0], second[0], third[0]}) == 3
    assert (first[1], second[1], third[1]) == ("resource", "resource", "identification")
    assert [(grant.account_id, grant.basis) for grant in page.grants] == [first, second, third]
    assert ids(accounts, account(2, IBAN), account(1, IBAN)) == [second[0], first[0]]
    # Asked for alone, such an account is still the same.
    again = msgspec.structs.replace(CALL, basis="resource")
    assert ids(accounts, account(2, IBAN), call=again) == [second[0]]


def test_a_list_of_accounts_tells_what_the_consent_must_know(accounts):
    page = run(accounts, {"rows": [account(1, IBAN, BBAN, IBAN), account(2, id=7), account(3, kind="Q", id=None)]})
    (first, second) = page.grants
    assert (first.account_id, first.resource_id) == (page.records[0].id, "resource 1")
    assert first.numbers == ("DE89370400440532013000", "532013000")
    assert (second.account_id, second.resource_id, second.numbers) == (page.records[1].id, "7", ())


def test_the_servicer_is_the_bank_as_far_as_nothing_better_is_said(tmp_path):
    mapping = ACCOUNTS.replace("  label: $.text", "  servicer: {bic: {path: $.text, as: bic}}")
    call = msgspec.structs.replace(CALL, bank_title="Albion", bank_bic="ALBIGB2L")
    read = bound(compiled(tmp_path, mapping), "testing/accounts.list")
    page = rendered(run(read, {"rows": [account(1, text="deutdeff"), account(2), account(3, text=None)]}, call))
    assert [record["servicer"]["bic"] for record in page["accounts"]] == ["DEUTDEFF", "ALBIGB2L", "ALBIGB2L"]
    assert {(record["servicer"]["bank"], record["servicer"]["name"]) for record in page["accounts"]} == {
        ("bank", "Albion")
    }


# -- transactions -----------------------------------------------------------------------------------------------------


def rows(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"rows": [{**ROW, **change} for change in changes]}


def identified(
    tmp_path: Any, identity: str = "{bank: $.id}", call: Any = CALL, document: Any = None
) -> list[tuple[str, ...]]:
    mapping = TRANSACTIONS.replace("identity:\n  bank: $.id\n", f"identity: {identity}\n" if identity else "")
    page = rendered(run(bound(compiled(tmp_path, mapping), "testing/transactions.list"), document or rows({}), call))
    VALIDATOR.validate(page)
    return [(record["id"], record["id_basis"], record["id_stability"]) for record in page["transactions"]]


def test_the_banks_own_id_goes_before_all_that_may_change(tmp_path):
    document = rows({}, {"text": "y", "day": "2026-01-03", "amount": "2.00"}, {"id": "2"})
    first, same, other = identified(tmp_path, document=document)
    assert first == same
    assert first[1:] == ("bank", "strong")
    assert other[0] != first[0]
    (elsewhere,) = identified(tmp_path, call=msgspec.structs.replace(CALL, account_id="acc_2"))
    assert elsewhere[0] != first[0]


def test_a_reference_serves_where_the_bank_gives_no_id_and_a_fingerprint_last(tmp_path):
    document = rows({}, {"id": None}, {"id": None, "text": None})
    found = identified(tmp_path, "{bank: $.id, entry_reference: $.text}", document=document)
    assert [basis for _, *basis in found] == [["bank", "strong"], ["entry_reference", "strong"], ["derived", "weak"]]


def test_an_id_and_a_reference_of_one_text_are_two_transactions(tmp_path):
    found = identified(tmp_path, "{bank: $.id, entry_reference: $.text}", document=rows({"id": "x"}, {"id": None}))
    assert len({one for one, *_ in found}) == 2


def test_fields_that_belong_to_the_identity_part_what_the_bank_names_alike(tmp_path):
    found = identified(tmp_path, "{bank: $.id, with: [status]}", document=rows({}, {"state": "P"}, {}))
    assert found[0] == found[2]
    assert found[0][0] != found[1][0]


def test_an_id_that_the_bank_may_still_change_is_weak(tmp_path):
    found = identified(tmp_path, "{bank: $.id, weak: {status: pending}}", document=rows({}, {"state": "P", "id": "2"}))
    assert [stability for *_, stability in found] == ["strong", "weak"]


def test_equal_rows_without_an_id_are_told_apart_by_their_order_alone(tmp_path):
    row, other = {"id": None}, {"id": None, "text": "other"}
    found = identified(tmp_path, document=rows(row, other, row, row))
    assert len({one for one, *_ in found}) == 4
    assert identified(tmp_path, document=rows(row, row, row, other)) == [found[0], found[2], found[3], found[1]]


@pytest.mark.parametrize(
    "change",
    [{"state": "P"}, {"day": "2026-01-03"}, {"amount": "1.01"}, {"direction": "D"}, {"currency": "USD"}, {"text": "y"}],
)
def test_a_fingerprint_is_of_all_that_makes_a_row_what_it_is(tmp_path, change):
    (one, other) = identified(tmp_path, document=rows({"id": None}, {"id": None, **change}))
    assert one[0] != other[0]


def test_the_order_of_equal_rows_goes_on_over_pages(tmp_path):
    read = bound(compiled(tmp_path, TRANSACTIONS), "testing/transactions.list")
    row = {"id": None}
    whole = [record.id for record in run(read, rows(row, row, row, {"id": None, "text": "y"})).records]
    first = run(read, rows(row, row))
    second = run(read, rows(row, {"id": None, "text": "y"}), msgspec.structs.replace(CALL, equals=first.equals))
    assert [record.id for record in (*first.records, *second.records)] == whole
    assert sorted(second.equals.values()) == [1, 3]


def test_what_is_counted_of_equal_rows_is_bounded_and_says_nothing_of_them(tmp_path):
    read = bound(compiled(tmp_path, TRANSACTIONS), "testing/transactions.list")
    page = run(read, rows(*({"id": None, "text": f"CANARY {number}"} for number in range(200))))
    assert len(page.equals) == 64
    assert "CANARY" not in str(page.equals)


def test_a_transaction_needs_its_account(tmp_path):
    read = bound(compiled(tmp_path, TRANSACTIONS), "testing/transactions.list")
    page = run(read, rows({}), msgspec.structs.replace(CALL, account_id=None))
    assert [(told.field, told.reason) for told in page.incomplete.reviews] == [("account_id", "missing")]


def test_a_balance_is_of_the_account_that_was_asked(tmp_path):
    mapping = """
mapping: testing/balances.list
version: 1
shape: 1/rows
target: balance
records: $.rows[*]
fields:
  type: {path: $.state, lookup: {B: CLBD}}
  type_raw: $.state
  amount: {value: {path: $.amount, as: decimal}, currency: {path: $.currency, as: currency}}
"""
    read = bound(compiled(tmp_path, mapping), "testing/balances.list")
    page = rendered(run(read, rows({}, {"state": "Q"})))
    VALIDATOR.validate(page)
    (balance,) = page["balances"]
    assert (balance["account_id"], balance["type"], balance["fetched_at"]) == (CALL.account_id, "CLBD", CALL.fetched_at)
    assert page["incomplete"]["left_out"] == 1
    left = run(read, rows({}), msgspec.structs.replace(CALL, account_id=None)).incomplete
    assert [(told.field, told.reason) for told in left.reviews] == [("account_id", "missing")]


def test_an_instant_is_written_in_utc_with_milliseconds():
    assert instant(datetime(2026, 1, 2, 3, 4, 5, 6999, tzinfo=UTC)) == "2026-01-02T03:04:05.006Z"
