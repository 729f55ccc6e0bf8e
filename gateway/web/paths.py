"""The raw target has one reading, or it is refused: what is matched and authorised is byte for byte what is sent.

Taken is the origin form (RFC 9112 section 3.2.1) of a path in normal form (RFC 3986 section 6.2.2): no dot segments, no
empty ones but a last, `%XX` in upper case and only where a byte can not stand for itself. Refused besides, because
servers behind us differ about them: backslash, `;`, `#`, encoded separators, controls and percent signs, broken UTF-8.
The query is kept as it is; only its characters are checked.
"""

import re

from gateway.errors import PathRefused

MOST_PATH = 2048
MOST_QUERY = 6144

# Without an escape, an empty segment or one that begins with a dot, there is nothing more to look at.
_ORDINARY = re.compile(r"/[A-Za-z0-9._~!$&'()*+,=:@/-]*+")
_CHARACTERS = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@/%-]*+")
_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]++|%[0-9A-Fa-f]{2})*+")
_ESCAPE = re.compile(r"%(..)?")
_HEX = re.compile(r"[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_STRUCTURAL = frozenset(b"/\\;#?%")


def canonical(target: str) -> tuple[str, str | None]:
    """Path and query of a request target as it came over the wire, without the question mark between them.

    An empty query (`/path?`) is another target than none (RFC 3986 section 6.2.3): the one is "", the other None.
    Raises PathRefused; its detail says why and never repeats the path.
    """
    path, mark, query = target.partition("?")
    if len(path) > MOST_PATH or len(query) > MOST_QUERY:
        raise PathRefused(f"Path or query is too long: at most {MOST_PATH} and {MOST_QUERY} characters are taken.")
    if _ORDINARY.fullmatch(path) is None or "//" in path or "/." in path:
        _check(path)
    if query and _QUERY.fullmatch(query) is None:
        raise PathRefused("The query holds a character that must be percent-encoded, or a broken escape.")
    return path, query if mark else None


def _check(path: str) -> None:
    if not path.startswith("/"):
        raise PathRefused("The request target must begin with a slash: absolute and other forms are not taken.")
    if _CHARACTERS.fullmatch(path) is None:
        raise PathRefused("The path holds a character that is not taken there (backslash, ';', '#', beyond ASCII...).")
    if "%" in path:
        _check_escapes(path)
    segments = path.split("/")[1:]
    if "" in segments[:-1]:
        raise PathRefused("The path holds an empty segment.")
    if "." in segments or ".." in segments:
        raise PathRefused("The path holds a dot segment.")


def _check_escapes(path: str) -> None:
    for escape in _ESCAPE.finditer(path):
        digits = escape[1] or ""
        if _HEX.fullmatch(digits) is None:
            raise PathRefused("The path holds a percent sign without two hexadecimal digits.")
        byte = int(digits, 16)
        if byte < 0x20 or byte == 0x7F:
            raise PathRefused("The path holds an encoded control character.")
        if byte in _STRUCTURAL or byte in _UNRESERVED:
            raise PathRefused("The path holds an encoded separator, percent sign or character that needs no encoding.")
        if digits != digits.upper():
            raise PathRefused("The hexadecimal digits of an escape must be in upper case.")
    encoded = re.findall(r"(?:%[0-9A-F]{2})+", path)
    try:
        for run in encoded:
            bytes.fromhex(run.replace("%", "")).decode()
    except UnicodeDecodeError:
        raise PathRefused("The path's escapes are not UTF-8.") from None
