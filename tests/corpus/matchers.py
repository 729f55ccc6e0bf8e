"""WireMock's matchers of a request's address, query and headers, each able to say why it did not hold.

Three things of a recording bind nobody but the test that it was made for, and are waived, counted and reported:
request signing (tested on its own), constants in the place of an id that every call makes anew, and the order of query
parameters.
"""

import ipaddress
import itertools
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

SIGNING = "request signing is tested on its own"
CONSTANT = "a constant of the recording's own test; any value is taken, none is not"
ORDER = "the order of query parameters carries no meaning"

_SIGNING_HEADERS = frozenset(
    ("signature", "digest", "tpp-signature-certificate", "x-jws-signature", "date", "request-target")
)
_CALL_IDS = frozenset(("x-fapi-interaction-id", "x-request-id"))


class Received(msgspec.Struct, frozen=True):
    """A request as it came: `target` is the raw path and query, header names as sent."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def values(self, place: str, name: str) -> list[str]:
        """Every value of a query parameter (decoded) or header (any case of the name)."""
        if place == "query":
            pairs = parse_qsl(self.target.partition("?")[2], keep_blank_values=True)
            return [value for key, value in pairs if key == name]
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Finding(msgspec.Struct, frozen=True):
    """How one matcher fared: `waived` says why it is not enforced, `seen` what was there instead."""

    about: str
    holds: bool
    waived: str = ""
    seen: str = ""

    @property
    def passes(self) -> bool:
        return self.holds or bool(self.waived)

    def __str__(self) -> str:
        return f"{self.about}, got {self.seen}"


class Condition(msgspec.Struct, frozen=True):
    """One matcher of a pair, ready to be asked."""

    about: str
    examine: Callable[[Received], Finding]


def build_value_conditions(place: str, matchers: Mapping[str, Mapping[str, Any]]) -> Iterator[Condition]:
    """Builds the conditions on query parameters or headers; any one of several values satisfies a matcher."""
    for name, matcher in matchers.items():
        yield _value_condition(place, name, matcher)


def _value_condition(place: str, name: str, matcher: Mapping[str, Any]) -> Condition:
    about = f"{place} {name} {' '.join(f'{kind} {value!r}' for kind, value in matcher.items())}"
    holds = build_value_test(matcher)

    def examine(received: Received) -> Finding:
        values = received.values(place, name)
        held = holds(values)
        waived = _header_waiver(name.lower(), matcher, values) if place == "header" else ""
        return Finding(about, held, waived, ", ".join(map(repr, values)) or "nothing")

    return Condition(about, examine)


def build_value_test(matcher: Mapping[str, Any]) -> Callable[[Sequence[str]], bool]:
    """Builds the test of one value matcher; a regular expression must match the whole value.

    Raises ValueError for a kind of matcher that is not known.
    """
    options = dict(matcher)
    any_case = options.pop("caseInsensitive", False) is True
    if "absent" in options:  # its value means nothing, true or empty
        return lambda values: not values
    if len(options) != 1:
        raise ValueError(f"a matcher of one kind is expected, not {sorted(options)}")
    ((kind, wanted),) = options.items()
    if kind in ("matches", "doesNotMatch"):
        pattern = re.compile(wanted, re.IGNORECASE if any_case else 0)
        if kind == "matches":
            return lambda values: any(pattern.fullmatch(value) for value in values)
        return lambda values: not any(pattern.fullmatch(value) for value in values)
    fold = str.casefold if any_case else str
    expected = fold(str(wanted))
    if kind == "equalTo":
        return lambda values: any(fold(value) == expected for value in values)
    if kind == "contains":
        return lambda values: any(expected in fold(value) for value in values)
    if kind == "doesNotContain":
        return lambda values: not any(expected in fold(value) for value in values)
    raise ValueError(f"{kind} is no known kind of matcher")


def _header_waiver(name: str, matcher: Mapping[str, Any], values: Sequence[str]) -> str:
    if name in _SIGNING_HEADERS:
        return SIGNING
    constant = matcher.get("equalTo") or matcher.get("matches") or matcher.get("contains")
    if not values or not isinstance(constant, str) or re.search(r"[\^$.*+?\[(\\]", constant):
        return ""
    return CONSTANT if name in _CALL_IDS or (name == "psu-ip-address" and not is_address(constant)) else ""


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def basic_credentials(username: str, password: str) -> Condition:
    """Builds the condition of HTTP Basic authentication (RFC 7617)."""
    wanted = "Basic " + b64encode(f"{username}:{password}".encode()).decode()

    def examine(received: Received) -> Finding:
        values = received.values("header", "authorization")
        return Finding("basic credentials", wanted in values, seen="others" if values else "nothing")

    return Condition("basic credentials", examine)


def build_url_condition(
    url: str | None, path: str | None, pattern: str | None, path_pattern: str | None
) -> tuple[str, Condition]:
    """Builds the condition on the address, of which a pair has one kind; answers the text of it, too.

    `url` and `urlPattern` speak of path and query, `urlPath` and `urlPathPattern` of the path alone.
    """
    if url is not None:
        return url, _address_condition(f"url {url!r}", lambda address: address == url, with_query=True)
    if path is not None:
        return path, _address_condition(f"urlPath {path!r}", lambda address: address == path, with_query=False)
    if pattern is not None:
        whole = re.compile(pattern)
        about = f"urlPattern {pattern!r}"
        return pattern, _address_condition(about, lambda address: bool(whole.fullmatch(address)), with_query=True)
    if path_pattern is not None:
        part = re.compile(path_pattern)
        about = f"urlPathPattern {path_pattern!r}"
        return path_pattern, _address_condition(about, lambda address: bool(part.fullmatch(address)), with_query=False)
    raise ValueError("the request names no address")


def _address_condition(about: str, holds: Callable[[str], bool], *, with_query: bool) -> Condition:
    def examine(received: Received) -> Finding:
        address = received.target if with_query else received.path
        held = holds(address)
        reordered = not held and with_query and any(map(holds, _reordered(received.target)))
        return Finding(about, held, ORDER if reordered else "", repr(address))

    return Condition(about, examine)


def _reordered(target: str) -> Iterator[str]:
    path, _, query = target.partition("?")
    parts = query.split("&")
    if 2 <= len(parts) <= 6:
        for order in itertools.permutations(parts):
            yield f"{path}?{'&'.join(order)}"
