"""A request as bytes (RFC 9112): the head is built once, checked once, and nothing in it can begin another line."""

import re

from gateway.banks.origins import Origin
from gateway.contract import BankRequest
from gateway.errors import GatewayFault

_METHOD = re.compile(r"[A-Z]{3,10}")
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_OURS = "Accept-Encoding: gzip, deflate\r\nUser-Agent: bank-integration-gateway"

# Headers that the connection owns; neither a bank's file nor an adapter sets them.
RESERVED = frozenset(
    {
        "accept-encoding",
        "baggage",
        "content-length",
        "cookie",
        "expect",
        "host",
        "proxy-authorization",
        "te",
        "trailer",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)


def write(origin: Origin, target: str, request: BankRequest, traceparent: str) -> bytes:
    """The whole message. `target` is in its strict form (`Origins.split`).

    Raises GatewayFault when a method or header would break the message: only an adapter's bug makes one.
    """
    if not _METHOD.fullmatch(request.method):
        raise GatewayFault("A request to a bank was built with a method that can not be sent.")
    lines = [
        f"{request.method} {target} HTTP/1.1",
        f"Host: {origin.authority}",
        _OURS,
        f"traceparent: {traceparent}",
    ]
    for name, value in request.headers:
        lines.append(f"{name}: {value}")
    body = request.body
    if body or request.method not in _WITHOUT_BODY:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines)
    # `_OURS` holds one line end of its own.
    if head.count("\r") != len(lines) or head.count("\n") != len(lines) or "\0" in head:
        raise GatewayFault("A request to a bank was built with a header that can not be sent.")
    # Bytes that a caller's header held beside ASCII go on as they came (RFC 9110 section 5.5, obs-text).
    return head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
