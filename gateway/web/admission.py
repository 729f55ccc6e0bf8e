"""What of a request's head is refused before anything is looked up: whatever two readers could read differently.

aiohttp's parser has refused broken framing before this (two lengths, a length beside chunks, line folding, bare CR, LF
or NUL); this refuses what it lets through.
"""

from collections.abc import Callable

from aiohttp.http import HttpVersion10, HttpVersion11, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from gateway.errors import ExpectationFailed, HeadersTooLarge, RequestInvalid
from gateway.web.bodies import NO_BODY, Body, Pace, StreamedBody

# Fields that identify or authorise a call, or say what its body is: of two, each reader would choose its own.
_ONCE = frozenset(
    {
        b"authorization",
        b"client-cert",
        b"consent-id",
        b"content-digest",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"digest",
        b"dpop",
        b"expect",
        b"host",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
        b"proxy-authorization",
        b"psu-ip-address",
        b"psu-user-agent",
        b"transfer-encoding",
        b"x-fapi-auth-date",
        b"x-fapi-customer-ip-address",
        b"x-fapi-interaction-id",
        b"x-idempotency-key",
        b"x-jws-signature",
        b"x-request-id",
    }
)
_FRAMING = {b"contentlength": b"content-length", b"transferencoding": b"transfer-encoding"}
_NOT_A_LETTER = bytes(set(range(256)) - set(b"abcdefghijklmnopqrstuvwxyz"))
_MOST_NAMES, _LONGEST_NAME = 500, 64
_MOST_DIGITS = 18  # more do not fit into the 64 bits of other readers
_WITHOUT_BODY = frozenset({"GET", "HEAD", "TRACE", "CONNECT"})

_lower: dict[bytes, bytes] = {}
"""Names of fields that need no second look, as they were spelled: callers use few."""


def admit(message: RawRequestMessage, payload: StreamReader, invite: Callable[[], None], most: int, pace: Pace) -> Body:
    """Checks a head and gives the body that comes with it.

    `invite` sends `100 Continue`; `most` is the bytes that all header fields may have; `pace` is the body's. Raises
    RequestInvalid, HeadersTooLarge or ExpectationFailed. Names of fields are told, values never.
    """
    names, size = set(), 0
    for name, value in message.raw_headers:
        lower = _lower.get(name) or _learnt(name)
        if lower in names and lower in _ONCE:
            raise _invalid(lower, "must stand once")
        if not value.isascii():
            raise _invalid(lower, "holds bytes beyond ASCII")
        names.add(lower)
        size += len(name) + len(value)
    if size > most:
        raise HeadersTooLarge(f"At most {most} bytes of header fields are taken.")
    if message.version is not HttpVersion11 and message.version != HttpVersion11:
        _check_old(message, names)
    if payload is EMPTY_PAYLOAD and b"expect" not in names:
        return NO_BODY
    headers = message.headers
    expectation = headers.get("Expect")
    if expectation is not None and expectation.lower() != "100-continue":
        raise ExpectationFailed("Only 100-continue can be expected.")
    if payload is EMPTY_PAYLOAD:
        return NO_BODY
    if message.method in _WITHOUT_BODY:
        raise RequestInvalid(f"A {message.method} request takes no body.")
    waits = expectation is not None and message.version >= HttpVersion11
    length = headers.get("Content-Length")
    if length is not None and len(length) > _MOST_DIGITS:
        raise RequestInvalid("No body is that long.")
    if length is None and headers.get("Transfer-Encoding", "").lower() != "chunked":
        # Another coding would have to be undone, or be named to whoever gets the body (RFC 9112 section 6.1).
        raise RequestInvalid("Of transfer codings only chunked is taken, and once.")
    return StreamedBody(payload, int(length) if length is not None else None, invite if waits else None, pace)


def _learnt(name: bytes) -> bytes:
    """A name in lower case. Raises RequestInvalid for one that a lax reader takes for a length (`Content_Length`)."""
    lower = name.lower()
    if _FRAMING.get(lower.translate(None, _NOT_A_LETTER), lower) != lower:
        raise _invalid(lower, "looks like one that says how long the body is")
    if len(_lower) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
        _lower[name] = lower
    return lower


def _check_old(message: RawRequestMessage, names: set[bytes]) -> None:
    if message.version != HttpVersion10:
        raise RequestInvalid("Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    if b"transfer-encoding" in names:
        # RFC 9112 section 6.1: to a 1.0 reader the chunks would be the body, or the next request.
        raise RequestInvalid("Transfer-Encoding is not taken in HTTP/1.0.")


def _invalid(name: bytes, message: str) -> RequestInvalid:
    told = name.decode("ascii", "replace")
    return RequestInvalid(
        f"The header field '{told}' {message}.", errors=[{"name": told, "in": "header", "message": message}]
    )
