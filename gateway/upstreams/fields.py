"""Which header fields pass to a plain upstream and back (RFC 9110 section 7.6.1), in the order and case of the wire.

What `Connection` nominates is dropped too, except what protects or identifies the call: no caller can make the gateway
drop an authorisation or a signature by naming it. Fields by which proxies vouch for a caller never pass: only the
gateway's own TLS says who called (a name with an underscore is one of those to servers that read `-` and `_` alike).
"""

import functools
import re
from collections.abc import Iterable

from gateway.errors import UpstreamNonsense
from gateway.exchange import HeaderMap, Headers

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_PROTECTED = frozenset(
    {
        "authorization",
        "cache-control",
        "content-digest",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "digest",
        "dpop",
        "host",
        "idempotency-key",
        "signature",
        "signature-input",
        "tpp-signature-certificate",
        "traceparent",
        "www-authenticate",
        "x-fapi-auth-date",
        "x-fapi-customer-ip-address",
        "x-fapi-interaction-id",
        "x-idempotency-key",
        "x-jws-signature",
        "x-request-id",
    }
)
_GATEWAYS_OWN = frozenset(
    {
        "baggage",
        "client-cert",
        "client-cert-chain",
        "consent-id",
        "expect",
        "forwarded",
        "host",
        "content-length",
        "psu-ip-address",
        "psu-user-agent",
        "traceparent",
        "tracestate",
        "x-real-ip",
    }
)
_VOUCHING = ("x-forwarded-", "x-ssl-", "x-client-", "ssl-client-", "x-original-", "x-envoy-")
_NEVER_NOMINATED = _PROTECTED | {"close", "keep-alive", ""}
_NOT_ASKED = _HOP_BY_HOP | _GATEWAYS_OWN
_ECHOED = frozenset({"x-fapi-interaction-id", "x-request-id"})
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NONE: list[str] = []
_NOTHING: frozenset[str] = frozenset()
_USUAL = ["keep-alive"]
_PASSES, _IDENTIFIES, _NOMINATES, _STAYS = range(4)


def to_upstream(received: HeaderMap) -> list[str]:
    """The caller's fields that go on, as lines without their ends."""
    lines = [f"{name}: {value}" for name, value in received.items() if _goes_on(name)]
    nominated = _nominated(received.getall("connection", _NONE))
    if nominated:
        return [line for line in lines if line.partition(":")[0].lower() not in nominated]
    return lines


def to_caller(answered: Iterable[tuple[str, str]], *, echoing: bool) -> Headers:
    """The upstream's fields that go back; `echoing` says that the ids of the call are added by a filter.

    Raises UpstreamNonsense for a control character in a value (RFC 9110 section 5.5): readers differ about them.
    """
    kept, nominating, values = [], [], ""
    for pair in answered:
        name, value = pair
        values += value
        verdict = _back(name)
        if verdict == _PASSES or (verdict == _IDENTIFIES and not echoing):
            kept.append(pair)
        elif verdict == _NOMINATES:
            nominating.append(value)
    if not values.isprintable() and _CONTROL.search(values):
        raise UpstreamNonsense
    nominated = _nominated(nominating)
    return tuple([pair for pair in kept if pair[0].lower() not in nominated] if nominated else kept)


# Names repeat from call to call; what a stranger invents only pushes out what another one did.
@functools.lru_cache(1024)
def _goes_on(name: str) -> bool:
    lower = name.lower()
    return not (lower in _NOT_ASKED or "_" in lower or lower.startswith(_VOUCHING))


@functools.lru_cache(1024)
def _back(name: str) -> int:
    """What becomes of an upstream's field."""
    lower = name.lower()
    if lower == "connection":
        return _NOMINATES
    # The parser of answers lets a space stand behind some names, which others would read as the names without it.
    if lower in _HOP_BY_HOP or lower != lower.strip():
        return _STAYS
    return _IDENTIFIES if lower in _ECHOED else _PASSES


def _nominated(values: list[str]) -> frozenset[str]:
    if not values or values == _USUAL:
        return _NOTHING
    return frozenset([name.strip().lower() for value in values for name in value.split(",")]) - _NEVER_NOMINATED
