"""What a simulated bank knows: rows that its habits have written, the same for the same day on every machine.

Every occasion is drawn from its own seed (bank, account, habit, calendar day), so that a new day adds rows and leaves
those of yesterday as they were. Balances are today's; those after a row are counted back from there.
"""

import calendar
import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, TypeAlias

import msgspec

from gateway.simulator.configuration import Account, Bank, EntryKind, Habit

Status: TypeAlias = Literal["booked", "pending", "future", "information", "rejected"]

_AHEAD = 10
_CARD_DAYS = 2
_CENT, _MILL = Decimal("0.01"), Decimal("0.001")


class Money(msgspec.Struct, frozen=True):
    """A signed amount; negative: the holder paid, or owes."""

    value: Decimal
    currency: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `moment` is the bank's wall time: of the booking, of what is not booked yet, when it is expected.

    `serial` is unique in the account but for a rejected twin, which repeats its booked row's. `balance_after` is of
    booked rows only. `sign_conflict` asks a dialect to show the row with a minus beside a credit.
    """

    serial: str
    status: Status
    moment: datetime
    value_day: date
    purchase_day: date
    money: Money
    kind: EntryKind
    party: str
    text: str
    party_account: str | None = None
    party_bic: str | None = None
    reference: str | None = None
    mandate: str | None = None
    creditor_id: str | None = None
    merchant_code: str | None = None
    original: Money | None = None
    rate: Decimal | None = None
    balance_after: Decimal | None = None
    sign_conflict: bool = False

    @property
    def debit(self) -> bool:
        """Whether the holder paid; zero is a credit."""
        return self.money.value < 0


class Ledger(msgspec.Struct, frozen=True):
    """An account on one day: its rows, newest first, and its booked and expected balance by currency."""

    account: Account
    today: date
    entries: tuple[Entry, ...]
    booked: dict[str, Decimal]
    expected: dict[str, Decimal]


def keep(name: str, bank: Bank, account: Account, today: date) -> Ledger:
    """The account's ledger as of a day of the bank's zone."""
    habits = [habit for group in account.habits for habit in bank.habits[group]]
    drawn = [
        entry
        for slot, habit in enumerate(habits)
        for entry in _occasions(f"{name}/{account.id}/{slot}", slot, habit, account, today)
    ]
    if bank.quirks.midnight_bookings:
        drawn = [msgspec.structs.replace(e, moment=datetime.combine(e.moment, time())) for e in drawn]
    drawn.sort(key=lambda entry: (entry.moment, entry.serial, entry.status), reverse=True)
    running = {currency: Decimal(value) for currency, value in account.balances.items()}
    booked = dict(running)
    expected = dict(running)
    entries: list[Entry] = []
    for entry in drawn:
        currency = entry.money.currency
        if entry.status == "booked":
            entries.append(msgspec.structs.replace(entry, balance_after=running[currency]))
            running[currency] -= entry.money.value
            continue
        if entry.status == "pending":
            expected[currency] += entry.money.value
        entries.append(entry)
    return Ledger(account, today, tuple(entries), booked, expected)


def _occasions(seed: str, slot: int, habit: Habit, account: Account, today: date) -> Iterator[Entry]:
    phase = random.Random(seed).randrange(habit.every_days or 1)  # noqa: S311 - rows, not secrets
    for offset in range(-account.days, _AHEAD + 1):
        day = today + timedelta(days=offset)
        if habit.monthly is not None:
            happens = day.day == min(habit.monthly, calendar.monthrange(day.year, day.month)[1])
        else:
            happens = (day.toordinal() + phase) % (habit.every_days or 1) == 0
        if happens:
            for entry in _rows(f"{seed}/{day.toordinal()}", habit, account, day, today):
                yield msgspec.structs.replace(entry, serial=f"{day.toordinal()}{slot:02d}{entry.serial}")


def _rows(seed: str, habit: Habit, account: Account, day: date, today: date) -> Iterator[Entry]:
    chance = random.Random(seed)  # noqa: S311 - rows, not secrets
    posted = day + timedelta(days=8 - day.isoweekday() if day.isoweekday() >= 6 else 0)
    status = _status(habit, day, posted, today)
    if status is None:
        return
    value = _draw(chance, habit)
    original = rate = None
    if habit.original is not None:
        rate = Decimal(habit.original.rate)
        original = Money((value / rate).quantize(_CENT, ROUND_HALF_UP), habit.original.currency)
    number = chance.randrange(1000, 9999)
    entry = Entry(
        serial=f"{number % 100:02d}",
        status=status,
        moment=datetime.combine(posted, _time(chance)),
        # What is spent on a card at a weekend is booked on Monday, with the value of the day itself.
        value_day=day if habit.kind == "card" else posted,
        purchase_day=day,
        money=Money(value, habit.currency or account.currency),
        kind=habit.kind,
        party=habit.party,
        text=habit.text,
        party_account=habit.account,
        party_bic=habit.bic,
        reference=habit.reference.replace("{n}", str(number)) if habit.reference else None,
        mandate=habit.mandate,
        creditor_id=habit.creditor_id,
        merchant_code=habit.merchant_code,
        original=original,
        rate=rate,
        sign_conflict=habit.oddity == "sign_conflict",
    )
    yield entry
    if habit.oddity == "rejected_twin" and status == "booked":
        yield msgspec.structs.replace(entry, status="rejected")


def _time(chance: random.Random) -> time:
    return time(chance.randrange(6, 22), chance.randrange(60), chance.randrange(60), chance.randrange(1, 1_000_000))


def _draw(chance: random.Random, habit: Habit) -> Decimal:
    if habit.oddity == "zero":
        return Decimal("0.00")
    least, most = (Decimal(bound) for bound in habit.between)
    step = _MILL if habit.oddity == "three_decimals" else _CENT
    return (least + (most - least) * chance.randrange(10_001) / 10_000).quantize(step, ROUND_HALF_UP)


def _status(habit: Habit, day: date, posted: date, today: date) -> Status | None:
    """What an occasion is by today; None where the bank does not know of it yet."""
    if habit.kind == "card":
        if day > today:
            return None
        return "booked" if posted <= today and (today - day).days >= _CARD_DAYS else "pending"
    if posted <= today:
        return "booked"
    if habit.kind == "standing_order":
        return "information"
    if habit.kind in {"direct_debit", "salary"}:
        return "future"
    return "pending" if day <= today else None
