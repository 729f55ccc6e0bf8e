"""One page of the contract is one page of the bank, filtered by what was asked; whatever ends a list early is told."""

import json
from typing import Any

import msgspec
import pytest

from gateway.errors import BankFailed, BankNonsense, GatewayFault, NotFound
from gateway.exchange import Grant, MappingRecord
from tests.calls.counter import CONSENT
from tests.mapping.laboratory import page_validator

ROW: dict[str, Any] = {"id": "1", "state": "B", "amount": "1.00", "currency": "EUR", "day": "2026-01-02", "text": "x"}
EMPTY: dict[str, Any] = {"rows": []}
LIST = "transactions.list"
VALIDATOR = page_validator()


def page(*rows: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"rows": [{**ROW, **row} for row in rows], **members}


async def test_a_page_of_transactions(counter):
    asked = counter(r1=page({"id": "1"}, {"id": "2", "text": "DE89370400440532013000"}, {"state": "?"}))
    answer = await asked.ask(LIST, "acc_1")
    VALIDATOR.validate(answer)
    assert [record["account_id"] for record in answer["transactions"]] == ["acc_1", "acc_1"]
    assert answer["transactions"][0]["source"] == {
        "bank": "havel",
        "mapping": "testing/transactions.list@1",
        "fetched_at": "2026-11-22T10:15:30.125Z",
        "raw_ref": "request 1",
    }
    (call,) = asked.dialect.calls
    assert (call.account, call.access_token, call.bank_consent_id, call.now) == (
        "r1",
        "token",
        "bank-consent",
        asked.now,
    )
    assert (asked.record.bank, asked.record.dialect) == ("havel", "testing")
    assert asked.record.mappings == [MappingRecord("testing/transactions.list@1", 2, 1, (("unknown_value", "status"),))]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", "abcdefg"),
        ("status=all", "abcdefg"),
        ("from=2026-01-02", "bcdefg"),
        ("to=2026-01-02", "abefg"),
        ("from=2026-01-02&to=2026-01-02", "befg"),
        ("status=booked", "abcd"),
        ("status=pending", "efg"),
        ("status=booked&from=2026-01-03&to=2026-01-04", "cd"),
        ("from=2027-01-01", "efg"),
    ],
)
async def test_only_what_was_asked_is_answered(counter, query, ids):
    days = {"a": "2026-01-01", "b": "2026-01-02", "c": "2026-01-03", "d": "2026-01-04T10:00:00Z"}
    rows = [{"id": one, "day": days.get(one, "2026-01-02"), "state": "B" if one in days else "P"} for one in "abcdefg"]
    answer = await counter(r1=page(*({**row, "text": row["id"]} for row in rows))).ask(LIST, "acc_1", query)
    assert "".join(record["remittance"]["additional"] for record in answer["transactions"]) == ids


async def test_empty_pages_are_followed_to_the_first_that_has_something(counter):
    asked = counter(r1={**EMPTY, "next": "2"}, **{"2": {**EMPTY, "next": "3"}, "3": page({}, next="4")})
    answer = await asked.ask(LIST, "acc_1")
    assert (len(answer["transactions"]), answer["incomplete"]) == (1, None)
    assert answer["next"] is not None
    assert len(asked.asked) == 3


async def test_a_page_of_which_nothing_was_asked_is_an_empty_page(counter):
    asked = counter(r1=page({"day": "2025-01-01"}, next="2"), **{"2": page({"day": "2026-05-01"})})
    answer = await asked.ask(LIST, "acc_1", "from=2026-01-01")
    assert [record["booked_on"] for record in answer["transactions"]] == ["2026-05-01"]
    assert answer["next"] is None


async def test_a_page_that_only_has_reviews_is_no_empty_page(counter):
    asked = counter(r1=page({"state": "?"}, next="2"))
    answer = await asked.ask(LIST, "acc_1")
    assert (answer["incomplete"]["left_out"], len(asked.asked)) == (1, 1)
    assert answer["next"] is not None


async def test_empty_pages_are_followed_five_times_at_most(counter):
    pages = {str(number): {**EMPTY, "next": str(number + 1)} for number in range(2, 20)}
    asked = counter(r1={**EMPTY, "next": "2"}, **pages)
    answer = await asked.ask(LIST, "acc_1")
    VALIDATOR.validate(answer)
    assert (answer["incomplete"]["gap"], answer["next"], len(asked.asked)) == ("too_many_empty_pages", None, 5)


@pytest.mark.parametrize(
    ("link", "gap"),
    [
        ("unreadable", "next_link_malformed"),
        ("https://elsewhere.example/api/2", "next_link_outside_bank"),
        ("http://bank.example/api/2", "next_link_outside_bank"),
        ("https://bank.example:444/api/2", "next_link_outside_bank"),
        ("https://bank.example@elsewhere.example/2", "next_link_outside_bank"),
        ("//elsewhere.example/2", "next_link_outside_bank"),
        ("https://bank.example/\r\nHost: x", "next_link_outside_bank"),
    ],
)
async def test_a_link_that_may_not_be_followed_is_a_gap(counter, link, gap):
    asked = counter(r1=page({}, next=link))
    answer = await asked.ask(LIST, "acc_1")
    VALIDATOR.validate(answer)
    assert (len(answer["transactions"]), answer["incomplete"]["gap"], answer["next"]) == (1, gap, None)
    assert len(asked.asked) == 1


async def test_a_page_that_names_itself_as_the_next_ends_the_list(counter):
    asked = counter(r1=page({}, next="2"), **{"2": page({"id": "2"}, next="2")})
    one = await asked.ask(LIST, "acc_1")
    two = await asked.ask(LIST, "acc_1", f"cursor={one['next']}")
    assert (two["incomplete"]["gap"], two["next"]) == ("next_link_malformed", None)
    assert len(two["transactions"]) == 1


async def test_a_link_that_the_adapter_knows_goes_before_the_documents(counter):
    asked = counter(r1=page({}, next="unreadable", headers={"Next": "2"}), **{"2": page({"id": "2"})})
    one = await asked.ask(LIST, "acc_1")
    await asked.ask(LIST, "acc_1", f"cursor={one['next']}")
    assert asked.asked == ["/transactions.list/r1", "/transactions.list/2"]


async def test_an_answer_in_a_form_that_no_mapping_reads_is_our_fault(counter):
    with pytest.raises(GatewayFault, match="No mapping reads"):
        await counter(r1=page({}, headers={"Form": "camt"})).ask(LIST, "acc_1")


async def test_what_the_bank_raises_and_nonsense_pass_through(counter):
    with pytest.raises(BankFailed):
        await counter(r1=BankFailed()).ask(LIST, "acc_1")
    with pytest.raises(BankNonsense, match="not JSON"):
        await counter(r1=b"<html>").ask(LIST, "acc_1")


async def test_a_bank_or_consent_that_is_not_there(counter):
    asked = counter()
    with pytest.raises(NotFound, match="not served here"):
        await asked.ask(LIST, "acc_1", consent=msgspec.structs.replace(CONSENT, bank="gone"))
    with pytest.raises(GatewayFault, match="does not look up a consent"):
        await asked.ask(LIST, "acc_1", consent=None)


# -- accounts ---------------------------------------------------------------------------------------------------------
def account(number: int, **members: Any) -> dict[str, Any]:
    return {"id": f"r{number}", "numbers": [{"kind": "IBAN", "value": f"DE8937040044053201300{number}"}], **members}


async def test_accounts_are_learnt_from_the_list(counter):
    asked = counter((), **{"accounts.list": {"rows": [account(1), account(2)]}, "r2": page({"amount": "5"})})
    listed = await asked.ask("accounts.list")
    VALIDATOR.validate(listed)
    balances = await asked.ask("balances.list", listed["accounts"][1]["id"])
    VALIDATOR.validate(balances)
    assert [balance["amount"]["value"] for balance in balances["balances"]] == ["5"]
    assert asked.asked == ["/accounts.list", "/balances.list/r2"]


async def test_an_unknown_account_is_sought_once_in_a_fresh_list_of_all_pages(counter):
    pages = {"accounts.list": {"rows": [account(1)], "next": "2"}, "2": {"rows": [account(2)]}, "r2": page({})}
    asked = counter((), **pages)
    wanted = (await counter((), **{"accounts.list": {"rows": [account(2)]}}).ask("accounts.list"))["accounts"][0]["id"]
    await asked.ask("transactions.list", wanted)
    await asked.ask("balances.list", wanted)
    assert asked.asked == ["/accounts.list", "/2", "/transactions.list/r2", "/balances.list/r2"]
    with pytest.raises(NotFound, match="no such account"):
        await asked.ask("transactions.list", "acc_9")
    assert asked.asked[4:] == ["/accounts.list", "/2"]


async def test_an_account_that_the_bank_gives_no_id_for_can_not_be_asked(counter):
    asked = counter((), **{"accounts.list": {"rows": [account(1, id=None)]}})
    listed = await asked.ask("accounts.list")
    with pytest.raises(NotFound, match="no id to ask for it by"):
        await asked.ask("transactions.list", listed["accounts"][0]["id"])
    assert asked.asked == ["/accounts.list"]


async def test_one_account(counter):
    asked = counter((), **{"accounts.list": {"rows": [account(1)]}, "r1": {"rows": [account(1), account(2)]}})
    wanted = (await asked.ask("accounts.list"))["accounts"][0]
    answer = await asked.ask("accounts.get", wanted["id"])
    VALIDATOR.validate(answer)
    assert [one["id"] for one in answer["accounts"]] == [wanted["id"]]
    assert answer["next"] is None
    assert asked.asked == ["/accounts.list", "/accounts.get/r1"]


async def test_an_account_that_can_not_be_normalised_is_told_and_one_that_is_gone_is_not_found(counter):
    grant = Grant("acc_1", "r1")
    told = await counter((grant,), r1={"rows": [5]}).ask("accounts.get", "acc_1")
    VALIDATOR.validate(told)
    assert (told["accounts"], told["incomplete"]["left_out"]) == ([], 1)
    with pytest.raises(NotFound, match="any more"):
        await counter((grant,), r1={"rows": [account(2)]}).ask("accounts.get", "acc_1")


@pytest.mark.parametrize(
    ("operation", "query"),
    [
        ("accounts.list", "from=2026-01-01"),
        ("accounts.get", "cursor=a"),
        ("balances.list", "status=all"),
        (LIST, "limit=1"),
    ],
)
async def test_each_operation_takes_its_own_parameters_only(counter, operation, query):
    asked = counter()
    with pytest.raises(Exception, match="not as the contract says"):
        await asked.ask(operation, "acc_1", query)
    assert asked.asked == []


async def test_what_telemetry_is_told_of_a_page_holds_no_value_of_the_bank(counter):
    asked = counter(r1=page(*({"state": f"CANARY {number}"} for number in range(50))))
    await asked.ask(LIST, "acc_1")
    assert "CANARY" not in json.dumps(msgspec.to_builtins(asked.record))
    assert len(asked.record.mappings[0].events) == 20
