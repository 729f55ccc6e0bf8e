import uuid
from decimal import Decimal
from typing import Any

import pytest

from gateway.simulator.configuration import BookingStatus

ACCOUNT = "/accounts/5f6a6c3c-2f7e-4a55-8a0e-0f7d4f6f000"
BOOKED = "/transactions?bookingStatus=booked&dateFrom=2025-11-01"


def code(reply: Any) -> str:
    message = reply.json["tppMessages"][0]
    assert message["category"] == "ERROR"
    return message["code"]


async def walk(caller: Any, bank: str, resource: str) -> list[dict[str, Any]]:
    """The reports of all pages; links may be text or objects, absolute, or relative to the host."""
    running = caller.simulation.banks[bank]
    reports = []
    following: Any = resource
    while following is not None:
        reply = await caller.get(bank, following)
        assert reply.status == 200, reply.body
        reports.append(reply.json["transactions"])
        following = reports[-1]["_links"].get("next")
        if isinstance(following, dict):
            following = following["href"]
        if following is not None and following.startswith("/"):
            following = running.base_url.removesuffix(running.bank.base_path) + following
        assert len(reports) < 30
    return reports


async def test_accounts_of_every_kind(caller: Any) -> None:
    reply = await caller.get("havel", "/accounts")
    assert reply.headers["Content-Type"] == "application/json"
    accounts = reply.json["accounts"]
    assert [(one["currency"], one["cashAccountType"]) for one in accounts] == [
        ("CZK", "CACC"),
        ("EUR", "CACC"),
        ("CZK", "SVGS"),
        ("XXX", "CACC"),
        ("CZK", "CARD"),
        ("CZK", "CASH"),
    ]
    assert accounts[4]["maskedPan"] == "541233******1177"
    assert not {"iban", "bban", "maskedPan"} & set(accounts[5]), "the pocket money has no number"
    assert accounts[0]["details"] == "", "the bank writes nothing as empty text"
    assert accounts[0]["_links"]["balances"].startswith("/psd2/v1/accounts/"), "links are plain text"


async def test_balances_may_be_asked_with_the_accounts(caller: Any) -> None:
    inside = (await caller.get("havel", "/accounts?withBalance=true")).json["accounts"][3]["balances"]
    alone = await caller.get("havel", f"{ACCOUNT}4/balances")
    assert alone.json["balances"] == inside
    closing = [one["balanceAmount"]["currency"] for one in inside if one["balanceType"] == "closingBooked"]
    assert closing == ["EUR", "USD", "CZK"]
    assert alone.json["account"] == {"iban": "CZ1699900000190007778889"}
    assert code(await caller.get("havel", "/accounts?withBalance=yes")) == "FORMAT_ERROR"
    details = (await caller.get("havel", f"{ACCOUNT}1?withBalance=true")).json["account"]
    assert details["balances"][1]["lastChangeDateTime"] == "2026-03-18T05:30:00"


async def test_havel_pages_by_offset_over_an_empty_page(caller: Any) -> None:
    reports = await walk(caller, "havel", ACCOUNT + "1" + BOOKED)
    assert [len(report["booked"]) for report in reports] == [20, 0, 20, 20, 2]
    rows = [row for report in reports for row in report["booked"]]
    amounts = [row["transactionAmount"]["amount"] for row in rows]
    assert {type(amount) for amount in amounts} == {str, Decimal}
    assert "+41200" in amounts
    assert {row["endToEndId"] for row in rows} > {"NOTPROVIDED"}
    cards = [row for row in rows if row["bankTransactionCode"] == "PMNT-CCRD-POSD"]
    assert {row["transactionId"] for row in cards} == {"NOTPROVIDED"}
    assert all("<br>" in row["remittanceInformationUnstructured"] for row in cards)
    assert any(row["valueDate"] < row["bookingDate"] for row in cards)
    assert len({row["entryReference"] for row in rows}) == len(rows)


async def test_a_smaller_limit_makes_smaller_pages(caller: Any) -> None:
    report = (await caller.get("havel", ACCOUNT + "1" + BOOKED + "&limit=5&offset=10")).json["transactions"]
    assert len(report["booked"]) == 5
    assert report["_links"]["next"].endswith("&offset=15&limit=5")
    assert code(await caller.get("havel", ACCOUNT + "1" + BOOKED + "&limit=5&offset=7")) == "FORMAT_ERROR"


async def test_booking_status_chooses_the_lists(caller: Any) -> None:
    query = "/transactions?dateFrom=2026-03-10&bookingStatus="
    both = (await caller.get("havel", ACCOUNT + "1" + query + "both")).json["transactions"]
    assert {"booked", "pending", "information"} & set(both) == {"booked", "pending"}
    assert both["pending"]
    assert all(row["bookingDate"] == "" and "entryReference" not in row for row in both["pending"])
    pending = (await caller.get("havel", ACCOUNT + "1" + query + "pending")).json["transactions"]
    assert "booked" not in pending
    assert len(pending["pending"]) == len(both["pending"])
    information = await caller.get("havel", ACCOUNT + "1/transactions?bookingStatus=information")
    assert information.status == 200, "dateFrom is not needed for information"
    assert list(information.json["transactions"]) == ["information", "_links"]


async def test_both_dates_are_inclusive(caller: Any) -> None:
    query = "/transactions?bookingStatus=booked&dateFrom=2026-03-09&dateTo=2026-03-12"
    rows = [row for report in await walk(caller, "havel", ACCOUNT + "1" + query) for row in report["booked"]]
    days = {row["bookingDate"] for row in rows}
    assert min(days) == "2026-03-09"
    assert max(days) == "2026-03-12"


@pytest.mark.parametrize(
    ("query", "expected", "path"),
    [
        ("", "FORMAT_ERROR", "bookingStatus"),
        ("?bookingStatus=booked", "FORMAT_ERROR", "dateFrom"),
        ("?bookingStatus=Booked&dateFrom=2026-01-01", "FORMAT_ERROR", "bookingStatus"),
        ("?bookingStatus=all&dateFrom=2026-01-01", "PARAMETER_NOT_SUPPORTED", "bookingStatus"),
        ("?bookingStatus=booked&dateFrom=2026-01-01T00:00:00Z", "FORMAT_ERROR", "dateFrom"),
        ("?bookingStatus=booked&dateFrom=2026-13-01", "FORMAT_ERROR", "dateFrom"),
        ("?bookingStatus=booked&dateFrom=2026-01-02&dateTo=2026-01-01", "PERIOD_INVALID", "dateTo"),
        ("?bookingStatus=booked&dateFrom=2026-01-01&deltaList=true", "PARAMETER_NOT_SUPPORTED", "deltaList"),
        ("?bookingStatus=booked&bookingStatus=booked&dateFrom=2026-01-01", "FORMAT_ERROR", "bookingStatus"),
    ],
)
async def test_a_wrong_query_is_a_400_with_its_path(caller: Any, query: str, expected: str, path: str) -> None:
    reply = await caller.get("havel", f"{ACCOUNT}1/transactions{query}")
    assert (reply.status, code(reply), reply.json["tppMessages"][0]["path"]) == (400, expected, path)


@pytest.mark.parametrize(
    ("headers", "status", "expected"),
    [
        ({"X-Request-ID": None}, 400, "FORMAT_ERROR"),
        ({"X-Request-ID": "1"}, 400, "FORMAT_ERROR"),
        ({"Consent-ID": None}, 400, "FORMAT_ERROR"),
        ({"Consent-ID": "somebody-else"}, 403, "CONSENT_UNKNOWN"),
        ({"PSU-IP-Address": "300.1.1.1"}, 400, "FORMAT_ERROR"),
        ({"Authorization": None}, 401, "TOKEN_UNKNOWN"),
        ({"Authorization": "Bearer simulator-only.albion.amelia"}, 401, "TOKEN_UNKNOWN"),
        ({"Accept": "application/xml"}, 406, "REQUESTED_FORMATS_INVALID"),
    ],
)
async def test_headers_are_checked(caller: Any, headers: dict[str, str | None], status: int, expected: str) -> None:
    reply = await caller.get("havel", "/accounts", headers=headers)
    assert (reply.status, code(reply)) == (status, expected)


async def test_the_request_id_comes_back(caller: Any) -> None:
    request_id = str(uuid.uuid4())
    for resource in ("/accounts", "/accounts/none"):
        reply = await caller.get("havel", resource, headers={"X-Request-ID": request_id})
        assert reply.headers["X-Request-ID"] == request_id


async def test_ends_and_limits_of_a_consent(caller: Any) -> None:
    stale = await caller.get("havel", "/accounts", token="simulator-only.havel.stale")
    assert (stale.status, code(stale)) == (401, "TOKEN_EXPIRED")
    lapsed = await caller.get("havel", "/accounts", token="simulator-only.havel.lapsed")
    assert (lapsed.status, code(lapsed)) == (401, "CONSENT_EXPIRED")
    narrow = await caller.get("havel", f"{ACCOUNT}1/balances", token="simulator-only.havel.accounts")
    assert (narrow.status, code(narrow)) == (401, "CONSENT_INVALID")
    listed = await caller.get("havel", "/accounts?withBalance=true", token="simulator-only.havel.accounts")
    assert all("balances" not in account for account in listed.json["accounts"])


async def test_unknown_resources_and_methods(caller: Any) -> None:
    for resource in ("/accounts/none", "/accounts/none/balances", "/card-accounts"):
        reply = await caller.get("havel", resource)
        assert (reply.status, code(reply)) == (404, "RESOURCE_UNKNOWN")
    reply = await caller.get("havel", "/accounts", method="DELETE")
    assert (reply.status, code(reply)) == (405, "SERVICE_INVALID")


@pytest.mark.parametrize(
    ("signs", "booked", "pending"), [("minus", -1, -1), ("none", 1, 1), ("minus_when_pending", 1, -1)]
)
async def test_signs_as_the_bank_writes_them(
    simulate: Any, written: Any, signs: str, booked: int, pending: int
) -> None:
    async with simulate(written(quirks={"signs": signs})) as caller:
        query = "/accounts/c%2F1/transactions?bookingStatus=both&dateFrom=2026-01-01"
        (report,) = await walk(caller, "corbel", query)
    for name, sign in (("booked", booked), ("pending", pending)):
        spent = [row for row in report[name] if "creditorName" in row]
        assert spent
        assert all(Decimal(row["transactionAmount"]["amount"]) * sign > 0 for row in spent)


async def test_every_booking_status_can_be_taken(simulate: Any, written: Any) -> None:
    statuses: tuple[BookingStatus, ...] = ("booked", "pending", "both", "information", "all")
    async with simulate(written(requires={"booking_statuses": statuses})) as caller:
        for status in statuses:
            reply = await caller.get("corbel", f"/accounts/c-2/transactions?bookingStatus={status}&dateFrom=2026-01-01")
            assert reply.status == 200
        assert set(reply.json["transactions"]) == {"booked", "pending", "information", "_links"}
