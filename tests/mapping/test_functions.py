"""What `as:` makes of a bank's texts: the value preserved, in the contract's form, or refused without being shown."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.files import shipped
from gateway.mapping import functions

COMMON = json.loads((shipped() / "mappings/canonical/v1/common.schema.json").read_text())["$defs"]


def in_form(name: str, value: str) -> bool:
    """Whether a text has the form that the contract gives the name."""
    wrong = COMMON[name].get("not", {}).get("pattern")
    return bool(re.fullmatch(COMMON[name]["pattern"], value)) and not (wrong and re.fullmatch(wrong, value))


CONVERTED: dict[Callable[[str], str], dict[str, str]] = {
    functions.decimal: {
        "0": "0",
        "12.30": "12.30",
        "-1259": "-1259",
        "+050.20": "50.20",
        " 7.5 ": "7.5",
        ".5": "0.5",
        "-.5": "-0.5",
        "5.": "5",
        "007": "7",
        "00": "0",
        "-0": "0",
        "-0.00": "0.00",
        "+0.0": "0.0",
        "1.5e3": "1500",
        "1E+2": "100",
        "25e-1": "2.5",
        "-1e-2": "-0.01",
        "0e5": "0",
        "12345678901234567890.12": "12345678901234567890.12",
        "123456789012345678901234567890": "123456789012345678901234567890",
        "123456789012345678901234567890.5e0": "123456789012345678901234567890.5",
        "0.00000000000000000001e20": "1",
    },
    functions.grouped_decimal: {
        "1,000.00": "1000.00",
        "-1,234,567": "-1234567",
        "+12,345.6": "12345.6",
        "12.30": "12.30",
        " 1,000 ": "1000",
    },
    functions.currency: {"EUR": "EUR", "eur": "EUR", " gbp ": "GBP", "XBT": "XBT"},
    functions.iban: {
        "DE89370400440532013000": "DE89370400440532013000",
        "de89 3704 0044 0532 0130 00": "DE89370400440532013000",
        "FR1420041010050500013M02606": "FR1420041010050500013M02606",
        "DE00370400440532013000": "DE00370400440532013000",
    },
    functions.masked_pan: {
        "4929123456781234": "492912XXXXXX1234",
        "4929 1234-5678 1234": "492912XXXXXX1234",
        "123456789012": "123456XX9012",
        "492912XXXXXX1234": "492912XXXXXX1234",
        "4929 12** **** 1234": "492912******1234",
        "**** 1234": "****1234",
        "xxxx1234": "XXXX1234",
    },
    functions.bic: {"DEUTDEFF": "DEUTDEFF", " deutdeffxxx ": "DEUTDEFFXXX"},
    functions.mcc: {"5411": "5411", "742": "0742", "0": "0000", " 5411 ": "5411"},
    functions.compact: {" 40-47 84 70872490\t": "40-478470872490", "ab c": "ABC"},
    functions.text: {" a b ": "a b", "x": "x"},
    functions.date: {"2026-11-20": "2026-11-20", "2024-02-29": "2024-02-29"},
    functions.day_first_date: {
        "31/12/2026": "2026-12-31",
        "01.02.2026": "2026-02-01",
        "01-02-2026": "2026-02-01",
        " 2026-02-01 ": "2026-02-01",
        "2026-02-01T10:00:00Z": "2026-02-01",
    },
}
REFUSED: dict[Callable[[str], str], tuple[str, ...]] = {
    functions.decimal: (
        "", " ", "-", "+", ".", "e5", "1,5", "1,000.00", "1 000", "1.2.3", "--1", "1-", "0x1f", "NaN", "Infinity", "1e",
        "1e100", "1e99", "1e30", "1_000", "12 EUR", "\u0661\u0662", "1" * 31, "0." + "1" * 21,
    ),
    functions.grouped_decimal: ("1,00.00", "1,0000", ",100", "1,000,00", "1.000,00", "1,,000", "1,000e3"),
    functions.currency: ("", "EU", "EURO", "E1R", "\u20ac", "978"),
    functions.iban: ("", "43", "ES****3100", "DE8937040044", "8937040044053201300", "DE89-3704-0044-0532-0130-00"),
    functions.masked_pan: ("", "123", "12345678901234567890", "4929X2Y4", "IBAN"),
    functions.bic: ("", "DEUT", "DEUTDEFFXX", "DE1TDEFFXXX1", "DEUT12FF"),
    functions.mcc: ("", " ", "54111", "54a1", "-1"),
    functions.compact: ("", " \t\n"),
    functions.text: ("", " \n "),
    functions.date: ("", "2026-02-30", "2026-2-1", "20260201", "2026-13-01", "01/02/2026", "2026-02-01T10:00:00Z"),
    functions.day_first_date: ("", "12/31/2026", "1/2/2026", "31.02.2026", "01/02/26"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("convert", "sent", "made"), [(f, sent, made) for f, rows in CONVERTED.items() for sent, made in rows.items()]
)
def test_a_value_is_kept_in_the_contracts_form(convert, sent, made):
    assert convert(sent) == made


@pytest.mark.parametrize(("convert", "sent"), [(f, sent) for f, rows in REFUSED.items() for sent in rows])
def test_what_is_not_of_the_form_is_refused_and_not_shown(convert, sent):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - each says what it wanted
        convert(sent)
    assert len(sent) < 3 or sent not in str(caught.value)


digits = st.text("0123456789", max_size=15)
numbers = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-", "+"]),
    digits,
    st.sampled_from(["", "."]).flatmap(lambda point: digits.map(lambda text: point + text if point else "")),
    st.sampled_from(["", "e0", "E2", "e+5", "e-5"]),
)


@given(numbers)
def test_any_decimal_keeps_its_value_and_has_the_form(sent):
    try:
        made = functions.decimal(sent)
    except ValueError:
        assert not re.search("[0-9]", re.split("[eE]", sent)[0])
        return
    assert Decimal(made) == Decimal(sent)
    assert in_form("decimal", made)
    assert functions.decimal(made) == made


@given(st.text(max_size=12))
def test_whatever_is_sent_each_conversion_answers_its_form_or_refuses(sent):
    forms = {
        functions.decimal: "decimal",
        functions.grouped_decimal: "decimal",
        functions.currency: "currency",
        functions.iban: "iban",
        functions.bic: "bic",
        functions.mcc: "mcc",
        functions.date: "date",
        functions.day_first_date: "date",
    }
    for convert, form in forms.items():
        try:
            made = convert(sent)
        except ValueError:
            continue
        assert in_form(form, made), (convert, sent)


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,3})?", fullmatch=True).filter(lambda text: in_form("decimal", text))
)
def test_turning_a_sign_twice_changes_nothing(value):
    assert functions.flipped(functions.flipped(value)) == value
    assert Decimal(functions.flipped(value)) == -Decimal(value)
    assert in_form("decimal", functions.flipped(value))
    assert Decimal(functions.unsigned(value)) == abs(Decimal(value))
    assert Decimal(functions.negated(functions.unsigned(value))) == -abs(Decimal(value))


@pytest.mark.parametrize(("sent", "count"), [("0", 0), ("12", 12), ("007", 7)])
def test_a_count_is_a_whole_number(sent, count):
    assert functions.integer(sent) == count


@pytest.mark.parametrize("sent", ["", "-1", "+1", "1.0", "1e3", "1_0", " 1", "\u0661", "1" * 16])
def test_what_is_no_count_is_refused(sent):
    with pytest.raises(ValueError, match=r"^not a count$"):
        functions.integer(sent)


# -- days and instants: zone, what the bank sent, the day there, the instant ------------------------------------------
MOMENTS = [
    ("Europe/London", "2026-11-20", "2026-11-20", None),
    ("Europe/London", "2026-11-20T14:03:27+01:00", "2026-11-20", "2026-11-20T14:03:27+01:00"),
    ("Europe/London", "2026-11-20T14:03:27.125Z", "2026-11-20", "2026-11-20T14:03:27.125Z"),
    ("Europe/London", "2026-11-20T14:03:27.123456789Z", "2026-11-20", "2026-11-20T14:03:27.123456789Z"),
    # The day is that of the bank's wall, not of the offset that was written.
    ("Europe/London", "2026-06-30T23:30:00Z", "2026-07-01", "2026-06-30T23:30:00Z"),
    ("Europe/Paris", "2026-11-20T23:30:00Z", "2026-11-21", "2026-11-20T23:30:00Z"),
    ("Europe/Paris", "2026-11-21T00:30:00+02:00", "2026-11-20", "2026-11-21T00:30:00+02:00"),
    # Midnight is a date in disguise: as written (and then it keeps its day), or on the bank's wall.
    ("Europe/Paris", "2026-11-20T00:00:00Z", "2026-11-20", None),
    ("Europe/Paris", "2026-11-20T00:00:00.000+05:00", "2026-11-20", None),
    ("Europe/Paris", "2026-11-19T23:00:00Z", "2026-11-20", None),
    ("Europe/Paris", "2026-07-19T22:00:00Z", "2026-07-20", None),
    ("Europe/London", "2026-11-20T00:00:00", "2026-11-20", None),
    ("Europe/London", "2026-11-20T00:00:01Z", "2026-11-20", "2026-11-20T00:00:01Z"),
    # Without an offset it is the bank's wall time: the first of an hour that comes twice, a lost hour as before it.
    ("Europe/London", "2026-11-20T14:03:27", "2026-11-20", "2026-11-20T14:03:27+00:00"),
    ("Europe/London", "2026-07-20 14:03", "2026-07-20", "2026-07-20T14:03:00+01:00"),
    ("Europe/London", "2026-10-25T01:30:00", "2026-10-25", "2026-10-25T01:30:00+01:00"),
    ("Europe/London", "2026-03-29T01:30:00", "2026-03-29", "2026-03-29T01:30:00+00:00"),
    ("America/New_York", "2026-11-20T14:03:27", "2026-11-20", "2026-11-20T14:03:27-05:00"),
    # How else banks write them.
    ("UTC", "2026-11-20T14:03:27+0100", "2026-11-20", "2026-11-20T14:03:27+01:00"),
    ("UTC", "2026-11-20T14:03:27-03", "2026-11-20", "2026-11-20T14:03:27-03:00"),
    ("UTC", "2026-11-20t14:03:27z", "2026-11-20", "2026-11-20T14:03:27+00:00"),
    ("UTC", "2026-11-20 14:03:27.123456Z", "2026-11-20", "2026-11-20T14:03:27.123456+00:00"),
    ("UTC", "2026-11-20T14:03:27,5Z", "2026-11-20", "2026-11-20T14:03:27.500000+00:00"),
    ("UTC", "2026-11-20 14:03:27.123456789 +01:00", "2026-11-20", "2026-11-20T14:03:27.123456+01:00"),
    ("UTC", " 2026-11-20 ", "2026-11-20", None),
    # The end of time is what banks write for never; zones once had offsets that no instant can say.
    ("Europe/Paris", "9999-12-31T23:59:59Z", "9999-12-31", None),
    ("America/New_York", "0001-01-01T00:30:00+14:00", "0001-01-01", None),
    ("Europe/Paris", "1900-01-01T10:00:00", "1900-01-01", None),
    ("Pacific/Kiritimati", "2026-11-20T10:30:00Z", "2026-11-21", "2026-11-20T10:30:00Z"),
]  # fmt: skip
NO_MOMENTS = (
    "", " ", "yesterday", "20/11/2026", "2026-11-31", "2026-02-29T10:00:00Z", "2026-11-20T25:00:00Z", "2026-11-20T14",
    "2026-11-20T14:03:27+25:00", "2026-11-20T14:03:60Z", "20261120T140327Z", "1763647407", "2026-11-20T14:03:27 CET",
    "2026-W47-5", "0000-01-01T10:00:00Z",
)  # fmt: skip


@pytest.mark.parametrize(("zone", "sent", "day", "instant"), MOMENTS)
def test_a_day_is_the_banks_and_midnight_is_no_instant(zone, sent, day, instant):
    read = functions.moments(zone)
    assert [read(sent), read(sent)] == [(day, instant)] * 2
    assert instant is None or in_form("instant", instant)


@pytest.mark.parametrize("sent", NO_MOMENTS)
def test_what_is_no_day_is_refused(sent):
    read = functions.moments("Europe/London")
    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011 - what it says is never shown
            read(sent)


def said(sent: datetime, zone: str) -> functions.Moment:
    """The rule itself, slowly."""
    there = sent.astimezone(ZoneInfo(zone))
    if (sent.hour, sent.minute, sent.second, sent.microsecond) == (0, 0, 0, 0):
        return sent.date().isoformat(), None
    if (there.hour, there.minute, there.second, there.microsecond) == (0, 0, 0, 0):
        return there.date().isoformat(), None
    return there.date().isoformat(), sent.isoformat()


ZONES = ("Europe/London", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Tehran")
READERS = {zone: functions.moments(zone) for zone in ZONES}
# Days on which clocks change in some of them, and any others; whole hours are the likeliest to be midnight somewhere.
walls = st.one_of(
    st.datetimes(min_value=datetime(1970, 1, 3), max_value=datetime(2090, 1, 1)),  # noqa: DTZ001
    st.builds(
        lambda day, hour, second: datetime.fromisoformat(f"{day}T{hour:02d}:00:00") + timedelta(seconds=second),
        st.sampled_from(
            ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05", "2011-12-30", "2026-01-01"]
        ),
        st.integers(0, 23),
        st.sampled_from([0, 0, 1, 1800, 3599]),
    ),
)


@given(walls, st.integers(-14 * 4, 14 * 4), st.sampled_from(ZONES))
def test_any_instant_has_its_day_its_moment_and_its_form_however_many_were_read_before(wall, quarters, zone):
    moment = wall.replace(tzinfo=timezone(timedelta(minutes=15 * quarters)))
    for sent in (moment.isoformat(), moment.isoformat(" "), moment.isoformat().replace("+00:00", "Z")):
        day, instant = READERS[zone](sent)
        expected_day, expected = said(moment, zone)
        assert (day, instant and datetime.fromisoformat(instant)) == (
            expected_day,
            expected and datetime.fromisoformat(expected),
        )
        assert in_form("date", day)
        assert instant is None or in_form("instant", instant)


OFFSETS = [timedelta(minutes=minutes) for minutes in (-720, -330, -300, -60, 0, 60, 120, 345, 570, 840)]
DAYS = ("2026-01-01", "2026-03-08", "2026-03-29", "2026-04-05", "2026-10-25", "2026-11-01", "2011-12-29")


@pytest.mark.parametrize("zone", ZONES)
def test_every_hour_of_a_day_that_is_known_already_is_what_it_is_by_itself(zone):
    read = functions.moments(zone)
    for day in DAYS:
        for offset in OFFSETS:
            read(datetime.fromisoformat(f"{day}T12:34:56").replace(tzinfo=timezone(offset)).isoformat())
            for hour in range(24):
                for rest in ("00:00", "30:00", "00:01"):
                    sent = datetime.fromisoformat(f"{day}T{hour:02d}:{rest}").replace(tzinfo=timezone(offset))
                    assert read(sent.isoformat()) == said(sent, zone), (sent.isoformat(), zone)
