"""`headers`: the ids by which caller, gateway and bank name one call: created, checked, and echoed on every answer.

`x-fapi-interaction-id` is a UUID (RFC 4122), created when absent and played back on success and error alike (FAPI 2.0
implementation advice; OBIE Read/Write 3.1.11 and 4.0). `x-request-id` follows the same rule (Berlin Group 1.3.x).
"""

import re

import msgspec
from msgspec.structs import replace
from multidict import CIMultiDict, istr

from gateway.errors import RequestInvalid
from gateway.exchange import CallNext, Exchange, Filter, Headers, Request, Response
from gateway.filters.answering import answer_with
from gateway.filters.building import Building

INTERACTION, REQUEST = istr("x-fapi-interaction-id"), istr("x-request-id")

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_NONE: list[str] = []


class HeadersSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing can be chosen: the standards leave no choice."""


def build(_settings: HeadersSettings, building: Building) -> Filter:
    """Builds the filter. It raises RequestInvalid for an id that is no UUID; a created one is echoed then."""
    new_id = building.new_id

    async def headers(exchange: Exchange, call_next: CallNext) -> Response:
        received = exchange.request.headers
        interactions = received.getall(INTERACTION, _NONE)
        requests = received.getall(REQUEST, _NONE)
        given, asked = _accepted(interactions), _accepted(requests)
        # Where only one is given, or none, the call has one id under both names: it is easier to follow.
        interaction = given or asked or new_id()
        request_id = asked or interaction
        exchange.record.interaction_id = interaction
        echoed: Headers = ((INTERACTION, interaction), (REQUEST, request_id))
        if (interactions and given is None) or (requests and asked is None):
            wrong = [
                {"name": str(name), "in": "header", "message": "must be one UUID"}
                for name, values, accepted in ((INTERACTION, interactions, given), (REQUEST, requests, asked))
                if values and accepted is None
            ]
            raise RequestInvalid("An id of the call is not a UUID.", headers=echoed, errors=wrong)
        if exchange.route.operation is None and not (interactions and requests):
            exchange = replace(exchange, request=_named(exchange.request, echoed))
        return await answer_with(echoed, exchange, call_next)

    return headers


def _accepted(values: list[str]) -> str | None:
    return values[0] if len(values) == 1 and _UUID.fullmatch(values[0]) else None


def _named(request: Request, ids: Headers) -> Request:
    """A plain upstream is told the ids that were created here."""
    received: CIMultiDict[str] = CIMultiDict(request.headers.items())
    for name, value in ids:
        received[name] = value
    return replace(request, headers=received)
