"""The conversions that `as:` names: a bank's text in, the contract's text out, or ValueError.

None of them guesses, none touches a float, and none puts the value it refuses into its message. What each returns is
proven to have the contract's form, so that answers need no check at run time.
"""

import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

Moment: TypeAlias = tuple[str, str | None]
"""A day in the bank's zone, and the instant where the bank gave one."""

_PLAIN = re.compile(r"(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,20})?").fullmatch
_NUMBER = re.compile(r"([-+]?)(?=\.?[0-9])0*([0-9]{0,30})(?:\.([0-9]{0,20}))?(?:[eE]([-+]?[0-9]{1,2}))?").fullmatch
_GROUPED = re.compile(r"[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?").fullmatch
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})"
).fullmatch
_STAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?([.,][0-9]{1,9})?"
    r"\s*([Zz]|[-+][0-9]{2}:?[0-9]{2}|[-+][0-9]{2})?"
).fullmatch
_CURRENCY = re.compile(r"[A-Z]{3}").fullmatch
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?").fullmatch
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}").fullmatch
_PAN = re.compile(r"[0-9]{12,19}").fullmatch
_MASKED = re.compile(r"[0-9X*#.]{4,19}").fullmatch
_DAY_FIRST = re.compile(r"([0-9]{2})[/.-]([0-9]{2})[/.-]([0-9]{4})").fullmatch
_COUNT = re.compile(r"[0-9]{1,15}").fullmatch
_MCC = re.compile(r"[0-9]{4}").fullmatch
_MOST_REMEMBERED = 4096
_CLOCK = {f"T{hour:02d}:{minute:02d}": hour for hour in range(24) for minute in range(60)}
_NO_MINUTES: frozenset[str] = frozenset()
_NO_DAY: tuple[frozenset[str], str] = (_NO_MINUTES, "")
_SECONDS = frozenset(f":{second:02d}" for second in range(60))
_MOST_DIGITS = 30
_MOST_PLACES = 20
_WIDE = Context(prec=200)

is_plain = _PLAIN
"""Whether a text is a decimal already in the contract's form."""
_LISTED = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR
LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN
PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_LISTED.split())
"""Codes of ISO 4217 that are known at once; another of three letters is taken all the same."""


def decimal(text: str) -> str:
    """`+050.20` -> `50.20`, `-1259` -> `-1259`, `1.5e3` -> `1500`; digits after the point are kept as sent.

    Zero has no sign. Raises ValueError for anything else: grouping, a decimal comma, no digits, more than 30 digits.
    """
    if _PLAIN(text):
        return text
    match = _NUMBER(text.strip())
    if match is None:
        raise ValueError("not a decimal number")
    sign, whole, fraction, exponent = match.groups()
    whole = whole or "0"
    if exponent:
        shifted = format(_WIDE.scaleb(Decimal(f"{whole}.{fraction or 0}"), int(exponent)), "f")
        whole, _, fraction = shifted.partition(".")
        fraction = fraction.rstrip("0")
        whole = whole.lstrip("0") or "0"
        if len(whole) > _MOST_DIGITS or len(fraction) > _MOST_PLACES:
            raise ValueError("more digits than an amount can have")
    value = f"{whole}.{fraction}" if fraction else whole
    return "-" + value if sign == "-" and value.strip("0.") else value


def grouped_decimal(text: str) -> str:
    """As `decimal`, and takes commas between groups of three digits (`1,000.00`). Raises ValueError."""
    if "," in text:
        text = text.strip()
        if _GROUPED(text):
            return decimal(text.replace(",", ""))
    return decimal(text)


def unsigned(value: str) -> str:
    """The absolute value of a decimal."""
    return value[1:] if value[0] == "-" else value


def negated(value: str) -> str:
    """The decimal with a minus; zero has no sign."""
    return "-" + value if value.strip("0.") else value


def flipped(value: str) -> str:
    """The decimal with its sign turned."""
    return value[1:] if value[0] == "-" else negated(value)


def currency(text: str) -> str:
    """An ISO 4217 alphabetic code, in upper case. Raises ValueError."""
    if _CURRENCY(text):
        return text
    raised = text.strip().upper()
    if not _CURRENCY(raised):
        raise ValueError("not a currency code")
    return raised


def bic(text: str) -> str:
    """An ISO 9362 business identifier code. Raises ValueError."""
    raised = text.strip().upper()
    if not _BIC(raised):
        raise ValueError("not a BIC")
    return raised


def iban(text: str) -> str:
    """An IBAN in its electronic form (ISO 13616): no spaces, upper case. Raises ValueError.

    Check digits are not judged: sandboxes have wrong ones, and such a number identifies its account all the same.
    """
    packed = text.replace(" ", "").upper()
    if not _IBAN(packed):
        raise ValueError("not an IBAN")
    return packed


def masked_pan(text: str) -> str:
    """A card number of which at most the first six and last four digits show (PCI DSS 4.0, 3.4.1). Raises ValueError.

    One that came in clear is masked here; one that is masked is kept, without blanks and dashes.
    """
    packed = text.replace(" ", "").replace("-", "").upper()
    if _PAN(packed):
        return packed[:6] + "X" * (len(packed) - 10) + packed[-4:]
    if not _MASKED(packed) or (len(packed) > 11 and packed.isdigit()):
        raise ValueError("not a card number")
    return packed


def compact(text: str) -> str:
    """An identification without spaces, in upper case. Raises ValueError where nothing is left."""
    packed = "".join(text.split()).upper()
    if not packed:
        raise ValueError("nothing but spaces")
    return packed


def integer(text: str) -> int:
    """A count, in ASCII digits. Raises ValueError."""
    if not _COUNT(text):
        raise ValueError("not a count")
    return int(text)


def mcc(text: str) -> str:
    """A merchant category code of ISO 18245, four digits; leading zeros that a number lost are put back."""
    padded = text.strip().zfill(4) if text.strip() else ""
    if not _MCC(padded):
        raise ValueError("not a merchant category code")
    return padded


def text(value: str) -> str:
    """A text without the white space around it. Raises ValueError where nothing is left."""
    stripped = value.strip()
    if not stripped:
        raise ValueError("nothing but white space")
    return stripped


def date(text: str) -> str:
    """A calendar date as sent, `YYYY-MM-DD`. Raises ValueError."""
    if not _DATE(text):
        raise ValueError("not a date")
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a day that does not exist") from None
    return text


def day_first_date(text: str) -> str:
    """A calendar date written `31/12/2026` (or with `.` or `-`), or as `date` takes it. Raises ValueError."""
    match = _DAY_FIRST(text.strip())
    return date(f"{match[3]}-{match[2]}-{match[1]}" if match else text.strip()[:10])


def moments(zone: str, malformed: Any = None) -> Callable[[str], Moment]:
    """Builds the reader of dates and instants for a bank in a zone (IANA name).

    It takes a date, or a date and time with or without offset, and returns the day in the bank's zone and the instant
    (RFC 3339). A time without an offset is the bank's wall time. Midnight, as written or in the bank's zone, is a date
    in disguise: then the instant is None, and midnight as written keeps its written day. For any other text it returns
    `malformed`, or raises ValueError where that is None.

    Most instants of a page share a day and an offset. How many whole hours lie between such a day's wall time as
    written and the bank's is worked out once; then an instant whose hour stays within the day is its own answer, and
    one whose hour leads to the day before or after has that day.
    """
    local = ZoneInfo(zone)
    days: dict[str, Moment] = {}
    within: dict[str, frozenset[str]] = {}
    beyond: dict[str, tuple[frozenset[str], str]] = {}
    known_day, minutes_within = days.get, within.get

    def moment(text: str) -> Moment:
        if len(text) == 10:
            return known_day(text) or learn(text)
        day = text[:10]
        if text[10:16] in minutes_within(day + text[19:], _NO_MINUTES) and text[16:19] in _SECONDS:
            return day, text
        minutes, other_day = beyond.get(day + text[19:], _NO_DAY)
        if text[10:16] in minutes and text[16:19] in _SECONDS:
            return other_day, text
        return learn(text)

    def learn(text: str) -> Moment:
        try:
            found = _read(text, local)
        except ValueError:
            if malformed is None:
                raise
            return malformed  # type: ignore[no-any-return]
        day, offset = text[:10], text[19:]
        if len(text) == 10:
            _remember(days, text, found)
        elif day + offset not in within and _INSTANT(text) and offset[:1] != ".":
            shift = _shift(day, offset, local)
            if shift is not None:
                _remember(within, day + offset, _minutes(shift, 0))
                if shift:
                    days_on = 1 if shift > 0 else -1
                    other = (datetime.fromisoformat(day) + timedelta(days_on)).date().isoformat()
                    _remember(beyond, day + offset, (_minutes(shift, days_on), other))
        return found

    return moment


def _remember(known: dict[str, Any], key: str, value: Any) -> None:
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    known[key] = value


@functools.cache
def _minutes(shift: int, days: int) -> frozenset[str]:
    """The minutes of a day that are so many hours later on that day (0), the next (1) or the one before (-1).

    Midnight, there or as written, is none of them.
    """
    found = set()
    for minute, hour in _CLOCK.items():
        day, there = divmod(hour + shift, 24)
        if day == days and (minute[-2:] != "00" or (hour and there)):
            found.add(minute)
    return frozenset(found)


def _shift(day: str, offset: str, local: ZoneInfo) -> int | None:
    """Whole hours from a day's wall time at an offset to the zone's, where they are the same all day."""
    differences = set()
    for wall in ("00:00:00", "23:59:59"):
        written = datetime.fromisoformat(f"{day}T{wall}{offset}")
        try:
            there = written.astimezone(local)
        except OverflowError:
            return None
        differences.add((there.replace(tzinfo=None) - written.replace(tzinfo=None)).total_seconds() / 3600)
    only = differences.pop()
    return int(only) if not differences and only == int(only) else None


def _read(text: str, local: ZoneInfo) -> Moment:
    if _INSTANT(text):
        instant, written = datetime.fromisoformat(text), text
    else:
        text = text.strip()
        if len(text) == 10:
            return date(text), None
        match = _STAMP(text)
        if match is None:
            raise ValueError("not a date or instant")
        day, minutes, seconds, fraction, offset = match.groups()
        parsed = datetime.fromisoformat(f"{day}T{minutes}{seconds or ':00'}{(fraction or '').replace(',', '.')[:7]}")
        instant = parsed.replace(tzinfo=_zone(offset) if offset else local)
        written = instant.isoformat()
        if not _INSTANT(written):  # zones had offsets of odd seconds once, which RFC 3339 can not say
            return day, None
    if not (instant.hour or instant.minute or instant.second or instant.microsecond):
        return text[:10], None
    try:
        there = instant.astimezone(local)
    except OverflowError:  # the end of time, which banks write for "never"
        return text[:10], None
    if not (there.hour or there.minute or there.second or there.microsecond):
        return there.date().isoformat(), None
    return there.date().isoformat(), written


def _zone(offset: str) -> timezone:
    if offset in "Zz":
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    sign = "-" if offset[0] == "-" else "+"
    zone = datetime.fromisoformat(f"2000-01-01T00:00:00{sign}{digits[:2]}:{digits[2:]}").tzinfo
    assert isinstance(zone, timezone)
    return zone
