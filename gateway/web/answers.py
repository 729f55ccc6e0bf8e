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
_MOST_NAMES = 500

_ordinary_names: set[str] = set()
"""Names of fields that need no second look, as they were spelled: handlers use few."""
_date = (0, "")


def answer_head(status: int, headers: Headers, framing: str, *, close: bool, private: bool) -> bytes:
    """The head with its empty line. `framing` is the framing field's line or empty; `private`: caches must not keep it.

    Raises GatewayFault for a field that can not be written.
    """
    ours = _NO_STORE + _NO_SNIFFING if private else _NO_SNIFFING
    fields = []
    for name, value in headers:
        if name not in _ordinary_names:
            lower = name.lower()
            if lower in _DOORS_OWN:
                continue
            if lower in _UNLESS_GIVEN:
                ours = ours.replace(_UNLESS_GIVEN[lower], "")
            elif len(_ordinary_names) < _MOST_NAMES:
                _ordinary_names.add(name)
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


def _date_line() -> str:
    """`Date` (RFC 9110 section 6.6.1) and the empty line, written once a second."""
    global _date  # noqa: PLW0603 - one value for the process: the second, and how it is written
    now = int(time.time())
    if _date[0] != now:
        _date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n\r\n")
    return _date[1]
