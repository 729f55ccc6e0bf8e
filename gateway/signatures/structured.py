"""Structured fields (RFC 9651), read by http-sf, with one rule more: what stands twice is refused.

The RFC lets the last of two equal keys win. In a field that says what is signed, the two are two readings of one
message, and the one who checks must not choose another than the one who acts.
"""

from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias, cast

import http_sf
from http_sf import StructuredType
from http_sf.innerlist import ser_item_or_inner_list
from http_sf.parameters import ser_params
from http_sf.retrofit import retrofit

Parameters: TypeAlias = dict[str, Any]
Item: TypeAlias = tuple[Any, Parameters]
"""A bare item and its parameters, in their order; for an inner list the bare item is a list of items."""

# What RFC 9421, RFC 9530 and RFC 9110's successors define as structured, beside what http-sf lists (RFC 9651 and the
# retrofit draft).
_TYPES: Mapping[str, str] = {
    **retrofit,
    "accept-signature": "dictionary",
    "client-cert": "item",
    "client-cert-chain": "list",
    "content-digest": "dictionary",
    "idempotency-key": "item",
    "repr-digest": "dictionary",
    "signature": "dictionary",
    "signature-input": "dictionary",
    "want-content-digest": "dictionary",
    "want-repr-digest": "dictionary",
}


class NotStructured(ValueError):
    """Not the structured field that it should be; the message holds nothing of it."""


def read_dictionary(text: str) -> dict[str, Item]:
    """A dictionary's members. Raises NotStructured, also where a key or a parameter stands twice."""
    return cast("dict[str, Item]", _read(text, "dictionary"))


def read_item(text: str) -> Item:
    """One item. Raises NotStructured."""
    return cast("Item", _read(text, "item"))


def write_item(item: Item) -> str:
    """An item or inner list as RFC 9651 section 4.1 writes it."""
    return ser_item_or_inner_list(item)


def write_parameters(parameters: Parameters) -> str:
    """Parameters, each with its semicolon, as RFC 9651 section 4.1.1.2 writes them."""
    return ser_params(parameters)


def rewritten(name: str, text: str) -> str:
    """A whole field in the form that RFC 9651 section 4.1 gives it; `name` in lower case.

    Raises NotStructured for a field that is not known to be structured, too: its type can not be guessed.
    """
    kind = _TYPES.get(name)
    if kind is None:
        raise NotStructured("not known to be a structured field")
    structure = _read(text, kind)
    # An empty dictionary or list has no serialisation; RFC 9421 section 2.1 knows the empty value.
    return http_sf.ser(structure) if structure else ""


def _read(text: str, kind: str) -> StructuredType:
    try:
        return http_sf.parse(text.encode("ascii"), tltype=kind, on_duplicate_key=_refuse_twice)
    except NotStructured:
        raise
    except (ValueError, OverflowError, ArithmeticError, OSError):
        # Beside its own errors, the parser lets through what dates beyond the calendar raise.
        raise NotStructured("not a structured field") from None


def _refuse_twice(_key: str, _context: str) -> NoReturn:
    raise NotStructured("a key stands twice")
