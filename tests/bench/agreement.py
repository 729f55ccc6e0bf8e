"""Whether all who map give the same pages: the parsed JSON of each against the gateway's, every page of every size.

Only when and under which name a page was fetched may differ; both must be there.
"""

import json
from typing import Any

_OF_THE_MOMENT = ("fetched_at", "raw_ref")


class Disagreement(Exception):
    """The first place where a page differs from the gateway's."""


def settled(page: bytes) -> dict[str, Any]:
    """A page without what is of the moment. Raises Disagreement where that is absent."""
    read: dict[str, Any] = json.loads(page)
    for number, record in enumerate(read["transactions"]):
        for name in _OF_THE_MOMENT:
            if not record["source"].pop(name, None):
                raise Disagreement(f"transactions[{number}].source has no {name}")
    return read


def compare(expected: Any, found: Any, place: str = "") -> None:
    """Raises Disagreement with the first place that differs; order of members aside."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if expected.keys() != found.keys():
            raise Disagreement(f"{place} has other members: {sorted(expected.keys() ^ found.keys())}")
        for name, value in expected.items():
            compare(value, found[name], f"{place}.{name}" if place else name)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, value in enumerate(expected):
            compare(value, found[number], f"{place}[{number}]")
    elif expected != found or type(expected) is not type(found):
        raise Disagreement(f"{place} is {found!r} where the gateway says {expected!r}")
