"""What a signature of RFC 9421 covers: components of a message, each with one value, or no value and a refusal.

Derived components come from what the gateway acts on: the raw path and query that routes were matched by, and an origin
that is configured, never the Host field. A field that is covered must be there; its values are those of the wire.
"""

import functools
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from gateway.signatures.header_lines import SignatureRefused
from gateway.signatures.structured import Item, NotStructured, read_dictionary, read_item, rewritten, write_item

_NONE: list[str] = []
_FLAGS = frozenset({"sf", "bs", "tr", "req"})
_FORM_UNRESERVED = "*-._"
_MOST_QUERY_PARAMETERS = 1000


class Fields(Protocol):
    """Header fields without regard to case, duplicates kept."""

    def getall(self, key: str, default: list[str], /) -> list[str]:
        """All values of a field in the order of the wire."""
        ...


class SignedRequest(msgspec.Struct, frozen=True):
    """A request as it is signed: `path` and `query` raw, `query` without its question mark and None where none is.

    `scheme` and `authority` are normalised: lower case, no default port (RFC 9421 section 2.2.3).
    """

    method: str
    scheme: str
    authority: str
    path: str
    query: str | None
    fields: Fields


class SignedResponse(msgspec.Struct, frozen=True):
    """An answer as it is signed, with the request that it answers."""

    status: int
    fields: Fields
    request: SignedRequest


Message = SignedRequest | SignedResponse


class Component(msgspec.Struct, frozen=True):
    """A component's identifier: `text` as it stands in the signature base, `identity` without the parameters' order.

    Two identifiers are the same where their identities are (RFC 9421 section 2).
    """

    name: str
    parameters: tuple[tuple[str, str | bool], ...]
    text: str
    identity: tuple[str, frozenset[tuple[str, str | bool]]]


def read_component(written: str) -> Component:
    """A component as files name it: `@method`, `content-digest`, or with parameters `"@query-param";name="id"`.

    Raises SignatureRefused for one that nothing can be signed by.
    """
    try:
        return component_of(read_item(written if written.startswith('"') else f'"{written}"'))
    except NotStructured:
        raise SignatureRefused("its signature is no component identifier") from None


def component_of(item: Item) -> Component:
    """The component of an item of an inner list. Raises SignatureRefused for one that is not known here."""
    name, parameters = item
    if not isinstance(name, str):
        raise SignatureRefused("its signature covers something that is no component identifier")
    for key, value in parameters.items():
        if not (value is True if key in _FLAGS else key in {"key", "name"} and type(value) is str):
            raise SignatureRefused("its signature covers a component with a parameter that is not known here")
    return _component(name, tuple(parameters.items()))


# Callers cover the same components in every call; what a stranger invents only pushes out what another one did.
@functools.lru_cache(1024)
def _component(name: str, parameters: tuple[tuple[str, str | bool], ...]) -> Component:
    keys = {key for key, _ in parameters}
    given = keys - {"req"}
    if name != name.lower():
        raise SignatureRefused("its signature covers something that is no component identifier")
    if name.startswith("@"):
        if name not in DERIVED or given != ({"name"} if name == "@query-param" else set()):
            raise SignatureRefused("its signature covers a derived component that is not known here")
        if name == "@status" and "req" in keys:
            raise SignatureRefused("its signature covers the status of a request")
    elif "tr" in given or "name" in given or ("bs" in given and given & {"sf", "key"}):
        raise SignatureRefused("its signature covers a field with parameters that do not go together")
    return Component(name, parameters, write_item((name, dict(parameters))), (name, frozenset(parameters)))


class Values:
    """The values of one message's components; what is parsed for one serves the next."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._dictionaries: dict[str, dict[str, Item]] = {}

    def of(self, component: Component) -> str:
        """A component's value. Raises SignatureRefused where the message has none, or more than one reading."""
        if ("req", True) in component.parameters:
            return self._request.of(_without_req(component))
        if component.name.startswith("@"):
            return self._derived(component)
        parameters = dict(component.parameters)
        lines = self._message.fields.getall(component.name, _NONE)
        if not lines:
            raise SignatureRefused("its signature covers a field that the message does not have")
        if "bs" in parameters:
            return ", ".join([write_item((line.strip(" \t").encode("utf-8", "surrogateescape"), {})) for line in lines])
        value = ", ".join([line.strip(" \t") for line in lines])
        try:
            if "key" in parameters:
                return self._member(component.name, value, str(parameters["key"]))
            return rewritten(component.name, value) if "sf" in parameters else value
        except NotStructured:
            raise SignatureRefused("its signature covers a field as structured that is not") from None

    @functools.cached_property
    def _request(self) -> "Values":
        if not isinstance(self._message, SignedResponse):
            raise SignatureRefused("its signature is of a request and covers a request before it")
        return Values(self._message.request)

    def _derived(self, component: Component) -> str:
        message = self._message
        if component.name == "@status":
            if not isinstance(message, SignedResponse):
                raise SignatureRefused("its signature is of a request and covers a status")
            return str(message.status)
        if not isinstance(message, SignedRequest):
            raise SignatureRefused("its signature is of an answer and covers a request's component without saying so")
        if component.name == "@query-param":
            return _query_parameter(message.query or "", str(dict(component.parameters)["name"]))
        return _OF_REQUESTS[component.name](message)

    def _member(self, name: str, value: str, key: str) -> str:
        if name not in self._dictionaries:
            self._dictionaries[name] = read_dictionary(value)
        member = self._dictionaries[name].get(key)
        if member is None:
            raise SignatureRefused("its signature covers a member of a field that the field does not have")
        return write_item(member)


def _without_req(component: Component) -> Component:
    return _component(component.name, tuple(pair for pair in component.parameters if pair[0] != "req"))


def _question(query: str | None) -> str:
    return "" if query is None else f"?{query}"


def _query_parameter(query: str, name: str) -> str:
    """RFC 9421 section 2.2.8: read as a form is, written with every byte escaped that a form would escape."""
    try:
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_QUERY_PARAMETERS)
    except ValueError:
        raise SignatureRefused("its signature covers a query parameter among too many") from None
    found = [value for key, value in pairs if _form(key) == name]
    if len(found) != 1:
        raise SignatureRefused("its signature covers a query parameter that is not there once")
    return _form(found[0])


def _form(value: str) -> str:
    # urllib never escapes `~`; a form does.
    return urllib.parse.quote(value, safe=_FORM_UNRESERVED).replace("~", "%7E")


_OF_REQUESTS: Mapping[str, Callable[[SignedRequest], str]] = {
    "@method": lambda request: request.method,
    "@target-uri": lambda one: f"{one.scheme}://{one.authority}{one.path or '/'}{_question(one.query)}",
    "@authority": lambda request: request.authority,
    "@scheme": lambda request: request.scheme,
    "@request-target": lambda request: f"{request.path or '/'}{_question(request.query)}",
    "@path": lambda request: request.path or "/",
    "@query": lambda request: f"?{request.query or ''}",
}
DERIVED = frozenset({*_OF_REQUESTS, "@query-param", "@status"})
"""The derived components of RFC 9421 section 2.2, all of them."""
