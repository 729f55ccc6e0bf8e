"""Content codings of a bank's answer, undone by us within bounds: gzip and deflate, one of them, once.

aiohttp is told to keep its hands off: a bomb must be stopped by what comes out (its size, and its ratio to what came
in), and a coding that was not asked for (br, zstd) or that is stacked is refused (RFC 9110 section 8.4).
"""

import zlib
from collections.abc import Mapping

from gateway.errors import BankNonsense

MOST_RATIO = 150
# Small answers may be all alike: the ratio counts only above this many bytes.
RATIO_COUNTS_FROM = 256 * 1024
_STEP = 64 * 1024
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def coding_of(headers: Mapping[str, str]) -> str:
    """The Content-Encoding of an answer; several fields are one list (RFC 9110 section 5.3), and refused like one."""
    if "Content-Encoding" not in headers:
        return ""
    return ", ".join(value for name, value in headers.items() if name.lower() == "content-encoding")


def decode(body: bytes, coding: str, limit: int) -> bytes:
    """The body without its content coding, of at most `limit` bytes.

    `coding` is the Content-Encoding header's value. `deflate` is read as zlib and, where a bank sends it bare, as raw
    deflate. Raises BankNonsense for an unknown or stacked coding, a broken or cut stream, and one that grows too far.
    """
    name = coding.strip().lower()
    if name in {"", "identity"} or not body:
        return body
    if name in {"gzip", "x-gzip"}:
        return _inflate(body, _GZIP, limit)
    if name == "deflate":
        # RFC 1950 section 2.2: method 8, and the first two bytes a multiple of 31.
        zlib_head = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
        return _inflate(body, _ZLIB if zlib_head else _RAW, limit)
    raise BankNonsense("The bank's answer is in a content coding that was not asked for.")


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    most = min(limit, max(RATIO_COUNTS_FROM, MOST_RATIO * len(body)))
    pieces: list[bytes] = []
    size = 0
    rest = body
    while rest:
        member = zlib.decompressobj(window)
        try:
            while not member.eof:
                piece = member.decompress(rest, _STEP)
                rest = member.unconsumed_tail
                size += len(piece)
                if size > most:
                    raise BankNonsense("The bank's answer grows beyond bounds when it is decompressed.")
                if not piece and not rest and not member.eof:
                    raise BankNonsense("The bank's answer is compressed and ends too early.")
                pieces.append(piece)
        except zlib.error:
            raise BankNonsense("The bank's answer is not compressed as it says.") from None
        # A gzip stream may hold several members, one after the other (RFC 1952 section 2.2).
        rest = member.unused_data
        if rest and window != _GZIP:
            raise BankNonsense("The bank's answer is not compressed as it says.")
    return b"".join(pieces)
