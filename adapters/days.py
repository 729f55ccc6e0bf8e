"""Days of the calendar as dialects count them: there is none before its first and none after its last."""

from datetime import date, timedelta


def shifted(day: date, days: int) -> date:
    """The day so many days later, or earlier; the day itself where the calendar has no such day."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return day
