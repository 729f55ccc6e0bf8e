import itertools
import uuid
from decimal import Decimal
from typing import Any

import pytest

TRANSACTIONS = "/accounts/alb-1001/transactions"
PENNINE = "/accounts/7d1f0c52-1a6e-4a39-9a57-31c0c3a6a001"
WALLET = "/accounts/7d1f0c52-1a6e-4a39-9a57-31c0c3a6a003"


async def walk(caller: Any, bank: str, resource: str) -> list[list[dict[str, Any]]]:
    pages = []
    running = caller.simulation.banks[bank]
    following: str | None = resource
    while following is not None:
        reply = await caller.get(bank, following)
        assert reply.status == 200, reply.body
        pages.append(reply.json["Data"].get("Transaction", []))
        following = reply.json["Links"].get("Next")
        if following is not None and following.startswith("/"):
            following = running.base_url.removesuffix(running.bank.base_path) + following
        assert len(pages) < 20
    return pages


async def test_version_3_1_lists_accounts_by_type_with_several_numbers(caller: Any) -> None:
    reply = await caller.get("albion", "/accounts")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    accounts = {account["AccountId"]: account for account in reply.json["Data"]["Account"]}
    assert len(accounts) == 5
    assert accounts["alb-1001"]["AccountType"] == "Personal"
    assert accounts["alb-1001"]["AccountSubType"] == "CurrentAccount"
    assert [one["SchemeName"] for one in accounts["alb-1001"]["Account"]] == [
        "UK.OBIE.SortCodeAccountNumber",
        "UK.OBIE.IBAN",
    ]
    assert accounts["alb-1003"]["AccountSubType"] == "CreditCard"
    assert accounts["alb-1004"]["AccountType"] == "Business"
    assert all("AccountCategory" not in account for account in accounts.values())


async def test_version_4_has_its_renamed_fields_and_codes(caller: Any) -> None:
    accounts = (await caller.get("pennine", "/accounts")).json["Data"]["Account"]
    assert [account["AccountTypeCode"] for account in accounts] == ["CACC", "SVGS", "WALT", "CASH"]
    assert "Account" not in accounts[3], "the lunch card has no number"
    balances = (await caller.get("pennine", f"{WALLET}/balances")).json["Data"]["Balance"]
    assert [(one["Type"], one["Amount"]["Currency"]) for one in balances] == [
        (kind, currency) for currency in ("GBP", "EUR", "USD") for kind in ("ITBD", "ITAV")
    ]
    rows = [row for page in await walk(caller, "pennine", f"{PENNINE}/transactions") for row in page]
    assert {row["Status"] for row in rows} == {"BOOK", "PDNG", "FUTR"}
    assert {row["BankTransactionCode"]["SubCode"] for row in rows} >= {"POSD", "PMDD", "SALA"}


async def test_one_account_is_a_list_of_one(caller: Any) -> None:
    reply = await caller.get("albion", "/accounts/alb-1003")
    assert [one["AccountId"] for one in reply.json["Data"]["Account"]] == ["alb-1003"]


async def test_balances_carry_an_indicator_and_their_credit_line(caller: Any) -> None:
    booked, available = (await caller.get("albion", "/accounts/alb-1001/balances")).json["Data"]["Balance"]
    assert (booked["Type"], booked["Amount"]["Amount"], booked["CreditLine"][0]["Included"]) == (
        "InterimBooked",
        "1,842.17",
        False,
    )
    assert (available["Type"], available["CreditLine"][0]["Included"]) == ("InterimAvailable", True)
    card = (await caller.get("albion", "/accounts/alb-1003/balances")).json["Data"]["Balance"][0]
    assert (card["CreditDebitIndicator"], card["Amount"]["Amount"]) == ("Debit", "624.38")


async def test_albion_pages_by_number_with_midnight_dates_and_odd_ids(caller: Any) -> None:
    pages = await walk(caller, "albion", TRANSACTIONS)
    assert [len(page) for page in pages] == [25, 25, 25, 8]
    rows = [row for page in pages for row in page]
    assert all(row["BookingDateTime"].endswith("T00:00:00+00:00") for row in rows)
    assert any(row["TransactionId"].endswith(" )))") and "+" in row["TransactionId"] for row in rows)
    assert any(row["Amount"]["Amount"] == "1,150.00" for row in rows)
    assert all(not row["Amount"]["Amount"].startswith("-") for row in rows)
    assert len({row["TransactionId"] for row in rows}) == len(rows)


async def test_pennine_pages_by_token_and_repeats_the_last_row(caller: Any) -> None:
    first = await caller.get("pennine", f"{PENNINE}/transactions?fromBookingDateTime=2026-01-01T00:00:00")
    assert first.json["Links"]["Next"].startswith("/open-banking/v4.0/aisp/accounts/")
    pages = await walk(caller, "pennine", f"{PENNINE}/transactions?fromBookingDateTime=2026-01-01T00:00:00")
    assert len(pages) >= 2
    assert all(later[0] == earlier[-1] for earlier, later in itertools.pairwise(pages))
    rows = [row for page in pages for row in page]
    assert all(("TransactionId" not in row) == ("MerchantDetails" in row) for row in rows)
    assert all(len(row["BookingDateTime"]) == len("2026-03-17T07:04:41.238996+00:00") for row in rows)
    assert all(row["BookingDateTime"] >= "2026-01-01" for row in rows)
    conflict = [row for row in rows if row["Amount"]["Amount"].startswith("-")]
    assert conflict
    assert all(row["CreditDebitIndicator"] == "Credit" for row in conflict)


async def test_thousandths_stand_where_the_bank_writes_them(caller: Any) -> None:
    saver = "/accounts/7d1f0c52-1a6e-4a39-9a57-31c0c3a6a002/transactions"
    rows = [row for page in await walk(caller, "pennine", saver) for row in page]
    assert any(Decimal(row["Amount"]["Amount"]).as_tuple().exponent == -3 for row in rows)


async def test_dates_are_read_in_local_time_whatever_their_zone(caller: Any) -> None:
    def rows(reply: Any) -> list[Any]:
        return [row["TransactionId"] for row in reply.json["Data"].get("Transaction", [])]

    query = TRANSACTIONS + "?fromBookingDateTime={}&toBookingDateTime={}"
    plain = await caller.get("albion", query.format("2026-03-09T00:00:00", "2026-03-12T23:59:59"))
    zoned = await caller.get("albion", query.format("2026-03-09T00:00:00.000Z", "2026-03-12T23:59:59%2B05:00"))
    dated = await caller.get("albion", query.format("2026-03-09", "2026-03-12"))
    assert rows(plain)
    assert rows(plain) == rows(zoned) == rows(dated)
    days = {row["BookingDateTime"][:10] for row in plain.json["Data"]["Transaction"]}
    assert min(days) == "2026-03-09"
    assert max(days) == "2026-03-12"


async def test_an_account_without_rows_answers_without_a_list(caller: Any) -> None:
    reply = await caller.get("albion", "/accounts/alb-1005/transactions")
    assert reply.status == 200
    assert reply.json["Data"] == {}


async def test_basic_permissions_give_neither_numbers_nor_details(caller: Any) -> None:
    reply = await caller.get("albion", "/accounts", token="simulator-only.albion.basic")
    assert [account["AccountId"] for account in reply.json["Data"]["Account"]] == ["alb-1001", "alb-1002"]
    assert all("Account" not in account for account in reply.json["Data"]["Account"])
    refused = await caller.get("albion", TRANSACTIONS, token="simulator-only.albion.basic")
    assert (refused.status, code(refused)) == (403, "UK.OBIE.Resource.ConsentMismatch")
    outside = await caller.get("albion", "/accounts/alb-1003/balances", token="simulator-only.albion.basic")
    assert outside.status == 400


def code(reply: Any) -> str:
    return reply.json["Errors"][0]["ErrorCode"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?page=2&page=3", "UK.OBIE.Field.Invalid"),
        ("?page=99", "UK.OBIE.Field.Invalid"),
        ("?page=zwei", "UK.OBIE.Field.Invalid"),
        ("?limit=10", "UK.OBIE.Field.Unexpected"),
        ("?dateFrom=2026-01-01", "UK.OBIE.Field.Unexpected"),
        ("?fromBookingDateTime=01-02-2026", "UK.OBIE.Field.InvalidDate"),
        ("?fromBookingDateTime=2026-02-30T00:00:00", "UK.OBIE.Field.InvalidDate"),
        ("?fromBookingDateTime=2026-02-01T00:00:00+01:00", "UK.OBIE.Field.InvalidDate"),
        ("?fromBookingDateTime=2026-02-02&toBookingDateTime=2026-02-01", "UK.OBIE.Field.InvalidDate"),
    ],
)
async def test_a_wrong_query_is_a_400_that_names_the_field(caller: Any, query: str, expected: str) -> None:
    reply = await caller.get("albion", TRANSACTIONS + query)
    assert (reply.status, code(reply)) == (400, expected)
    assert reply.json["Code"]
    assert reply.json["Message"]


@pytest.mark.parametrize("value", ["2026-02-01", "2026-02-01T00:00:00Z", "2026-02-01T00:00:00%2B00:00"])
async def test_pennine_reads_only_zoneless_date_times(caller: Any, value: str) -> None:
    reply = await caller.get("pennine", f"{PENNINE}/transactions?fromBookingDateTime={value}")
    assert (reply.status, code(reply)) == (400, "U003")
    assert "Code" not in reply.json


async def test_a_tampered_or_widened_page_token_is_refused(caller: Any) -> None:
    link = (await caller.get("pennine", f"{PENNINE}/transactions")).json["Links"]["Next"]
    token = link.partition("after=")[2]
    other = "A" if token[0] != "A" else "B"
    for query in (f"after={other}{token[1:]}", f"after={token}&fromBookingDateTime=2026-02-01T00:00:00", "after=x"):
        assert (await caller.get("pennine", f"{PENNINE}/transactions?{query}")).status == 400


@pytest.mark.parametrize(
    ("headers", "status", "expected"),
    [
        ({"x-fapi-interaction-id": None}, 400, "UK.OBIE.Header.Missing"),
        ({"x-fapi-interaction-id": "12345"}, 400, "UK.OBIE.Header.Invalid"),
        ({"x-fapi-financial-id": None}, 400, "UK.OBIE.Header.Missing"),
        ({"x-fapi-financial-id": "other"}, 400, "UK.OBIE.Header.Invalid"),
        ({"x-fapi-customer-ip-address": "localhost"}, 400, "UK.OBIE.Header.Invalid"),
        ({"Accept": "text/html"}, 406, None),
        ({"Accept": "application/json;q=0"}, 406, None),
        ({"Authorization": None}, 401, None),
        ({"Authorization": "Bearer nonsense"}, 401, None),
        ({"Authorization": "Basic c2ltdWxhdG9yOm9ubHk="}, 401, None),
    ],
)
async def test_headers_are_checked(
    caller: Any, headers: dict[str, str | None], status: int, expected: str | None
) -> None:
    reply = await caller.get("albion", "/accounts", headers=headers)
    assert reply.status == status
    if expected is None:
        assert reply.body == b""
    else:
        assert code(reply) == expected


async def test_the_interaction_id_comes_back_on_success_and_refusal(caller: Any) -> None:
    interaction = str(uuid.uuid4())
    for resource in ("/accounts", "/accounts/nowhere", "/nothing"):
        reply = await caller.get("albion", resource, headers={"x-fapi-interaction-id": interaction})
        assert reply.headers["x-fapi-interaction-id"] == interaction


async def test_tokens_and_consents_end_in_the_words_of_each_version(caller: Any) -> None:
    stale = await caller.get("albion", "/accounts", token="simulator-only.albion.stale")
    assert (stale.status, stale.body) == (401, b"")
    assert stale.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    lapsed = await caller.get("albion", "/accounts", token="simulator-only.albion.lapsed")
    assert (lapsed.status, code(lapsed)) == (403, "UK.OBIE.Reauthenticate")
    withdrawn = await caller.get("albion", "/accounts", token="simulator-only.albion.withdrawn")
    assert (withdrawn.status, code(withdrawn)) == (400, "UK.OBIE.Resource.InvalidConsentStatus")
    later = await caller.get("pennine", "/accounts", token="simulator-only.pennine.lapsed")
    assert (later.status, code(later)) == (403, "U028")
    unknown = await caller.get("pennine", "/accounts", token="simulator-only.albion.amelia")
    assert (unknown.status, code(unknown)) == (401, "U006")


async def test_an_unknown_account_is_400_and_an_unknown_endpoint_404(caller: Any) -> None:
    unknown = await caller.get("albion", "/accounts/alb-9999/balances")
    assert (unknown.status, code(unknown)) == (400, "UK.OBIE.Resource.NotFound")
    for resource in ("/balances", "/accounts/alb-1001/party", "/accounts/", "/accounts//balances"):
        assert (await caller.get("albion", resource)).status == 404
    assert (await caller.get("albion", "/accounts", method="POST")).status == 405
