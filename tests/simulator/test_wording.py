from decimal import Decimal
from typing import Any

import pytest

from gateway.simulator.configuration import Quirks
from gateway.simulator.wording import amount, stated

REPORT = "/accounts/c%2F1/transactions?bookingStatus=booked&dateFrom=2026-01-01"


@pytest.mark.parametrize(
    ("quirks", "value", "expected"),
    [
        (Quirks(), "1250.00", "1250.00"),
        (Quirks(), "-0.50", "-0.50"),
        (Quirks(thousands_separator=True), "-1250000.10", "-1,250,000.10"),
        (Quirks(explicit_plus=True), "5.00", "+5.00"),
        (Quirks(explicit_plus=True), "-5.00", "-5.00"),
        (Quirks(explicit_plus=True), "0.00", "0.00"),
        (Quirks(shortest_decimals=True), "1056.00", "1056"),
        (Quirks(shortest_decimals=True), "100.50", "100.5"),
        (Quirks(amounts="number"), "12.30", Decimal("12.30")),
    ],
)
def test_amounts(quirks: Quirks, value: str, expected: str | Decimal) -> None:
    assert amount(quirks, Decimal(value)) == expected


def test_mixed_amounts_are_text_and_number_by_turns() -> None:
    assert [type(amount(Quirks(amounts="mixed"), Decimal(1), position)) for position in range(3)] == [str, Decimal, str]


@pytest.mark.parametrize(
    ("absent", "expected"), [("omitted", {"b": 1}), ("null", {"a": None, "b": 1}), ("empty", {"a": "", "b": 1})]
)
def test_absent_members(absent: Any, expected: dict[str, object]) -> None:
    assert stated(Quirks(absent=absent), {"a": None, "b": 1}) == expected


@pytest.mark.parametrize(
    ("links", "start"),
    [("absolute", "https://127.0.0.1:"), ("path", "/api/v1/accounts/"), ("below_base", "/accounts/")],
)
async def test_links(simulate: Any, written: Any, links: str, start: str) -> None:
    async with simulate(written(quirks={"links": links}, paging={"size": 4})) as caller:
        report = (await caller.get("corbel", REPORT)).json["transactions"]
    assert report["_links"]["next"]["href"].startswith(start)
    assert "/accounts/c%2F1/transactions?" in report["_links"]["next"]["href"]


@pytest.mark.parametrize(
    ("kind", "cards", "others"),
    [
        ("plain", "id", "id"),
        ("none", "", ""),
        ("none_for_cards", "", "id"),
        ("placeholder_for_cards", "NOTPROVIDED", "id"),
    ],
)
async def test_transaction_ids(simulate: Any, written: Any, kind: str, cards: str, others: str) -> None:
    async with simulate(written(quirks={"transaction_ids": kind})) as caller:
        rows = (await caller.get("corbel", REPORT)).json["transactions"]["booked"]

    def shown(row: dict[str, str]) -> str:
        given = row.get("transactionId", "")
        return "id" if len(given) == 24 else given

    assert {shown(row) for row in rows if "creditorName" in row} == {cards}
    assert {shown(row) for row in rows if "debtorName" in row} == {others}


async def test_a_pending_id_may_change_when_the_row_is_booked(simulate: Any, written: Any) -> None:
    query = "/accounts/c%2F1/transactions?bookingStatus={}&dateFrom=2026-03-17"
    ids = []
    for changes in (False, True):
        async with simulate(written(quirks={"pending_ids_change": changes})) as caller:
            report = (await caller.get("corbel", query.format("pending"))).json["transactions"]
            ids.append([row["transactionId"] for row in report["pending"]])
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])
