from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

CURRENT = "/accounts/90004200012345678"
CARD = "/accounts/90004200012345-C1"


async def walk(caller: Any, resource: str) -> list[dict[str, Any]]:
    running = caller.simulation.banks["lutece"]
    rows: list[dict[str, Any]] = []
    following: str | None = resource
    for _ in range(20):
        if following is None:
            return rows
        reply = await caller.get("lutece", following)
        assert reply.status == 200, reply.body
        rows += reply.json["transactions"]
        link = reply.json["_links"].get("next")
        following = link and running.base_url.removesuffix(running.bank.base_path) + link["href"]
    raise AssertionError("the pages do not end")


async def test_accounts_are_hal_with_cards_linked_to_their_account(caller: Any) -> None:
    reply = await caller.get("lutece", "/accounts", headers={"Accept": "application/hal+json"})
    assert reply.headers["Content-Type"] == "application/hal+json;charset=UTF-8"
    accounts = {account["resourceId"]: account for account in reply.json["accounts"]}
    card = accounts["90004200012345-C1"]
    assert card["cashAccountType"] == "CARD"
    assert card["linkedAccount"] == "90004200012345678"
    assert card["accountId"]["other"] == {"identification": "497010XXXXXX4821", "schemeName": "MPAN"}
    assert accounts["90004200012345678"]["accountId"]["iban"] == "FR7699917000420001234567896"
    assert accounts["90004200012345678"]["linkedAccount"] is None, "the bank writes null for what is absent"
    assert accounts["90004200090000001"]["accountId"] == {"currency": "EUR"}
    assert "self" in reply.json["_links"]


async def test_there_is_no_resource_of_one_account(caller: Any) -> None:
    assert (await caller.get("lutece", CURRENT)).status == 404


async def test_balances_are_signed_numbers_and_a_card_has_one_for_each_month(caller: Any) -> None:
    balances = (await caller.get("lutece", f"{CURRENT}/balances")).json["balances"]
    assert [one["balanceType"] for one in balances] == ["CLBD", "XPCD"]
    assert balances[0]["balanceAmount"] == {"amount": Decimal("2310.64"), "currency": "EUR"}
    card = (await caller.get("lutece", f"{CARD}/balances")).json["balances"]
    assert [(one["balanceType"], one["referenceDate"]) for one in card] == [
        ("XPCD", "2026-03-31"),
        ("XPCD", "2026-04-30"),
    ]
    assert card[0]["balanceAmount"]["amount"] < 0


async def test_rows_have_number_amounts_a_minus_beside_dbit_and_offsets_without_a_colon(caller: Any) -> None:
    rows = await walk(caller, f"{CURRENT}/transactions")
    assert len(rows) == 67
    assert all(isinstance(row["transactionAmount"]["amount"], Decimal) for row in rows)
    assert all((row["transactionAmount"]["amount"] < 0) == (row["creditDebitIndicator"] == "DBIT") for row in rows)
    booked = [row for row in rows if row["status"] == "BOOK"]
    assert all(datetime.strptime(row["bookingDate"], "%Y-%m-%dT%H:%M:%S%z") for row in booked)
    assert all(":" not in row["bookingDate"][-5:] for row in booked)
    assert all(row["expectedBookingDate"] is None for row in booked)
    future = [row for row in rows if row["status"] in {"FUTR", "PDNG"}]
    assert future
    assert all(row["bookingDate"] is None and row["expectedBookingDate"] for row in future)


async def test_one_reference_stands_on_a_booked_and_a_rejected_row(caller: Any) -> None:
    rows = await walk(caller, f"{CURRENT}/transactions")
    rejected = {row["entryReference"] for row in rows if row["status"] == "RJCT"}
    assert rejected
    assert rejected <= {row["entryReference"] for row in rows if row["status"] == "BOOK"}


async def test_date_to_is_exclusive(caller: Any) -> None:
    def days(rows: list[dict[str, Any]]) -> set[str]:
        return {row["bookingDate"][:10] for row in rows}

    query = f"{CURRENT}/transactions?dateFrom=2026-03-10&dateTo="
    assert days(await walk(caller, query + "2026-03-16")) == {"2026-03-10", "2026-03-13"}
    assert days(await walk(caller, query + "2026-03-17")) == {"2026-03-10", "2026-03-13", "2026-03-16"}
    zoned = query.replace("2026-03-10", "2026-03-10T00:00:00Z") + "2026-03-16T00:00:00Z"
    assert days(await walk(caller, zoned)) == {"2026-03-10", "2026-03-13"}
    assert (await caller.get("lutece", query + "2026-03-10")).status == 204, "the same day twice gives nothing"


async def test_rows_can_be_asked_by_the_day_of_the_purchase(caller: Any) -> None:
    query = f"{CARD}/transactions?dateFrom=2026-02-01&dateTo=2026-03-01&dateType=transactionDate"
    rows = await walk(caller, query)
    assert rows
    assert all("2026-02-01" <= row["transactionDate"] < "2026-03-01" for row in rows)


async def test_an_account_without_rows_answers_204(caller: Any) -> None:
    reply = await caller.get("lutece", "/accounts/90004200077700011/transactions?dateFrom=2026-01-01")
    assert (reply.status, reply.body) == (204, b"")


@pytest.mark.parametrize(
    "query",
    [
        "dateFrom=01/02/2026",
        "dateFrom=2026-02-30",
        "dateFrom=2026-03-02&dateTo=2026-03-01",
        "dateType=valueDate",
        "bookingStatus=both",
        "page=-1",
    ],
)
async def test_a_wrong_query_is_a_400_of_the_standards_shape(caller: Any, query: str) -> None:
    reply = await caller.get("lutece", f"{CURRENT}/transactions?{query}")
    assert reply.status == 400
    assert set(reply.json) == {"timestamp", "status", "error", "message", "path"}
    assert reply.json["status"] == 400
    assert reply.json["error"] == "Bad Request"
    assert query.partition("=")[0] in reply.json["message"] or "dateTo" in reply.json["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Request-ID": None}, 400),
        ({"X-Request-ID": "x" * 71}, 400),
        ({"PSU-IP-Address": "here"}, 400),
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer unknown"}, 401),
        ({"Accept": "text/csv"}, 406),
    ],
)
async def test_headers_are_checked(caller: Any, headers: dict[str, str | None], status: int) -> None:
    reply = await caller.get("lutece", "/accounts", headers=headers)
    assert (reply.status, reply.json["status"]) == (status, status)


async def test_tokens_are_the_consent(caller: Any) -> None:
    lapsed = await caller.get("lutece", "/accounts", token="simulator-only.lutece.lapsed")
    assert lapsed.status == 401
    narrow = await caller.get("lutece", f"{CURRENT}/balances", token="simulator-only.lutece.accounts")
    assert narrow.status == 403
    assert (await caller.get("lutece", "/accounts/1/balances")).status == 404
    assert (await caller.get("lutece", "/accounts", method="PUT")).status == 405


async def test_the_request_id_need_not_be_a_uuid(caller: Any) -> None:
    reply = await caller.get("lutece", "/accounts", headers={"X-Request-ID": "call-17"})
    assert (reply.status, reply.headers["X-Request-ID"]) == (200, "call-17")


async def test_without_quirks_the_text_of_the_standard_is_written(simulate: Any, written: Any) -> None:
    async with simulate(written("stet", quirks={"remittance_list": True})) as caller:
        reply = await caller.get("corbel", "/accounts/c%2F1/transactions")
        empty = await caller.get("corbel", "/accounts/c-2/transactions")
    row = reply.json["transactions"][-1]
    assert isinstance(row["transactionAmount"]["amount"], str)
    assert not row["transactionAmount"]["amount"].startswith("-")
    assert row["remittanceInformation"] in (["KIOSK"], ["RENT SHARE"])
    assert row["bookingDate"].endswith("+01:00")
    assert (empty.status, empty.json["transactions"]) == (200, [])
