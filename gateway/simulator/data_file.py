"""Reads data files of simulated banks strictly; a set with any problem starts no bank."""

import functools
import pathlib
import zoneinfo
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from gateway.files import Path, Problem, Refused, Schema, near, read_file
from gateway.simulator.configuration import OF_DIALECT, Account, Bank, Habit, Simulated

SHIPPED = pathlib.Path(__file__).with_name("banks.yaml")
VERSIONS = {"uk_openbanking": ("3.1.11", "4.0"), "berlin_group": ("1.3.11",), "stet": ("1.5",)}


def read_banks(files: tuple[pathlib.Path, ...] = (SHIPPED,)) -> dict[str, Bank]:
    """The banks of all files by name. Raises Refused with every problem of every file."""
    schema = _schema()
    banks: dict[str, Bank] = {}
    ports: dict[int, str] = {}
    problems: list[Problem] = []
    for file in files:
        loaded, found = read_file(file)
        if loaded is not None:
            found += schema.check(loaded)
        problems += found
        if loaded is None or found:
            continue
        simulated = msgspec.convert(loaded.value, Simulated)
        for name, bank in simulated.banks.items():
            if name in banks:
                problems.append(loaded.problem(("banks", name), f"a bank '{name}' stands in another file", key=True))
            if bank.port in ports:
                message = f"{bank.port} is the port of '{ports[bank.port]}'"
                problems.append(loaded.problem(("banks", name, "port"), message))
            banks[name] = bank
            ports[bank.port] = name
            problems += [loaded.problem(("banks", name, *path), message) for path, message in _bank(bank)]
    if problems:
        raise Refused(problems)
    return banks


@functools.cache
def _schema() -> Schema:
    return Schema(msgspec.json.schema(Simulated))


def _bank(bank: Bank) -> Iterator[tuple[Path, str]]:
    """What the schema can not say: names that must exist, and settings that must fit each other."""
    if bank.version not in VERSIONS[bank.dialect]:
        yield ("version",), f"{bank.dialect} is simulated in: {', '.join(VERSIONS[bank.dialect])}"
    try:
        zoneinfo.ZoneInfo(bank.zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        yield ("zone",), f"'{bank.zone}' is no time zone{near(bank.zone, zoneinfo.available_timezones())}"
    standard = type(bank.quirks)()
    for quirk, dialect in OF_DIALECT.items():
        if dialect != bank.dialect and getattr(bank.quirks, quirk) != getattr(standard, quirk):
            yield ("quirks", quirk), f"'{quirk}' is a quirk of {dialect}"
    if bank.requires.signed_requests is not None and bank.requires.signed_messages is not None:
        yield ("requires", "signed_messages"), "one header 'Signature' can not be both this and 'signed_requests'"
    ids = [account.id for account in bank.accounts]
    for index, account in enumerate(bank.accounts):
        yield from _account(bank, account, index, ids)
    for group, habits in bank.habits.items():
        for index, habit in enumerate(habits):
            yield from ((("habits", group, index, *path), message) for path, message in _habit(habit))
    tokens = [access.token for access in bank.accesses]
    for index, access in enumerate(bank.accesses):
        if access.token in tokens[:index]:
            yield ("accesses", index, "token"), "the same token stands above"
        for number, known in enumerate(access.accounts):
            if known not in ids:
                yield ("accesses", index, "accounts", number), f"there is no account '{known}'{near(known, ids)}"


def _account(bank: Bank, account: Account, index: int, ids: list[str]) -> Iterator[tuple[Path, str]]:
    at: Path = ("accounts", index)
    if account.id in ids[:index]:
        yield (*at, "id"), f"an account '{account.id}' stands above"
    if account.linked_account is not None and account.linked_account not in ids:
        linked = account.linked_account
        yield (*at, "linked_account"), f"there is no account '{linked}'{near(linked, ids)}"
    for number, group in enumerate(account.habits):
        if group not in bank.habits:
            yield (*at, "habits", number), f"there are no habits '{group}'{near(group, bank.habits)}"
            continue
        foreign = {h.currency for h in bank.habits[group] if h.currency and h.currency not in account.balances}
        if foreign:
            yield (*at, "habits", number), f"the account has no balance in {', '.join(sorted(foreign))}"


def _habit(habit: Habit) -> Iterator[tuple[Path, str]]:
    if (habit.every_days is None) == (habit.monthly is None):
        yield (), "needs one of 'every_days' and 'monthly'"
    if Decimal(habit.between[0]) > Decimal(habit.between[1]):
        yield ("between",), "the smaller amount stands first"
