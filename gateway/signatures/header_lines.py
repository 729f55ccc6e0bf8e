"""A message as its signature sees it: what goes over the wire, byte for byte, and the lines that are signed of it.

Both draft-cavage-http-signatures (section 2.3) and the HttpHeaders mechanism of JAdES (ETSI TS 119 182-1 section
5.2.8.2) sign lines `name: value`; they differ in what they do with them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec

from gateway.exchange import Headers

REQUEST_TARGET = "(request-target)"
_TARGETS = frozenset({REQUEST_TARGET, "request-target"})


class SignatureRefused(Exception):
    """A signature is missing, malformed, or not what was agreed; the message is ours and holds nothing of it."""


class Request(msgspec.Struct, frozen=True):
    """A request as it leaves: `target` is the request target of its first line, `authority` its Host header."""

    method: str
    target: str
    authority: str
    headers: Headers
    body: bytes
    scheme: str = "https"


class KeyFacts(msgspec.Struct, frozen=True):
    """What settings may depend on of a key: JOSE's name of its algorithm, and whether it has a certificate."""

    id: str
    algorithm: str
    certified: bool


class Answer(msgspec.Struct, frozen=True):
    """An answer as it arrived: `body` still in its content coding; `request` is the one that it answers."""

    status: int
    headers: Headers
    body: bytes
    request: Request


Sign: TypeAlias = Callable[[Request, datetime], Headers]
"""Given a request and the present instant, all headers of the signed request. Raises SigningUnavailable."""

Verify: TypeAlias = Callable[[Answer, datetime], None]
"""Given an answer and the present instant, does nothing. Raises SignatureRefused."""


def values(headers: Headers, name: str) -> list[str]:
    """All values of a header, in the order of the wire; `name` in small letters."""
    return [value for key, value in headers if key.lower() == name]


def only(headers: Headers, name: str) -> str | None:
    """The value of a header that may stand once, None where it is absent. Raises SignatureRefused for a second one."""
    found = values(headers, name)
    if len(found) > 1:
        raise SignatureRefused(f"the header {name} stands twice")
    return found[0] if found else None


def with_headers(headers: Headers, added: Sequence[tuple[str, str]]) -> Headers:
    """The headers with others in the place of those of the same names."""
    names = {name.lower() for name, _ in added}
    return (*((name, value) for name, value in headers if name.lower() not in names), *added)


def present(message: Request | Answer, name: str) -> bool:
    """Whether a component can be covered."""
    return name in _TARGETS or name == "host" or bool(values(message.headers, name))


def chosen(message: Request | Answer, covered: Sequence[str], if_present: Sequence[str]) -> list[str]:
    """The components that are signed: `covered` in its order, then what else of `if_present` the message has.

    What stands in both has its place in the order, and is left out where the message lacks it.
    """
    names = [*covered, *(name for name in if_present if name not in covered)]
    return [name for name in names if name not in if_present or present(message, name)]


def lines(message: Request | Answer, names: Sequence[str], made_of: Mapping[str, str]) -> str:
    """`name: value` of each component, joined by line feeds; `made_of` holds those that are no headers.

    Several values of one header are joined by comma and space. Raises SignatureRefused where one is absent.
    """
    request = message.request if isinstance(message, Answer) else message
    written = []
    for name in names:
        if name in made_of:
            value = made_of[name]
        elif name in _TARGETS:
            value = f"{request.method.lower()} {request.target}"
        elif name == "host" and message is request:
            value = request.authority
        else:
            found = values(message.headers, name)
            if not found:
                raise SignatureRefused(f"the signature covers {name}, which the message does not have")
            value = ", ".join(found)
        written.append(f"{name}: {value}")
    return "\n".join(written)
