"""The head of an answer as bytes: status line, the handler's fields, and what the door alone decides.

Framing, `Connection` and `Date` are the door's; what tells a server's make is left out. A field that would break the
head in two (CR, LF, NUL) is never written.
"""

import time
from email.utils import formatdate
from http import HTTPStatus

from gateway.errors import GatewayFault
from gateway.exchange import Headers

_STATUS_LINES = {int(status): f"HTTP/1.1 {int(status)} {status.phrase}" for status in HTTPStatus}
_DOORS_OWN = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "upgrade"})
_UNLESS_GIVEN = frozenset({"cache-control", "x-content-type-options"})
_KNOWN = _DOORS_OWN | _UNLESS_GIVEN

_date = (0, "")


def answer_head(status: int, headers: Headers, framing: str, *, close: bool, private: bool) -> bytes:
    """The head with its empty line. `framing` is the framing field's line or empty; `private`: caches must not keep it.

    Raises GatewayFault for a field that can not be written.
    """
    lines = [_STATUS_LINES.get(status) or f"HTTP/1.1 {status} "]
    sniff = True
    for name, value in headers:
        lower = name.lower()
        if lower in _KNOWN:
            if lower in _DOORS_OWN:
                continue
            if lower == "cache-control":
                private = False
            else:
                sniff = False
        lines.append(f"{name}: {value}")
    if private:
        lines.append("Cache-Control: no-store")
    if sniff:
        lines.append("X-Content-Type-Options: nosniff")
    if framing:
        lines.append(framing)
    if close:
        lines.append("Connection: close")
    lines.append(_date_line())
    head = "\r\n".join(lines)
    ends = len(lines) - 1
    if head.count("\n") != ends or head.count("\r") != ends or "\0" in head:
        raise GatewayFault("An answer was built with a header field that can not be sent.")
    # Bytes beyond ASCII came from a plain upstream and go on as they came (RFC 9110 section 5.5).
    return head.encode("utf-8", "surrogateescape") + b"\r\n\r\n"


def _date_line() -> str:
    """`Date` (RFC 9110 section 6.6.1), written once a second."""
    global _date  # noqa: PLW0603 - one value for the process: the second, and how it is written
    now = int(time.time())
    if _date[0] != now:
        _date = (now, f"Date: {formatdate(now, usegmt=True)}")
    return _date[1]
