"""How a value that the corpus expects is compared with one of the contract: the parts that all fields share.

The comparison is fixed: absolute amounts as decimals, currency, direction, status, dates in the bank's zone, ids,
identification, counts, kinds and references. Texts and the choice of balances are another project's judgement: they are
compared too, and tallied apart. A field without a judge is nobody's: it must be excluded by name, or the proof fails.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

Tally = Literal["values", "texts", "balances"]
Record = Mapping[str, Any]

SCHEMES = {
    "IBAN": "iban",
    "BBAN": "bban",
    "SORTCODEACCOUNTNUMBER": "scan",
    "MASKED_PAN": "pan_masked",
    "PAN": "pan_masked",
}


class Facts(msgspec.Struct, frozen=True):
    """What the comparison takes from the bank's file, and which date the expected `dateTime` means, best first."""

    zone: ZoneInfo
    moment: tuple[str, ...] = ("transacted_on", "booked_on", "expected_on", "value_on")


def same(got: object, wanted: object) -> bool:
    """Texts without regard to case, blanks and the words that mean nothing."""
    return strip(got) == strip(wanted)


def strip(value: object) -> str | None:
    text = re.sub(r"\s+", "", str(value)).casefold() if value is not None else ""
    return None if text in ("", "notprovided") else text


def read_decimal(text: object) -> Decimal | None:
    try:
        return None if text is None else Decimal(str(text))
    except InvalidOperation:
        return None


def read_amount(record: Record) -> Decimal | None:
    return read_decimal((record.get("amount") or {}).get("value"))


def day_of(wanted: str | None, facts: Facts) -> date | None:
    """The day in the bank's zone of an expected instant, where a date became midnight, or of an expected date."""
    if wanted is None:
        return None
    moment = datetime.fromisoformat(wanted)
    return moment.date() if moment.tzinfo is None else moment.astimezone(facts.zone).date()


def date_in(record: Record, name: str, facts: Facts) -> date | None:
    if record.get(name):
        return date.fromisoformat(record[name])
    if name == "booked_on" and record.get("booked_at"):
        return day_of(record["booked_at"], facts)
    return None


def first_date_in(record: Record, names: Iterable[str], facts: Facts) -> date | None:
    return next(filter(None, (date_in(record, name, facts) for name in names)), None)
