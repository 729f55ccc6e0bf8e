"""The head of an answer as bytes: status line, the handler's fields, and what the door alone decides.

Framing, `Connection` and `Date` are the door's; what tells a server's make is left out. A field that would break the
head in two (CR, LF, NUL) is never written.
"""

import time
from email.utils import formatdate
from http import HTTPStatus

from gateway.errors import GatewayFault
from gateway.exchange import Headers

_STATUS_LINES = {int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n" for status in HTTPStatus}
_DOORS_OWN = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "upgrade"})
_NO_STORE, _NO_SNIFFING = "Cache-Control: no-store\r\n", "X-Content-Type-Options: nosniff\r\n"
_UNLESS_GIVEN = {"cache-control": _NO_STORE, "x-content-type-options": _NO_SNIFFING}
_MOST_NAMES, _LONGEST_NAME = 500, 64

_names: dict[str, str] = {}
"""Names of fields in lower case, by how they were spelled: handlers and upstreams use few."""
_date = (0, "")


def answer_head(status: int, headers: Headers, framing: str, *, close: bool, private: bool) -> bytes:
    """The head with its empty line. `framing` is the framing field's line or empty; `private`: caches must not keep it.

    Raises GatewayFault for a field that can not be written.
    """
    ours = _NO_STORE + _NO_SNIFFING if private else _NO_SNIFFING
    fields = []
    for name, value in headers:
        lower = _names.get(name) or _learnt(name)
        if lower in _DOORS_OWN:
            continue
        if lower in _UNLESS_GIVEN:
            ours = ours.replace(_UNLESS_GIVEN[lower], "")
        fields.append(f"{name}: {value}\r\n")
    given = "".join(fields)
    if given.count("\n") != len(fields) or given.count("\r") != len(fields) or "\0" in given:
        raise GatewayFault("An answer was built with a header field that can not be sent.")
    line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
    end = "Connection: close\r\n" if close else ""
    if framing:
        end = f"{framing}\r\n{end}"
    # Bytes beyond ASCII came from a plain upstream and go on as they came (RFC 9110 section 5.5).
    return f"{line}{given}{ours}{end}{_date_line()}".encode("utf-8", "surrogateescape")


def _learnt(name: str) -> str:
    lower = name.lower()
    if len(_names) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
        _names[name] = lower
    return lower


def _date_line() -> str:
    """`Date` (RFC 9110 section 6.6.1) and the empty line, written once a second."""
    global _date  # noqa: PLW0603 - one value for the process: the second, and how it is written
    now = int(time.time())
    if _date[0] != now:
        _date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n\r\n")
    return _date[1]
