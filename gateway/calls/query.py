"""The contract's query parameters, read strictly: unknown or repeated names and bad values are refused, all at once."""

import re
from datetime import date
from typing import get_args
from urllib.parse import unquote_plus

import msgspec

from gateway.contract import BookingStatus
from gateway.errors import RequestInvalid
from gateway.files import near

_STATUSES: tuple[BookingStatus, ...] = get_args(BookingStatus)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LONGEST_CURSOR = 4096
"""Characters that a cursor may have (page.schema.json)."""


class Query(msgspec.Struct, frozen=True, gc=False):
    """What a list is asked for. Days are inclusive, in the bank's zone; a cursor goes on where a page ended."""

    from_date: date | None = None
    to_date: date | None = None
    status: BookingStatus | None = None
    cursor: str | None = None

    def asks(self, other: "Query") -> bool:
        """Whether what this query says, cursor aside, is what the other says too."""
        return all(
            mine is None or mine == theirs
            for mine, theirs in (
                (self.from_date, other.from_date),
                (self.to_date, other.to_date),
                (self.status, other.status),
            )
        )


NO_QUERY = Query()


def read_query(raw: str | None, allowed: tuple[str, ...]) -> Query:
    """Reads a raw query string, where there is one. Raises RequestInvalid with every problem."""
    if not raw:
        return NO_QUERY
    wrong: list[dict[str, str]] = []
    values: dict[str, str] = {}
    for pair in raw.split("&"):
        name, _, value = pair.partition("=")
        if name not in allowed:
            known = f" It takes: {', '.join(allowed)}." if allowed else " It takes none."
            wrong.append(_problem("a parameter", f"is not known here{near(name[:40], allowed)}.{known}"))
        elif name in values:
            wrong.append(_problem(name, "must stand once."))
        else:
            values[name] = unquote_plus(value)
    days = {name: _day(name, values[name], wrong) for name in ("from", "to") if name in values}
    status = next((one for one in _STATUSES if one == values.get("status")), None)
    if "status" in values and status is None:
        wrong.append(_problem("status", f"must be one of {', '.join(_STATUSES)}."))
    cursor = values.get("cursor")
    if cursor is not None and not 0 < len(cursor) <= LONGEST_CURSOR:
        wrong.append(_problem("cursor", "is not a cursor of this gateway."))
    first, last = days.get("from"), days.get("to")
    if first and last and first > last:
        wrong.append(_problem("from", "must not be after 'to'."))
    if wrong:
        raise RequestInvalid("The query is not as the contract says.", errors=wrong)
    return Query(first, last, status, cursor)


def _day(name: str, value: str, wrong: list[dict[str, str]]) -> date | None:
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    wrong.append(_problem(name, "must be a date: YYYY-MM-DD."))
    return None


def _problem(name: str, message: str) -> dict[str, str]:
    return {"name": name, "in": "query", "message": message}
