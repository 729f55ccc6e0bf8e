import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest

from gateway.simulator.configuration import Account, Bank
from gateway.simulator.data_file import read_banks
from gateway.simulator.ledger import Ledger, keep

TODAY = date(2026, 3, 18)
BANKS = read_banks()
ACCOUNTS = [(name, account) for name, bank in BANKS.items() for account in bank.accounts]


def kept(name: str, account: Account, today: date = TODAY) -> Ledger:
    bank: Bank = BANKS[name]
    return keep(name, bank, account, today)


def test_the_shipped_banks_hold_some_hundred_rows() -> None:
    counts = [len(kept(name, account).entries) for name, account in ACCOUNTS]
    assert 400 <= sum(counts) <= 900
    assert 0 in counts


@pytest.mark.parametrize(("name", "account"), ACCOUNTS, ids=[f"{name}-{account.id}" for name, account in ACCOUNTS])
def test_a_new_day_keeps_the_booked_rows_of_the_day_before(name: str, account: Account) -> None:
    def booked(ledger: Ledger) -> dict[str, tuple[object, ...]]:
        return {e.serial: (e.moment, e.money, e.text) for e in ledger.entries if e.status == "booked"}

    before, after = booked(kept(name, account)), booked(kept(name, account, TODAY + timedelta(days=1)))
    oldest = TODAY - timedelta(days=account.days)
    gone = {serial: row for serial, row in before.items() if serial not in after}
    assert all(int(serial[:6]) == oldest.toordinal() for serial in gone)
    assert all(after[serial] == before[serial] for serial in before if serial not in gone)


@pytest.mark.parametrize(("name", "account"), ACCOUNTS, ids=[f"{name}-{account.id}" for name, account in ACCOUNTS])
def test_serials_are_unique_but_for_rejected_twins(name: str, account: Account) -> None:
    serials = [entry.serial for entry in kept(name, account).entries if entry.status != "rejected"]
    assert len(serials) == len(set(serials))


@pytest.mark.parametrize(("name", "account"), ACCOUNTS, ids=[f"{name}-{account.id}" for name, account in ACCOUNTS])
def test_balances_follow_from_the_rows(name: str, account: Account) -> None:
    ledger = kept(name, account)
    for currency, value in account.balances.items():
        booked = [e for e in ledger.entries if e.status == "booked" and e.money.currency == currency]
        pending = [e for e in ledger.entries if e.status == "pending" and e.money.currency == currency]
        assert ledger.booked[currency] == Decimal(value)
        assert ledger.expected[currency] == Decimal(value) + sum((e.money.value for e in pending), Decimal())
        for newer, older in itertools.pairwise(booked):
            assert newer.balance_after is not None
            assert older.balance_after == newer.balance_after - newer.money.value


def test_rows_of_every_status_and_oddity_exist() -> None:
    entries = [entry for name, account in ACCOUNTS for entry in kept(name, account).entries]
    assert {entry.status for entry in entries} == {"booked", "pending", "future", "rejected"}
    assert any(entry.sign_conflict for entry in entries)
    assert any(entry.money.value == 0 for entry in entries)
    assert any(entry.money.value.as_tuple().exponent == -3 for entry in entries)
    assert any(entry.original is not None for entry in entries)
    assert {entry.money.currency for entry in entries} == {"GBP", "EUR", "USD", "CZK"}


def test_standing_orders_to_come_are_information() -> None:
    account = next(account for account in BANKS["albion"].accounts if account.id == "alb-1001")
    before_rent = kept("albion", account, date(2026, 3, 27))
    assert [entry.text for entry in before_rent.entries if entry.status == "information"] == ["RENT 14 MOOR ROW"]


def test_a_card_row_of_a_weekend_is_booked_on_monday_with_the_value_of_its_day() -> None:
    entries = [entry for name, account in ACCOUNTS for entry in kept(name, account).entries if entry.kind == "card"]
    weekend = [entry for entry in entries if entry.purchase_day.isoweekday() >= 6]
    assert weekend
    assert all(entry.moment.isoweekday() == 1 and entry.value_day == entry.purchase_day for entry in weekend)
