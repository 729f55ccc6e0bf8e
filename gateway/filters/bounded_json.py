"""JSON of callers within bounds, read as every reader after us would read it, and thrown away: only the verdict counts.

One pass over the tokens stops at the first bound that is passed, so that what it costs is bounded too; then the grammar
is judged. What two readers could take differently is refused: a member twice, NaN, half a surrogate pair, a number
whose exponent leads beyond a double (RFC 8259 sections 4, 6 and 8; RFC 7493).
"""

import json
import re

import msgspec

from gateway.signatures.strict_json import once, refuse

# The last alternative is a quotation mark that is never closed: without it each one would be sought anew.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]|[^\s"\[\]{},:]++|"', re.DOTALL)
_FAR = re.compile(rb"-?[0-9.]+[eE][+-]?0*[1-9][0-9]{3}")
_QUOTE, _SQUARE, _BRACE, _SQUARE_END, _BRACE_END = b'"[{]}'


class Bounds(msgspec.Struct, frozen=True):
    """The most that a document may have: levels, keys and values, bytes of a text, characters of a number."""

    depth: int
    values: int
    text: int
    digits: int


def check(content: bytes, bounds: Bounds) -> None:
    """Raises ValueError, saying what is wrong and nothing of the content, unless it is one strict JSON document."""
    _bound(content, bounds)
    try:
        json.loads(
            content.decode("utf-8"),
            object_pairs_hook=once,
            parse_constant=refuse,
            parse_int=_unread,
            parse_float=_unread,
        )
    except (ValueError, RecursionError):
        raise ValueError("is not JSON as RFC 8259 writes it, with each member once") from None


def _bound(content: bytes, bounds: Bounds) -> None:
    depth = values = 0
    for found in _TOKEN.finditer(content):
        first = content[found.start()]
        if first in (_SQUARE_END, _BRACE_END):
            depth -= 1
            continue
        values += 1
        if values > bounds.values:
            raise ValueError(f"has more than {bounds.values} keys and values")
        size = found.end() - found.start()
        if first in (_SQUARE, _BRACE):
            depth += 1
            if depth > bounds.depth:
                raise ValueError(f"is nested more than {bounds.depth} deep")
        elif first == _QUOTE:
            if size == 1:
                raise ValueError("ends inside a text")
            if size - 2 > bounds.text:
                raise ValueError(f"holds a text of more than {bounds.text} bytes")
            if b"\\u" in found[0]:
                _whole(found[0])
        elif size > bounds.digits:
            raise ValueError(f"holds a number of more than {bounds.digits} characters")
        elif _FAR.match(found[0]):
            raise ValueError("holds a number whose exponent leads too far")


def _whole(text: bytes) -> None:
    """Half a surrogate pair is a text to some readers, an error or another letter to others (RFC 8259 section 8.2)."""
    try:
        str(json.loads(text)).encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a surrogate pair") from None
    except ValueError:
        raise ValueError("is not JSON as RFC 8259 writes it, with each member once") from None


def _unread(_digits: str) -> int:
    """Numbers need no value here: what they are was seen by their form."""
    return 0
