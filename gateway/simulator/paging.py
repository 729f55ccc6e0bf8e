"""How banks cut a list and say where it goes on: a page's number, an offset, or a token that holds the whole query.

A token is read back only by the bank that made it. Two faults of real banks are switches: a row that stands at the end
of one page and the start of the next, and an empty page with a next link.
"""

import base64
import binascii
import hashlib
import hmac
import urllib.parse
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import msgspec

from gateway.simulator.configuration import Bank, Paging
from gateway.simulator.refusal import Refusal

Parameters: TypeAlias = tuple[tuple[str, str], ...]
_Row = TypeVar("_Row")
_LIMIT = "limit"


class _Token(msgspec.Struct, frozen=True, array_like=True):
    parameters: Parameters
    page: int


def unfold(name: str, paging: Paging, query: str) -> tuple[Parameters, int, int]:
    """Splits a raw query into the list's own parameters, the page (from 0) and the page's size. Raises Refusal."""
    parameters = tuple(urllib.parse.parse_qsl(query, keep_blank_values=True))
    names = [key for key, _ in parameters]
    for key in names:
        if names.count(key) > 1:
            raise Refusal("parameter_invalid", key)
    given = dict(parameters)
    own = tuple((key, value) for key, value in parameters if key not in {paging.parameter, _LIMIT})
    if paging.style == "offset":
        size = min(_number(given, _LIMIT, paging.size, least=1), paging.size)
        offset = _number(given, paging.parameter, 0, least=0)
        if offset % size:
            raise Refusal("parameter_invalid", paging.parameter)
        return own, offset // size, size
    if _LIMIT in given:
        raise Refusal("parameter_unknown", _LIMIT)
    if paging.parameter not in given:
        return own, 0, paging.size
    if paging.style == "token":
        token = _opened(name, given[paging.parameter])
        if token is None or own:
            raise Refusal("parameter_invalid", paging.parameter)
        return token.parameters, token.page, paging.size
    return own, _number(given, paging.parameter, paging.first, least=paging.first) - paging.first, paging.size


def fold(name: str, paging: Paging, parameters: Parameters, page: int, size: int) -> str:
    """The raw query of a page: what `unfold` reads back."""
    match paging.style:
        case "page":
            parts: Parameters = (*parameters, (paging.parameter, str(page + paging.first)))
        case "offset":
            parts = (*parameters, (paging.parameter, str(page * size)), (_LIMIT, str(size)))
        case "token":
            parts = ((paging.parameter, _sealed(name, _Token(parameters, page))),)
    return urllib.parse.urlencode(parts, quote_via=urllib.parse.quote)


def cut(bank: Bank, rows: Sequence[_Row], size: int) -> list[Sequence[_Row]]:
    """The pages of a list, at least one."""
    overlap = 1 if bank.quirks.repeat_last_row else 0
    pages = [rows[max(0, start - overlap) if start else 0 : start + size] for start in range(0, len(rows), size)]
    if bank.quirks.empty_page and len(pages) > 1:
        pages.insert(1, ())
    return pages or [()]


def _number(given: dict[str, str], key: str, default: int, *, least: int) -> int:
    text = given.get(key, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) >= least):
        raise Refusal("parameter_invalid", key)
    return int(text)


def _sealed(name: str, token: _Token) -> str:
    content = msgspec.json.encode(token)
    return base64.b64encode(_seal(name, content) + content).decode()


def _opened(name: str, text: str) -> _Token | None:
    try:
        content = base64.b64decode(text, validate=True)
        if not hmac.compare_digest(content[:8], _seal(name, content[8:])):
            return None
        return msgspec.json.decode(content[8:], type=_Token)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None


def _seal(name: str, content: bytes) -> bytes:
    return hmac.digest(f"simulated {name}".encode(), content, hashlib.sha256)[:8]
