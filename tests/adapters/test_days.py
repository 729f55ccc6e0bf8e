from datetime import date

import pytest

from adapters.days import shifted


@pytest.mark.parametrize(
    ("day", "days", "meant"),
    [
        (date(2026, 2, 28), 1, date(2026, 3, 1)),
        (date(2026, 1, 1), -1, date(2025, 12, 31)),
        (date(2026, 1, 1), 0, date(2026, 1, 1)),
        (date.min, -1, date.min),
        (date.max, 1, date.max),
    ],
)
def test_the_calendar_has_ends(day, days, meant):
    assert shifted(day, days) == meant
