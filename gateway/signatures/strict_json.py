"""JSON of strangers, strictly: one object, no member twice, no NaN, no depth that hurts (RFC 8259, RFC 8725 2.4)."""

import json
from typing import Any, NoReturn


def read_object(content: bytes) -> dict[str, Any]:
    """The object. Raises ValueError, without any of the content in its message, for everything else."""
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=once, parse_constant=refuse)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    except ValueError:
        raise ValueError("not strict JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - what it is of is the content, not an argument
    return value


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its members. Raises ValueError where one stands twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def refuse(_constant: str) -> NoReturn:
    """NaN and the infinities are no JSON. Raises ValueError."""
    raise ValueError("not a JSON number")
