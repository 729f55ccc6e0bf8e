"""Every list of every bank from its first page to its last, held against what the simulated bank has written down."""

import zoneinfo
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.simulator.configuration import Account, Bank
from gateway.simulator.data_file import read_banks
from gateway.simulator.ledger import Entry, keep
from tests.e2e.surroundings import Caller

BANKS = read_banks()
LONG_AGO = "2020-01-01"
Row = tuple[Decimal, str, str]


class Shown(msgspec.Struct, frozen=True):
    """What of its ledger a bank shows: `statuses` as the contract tells them, of those that are shown at all.

    A row with `sign_conflict` is left out with a review. `twice` says that a bank repeats a row between two pages: the
    copy of a row that has no id of the bank's can not be told from another row that is equal.
    """

    bank: str
    consent: str
    statuses: dict[str, str]
    twice: bool = False


_AS_THEY_ARE = {status: status for status in ("booked", "pending", "future", "information", "rejected")}
SHOWN = (
    # 3.1 has no word for what is still to come, and no place for what is only told.
    Shown(
        "albion",
        "amelia-at-albion",
        {"booked": "booked", "pending": "pending", "future": "pending", "rejected": "rejected"},
    ),
    Shown("pennine", "idris-at-pennine", _AS_THEY_ARE, twice=True),
    Shown("havel", "blanka-at-havel", {"booked": "booked", "pending": "pending"}),
    Shown("lutece", "camille-at-lutece", _AS_THEY_ARE),
)


def today(bank: Bank) -> date:
    return datetime.now(zoneinfo.ZoneInfo(bank.zone)).date()


def pairs(caller: Caller, shown: Shown) -> Iterator[tuple[Bank, Account, dict[str, Any]]]:
    """The bank's accounts and the contract's, which come in the bank's order."""
    bank = BANKS[shown.bank]
    accounts = caller.accounts(shown.consent)
    assert [one["label"] for one in accounts] == [one.name for one in bank.accounts]
    for account, record in zip(bank.accounts, accounts, strict=True):
        yield bank, account, record


def ledger(shown: Shown, bank: Bank, account: Account) -> list[Entry]:
    return [one for one in keep(shown.bank, bank, account, today(bank)).entries if one.status in shown.statuses]


def rows_of(entries: list[Entry], shown: Shown) -> Counter[Row]:
    return Counter((one.money.value, one.money.currency, shown.statuses[one.status]) for one in entries)


def rows_told(records: list[dict[str, Any]]) -> Counter[Row]:
    return Counter((Decimal(r["amount"]["value"]), r["amount"]["currency"], r["status"]) for r in records)


@pytest.fixture(autouse=True)
def _same_day() -> None:
    """The simulator and the tests look at the same day, but for some minutes around midnight."""
    for bank in BANKS.values():
        now = datetime.now(zoneinfo.ZoneInfo(bank.zone))
        if now.date() != (now + timedelta(minutes=2)).date():
            pytest.skip(f"it is nearly midnight in {bank.zone}: the banks are about to write a new day")


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.bank)
def test_every_row_comes_exactly_once(caller: Caller, shown: Shown) -> None:
    for bank, account, record in pairs(caller, shown):
        path = f"/v1/accounts/{record['id']}/transactions?from={LONG_AGO}&status=all"
        pages = caller.walk(path, shown.consent)
        records = [row for page in pages for row in page["transactions"]]
        left_out = sum((page["incomplete"] or {"left_out": 0})["left_out"] for page in pages)
        entries = ledger(shown, bank, account)
        good = [one for one in entries if not one.sign_conflict]
        missing, extra = rows_of(good, shown) - rows_told(records), rows_told(records) - rows_of(good, shown)
        assert not missing, f"{account.name}: not told: {missing}"
        if shown.twice:
            assert extra.total() <= len(pages) - 1, f"{account.name}: more copies than page ends: {extra}"
            weak = [row for row in records if row["id_stability"] == "weak"]
            assert rows_told(weak) >= extra, f"{account.name}: a row with a strong id came twice"
        else:
            assert not extra, f"{account.name}: told but not written: {extra}"
            assert left_out == len(entries) - len(good)
        assert len({row["id"] for row in records}) == len(records), f"{account.name}: an id came twice"
        assert {row["account_id"] for row in records} <= {record["id"]}


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.bank)
def test_ids_are_the_same_in_the_next_walk(caller: Caller, shown: Shown) -> None:
    def ids() -> list[list[str]]:
        return [
            [
                row["id"]
                for page in caller.walk(f"/v1/accounts/{one['id']}/transactions", shown.consent)
                for row in page["transactions"]
            ]
            for one in caller.accounts(shown.consent)[:2]
        ]

    assert ids() == ids()


@pytest.mark.parametrize("status", ["booked", "pending"])
@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.bank)
def test_only_the_status_that_was_asked_for(caller: Caller, shown: Shown, status: str) -> None:
    bank, account, record = next(pairs(caller, shown))
    path = f"/v1/accounts/{record['id']}/transactions?from={LONG_AGO}&status={status}"
    records = [row for page in caller.walk(path, shown.consent) for row in page["transactions"]]
    good = [
        one for one in ledger(shown, bank, account) if not one.sign_conflict and shown.statuses[one.status] == status
    ]
    assert rows_of(good, shown) - rows_told(records) == Counter()
    assert {row["status"] for row in records} <= {status}


@pytest.mark.parametrize("days", [(60, 31), (30, 30), (14, 0)], ids=["a-month", "a-day", "a-fortnight"])
@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.bank)
def test_days_are_the_banks_own_and_inclusive(caller: Caller, shown: Shown, days: tuple[int, int]) -> None:
    bank, account, record = next(pairs(caller, shown))
    first, last = (today(bank) - timedelta(days=back) for back in days)
    path = f"/v1/accounts/{record['id']}/transactions?from={first}&to={last}&status=booked"
    records = [row for page in caller.walk(path, shown.consent) for row in page["transactions"]]
    entries = [one for one in ledger(shown, bank, account) if one.status == "booked" and not one.sign_conflict]
    wanted = [one for one in entries if first <= one.moment.date() <= last]
    assert wanted or days == (30, 30), "the window must hold something"
    assert rows_of(wanted, shown) - rows_told(records) == Counter()
    assert all(first.isoformat() <= row["booked_on"] <= last.isoformat() for row in records)
    if not shown.twice:
        assert len(records) == len(wanted)


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.bank)
def test_balances_are_the_banks(caller: Caller, shown: Shown) -> None:
    for bank, account, record in pairs(caller, shown):
        answer = caller.get(f"/v1/accounts/{record['id']}/balances", shown.consent)
        assert answer.status == 200
        told = {(one["amount"]["currency"], Decimal(one["amount"]["value"])) for one in answer.json["balances"]}
        booked = keep(shown.bank, bank, account, today(bank)).booked
        assert set(booked.items()) <= told, account.name


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.bank)
def test_one_account_is_the_lists(caller: Caller, shown: Shown) -> None:
    for _, _, record in pairs(caller, shown):
        answer = caller.get(f"/v1/accounts/{record['id']}", shown.consent)
        assert answer.status == 200
        [alone] = answer.json["accounts"]
        assert alone["id"] == record["id"]
        assert alone["identifications"] == record["identifications"]


def test_the_three_dialects_answer_in_the_same_words(caller: Caller) -> None:
    fields = set()
    for shown in SHOWN:
        record = caller.accounts(shown.consent)[0]
        rows = caller.get(f"/v1/accounts/{record['id']}/transactions", shown.consent).json["transactions"]
        assert rows
        fields |= {(tuple(record), tuple(row)) for row in rows}
    assert len(fields) == 1
