"""Cursors: where a list goes on, sealed. A bank's link never leaves the gateway, and none comes back changed.

A cursor is bound to who asked (principal), under which consent, for which operation and account; it holds the query,
the link, the mapping that read the page, and its end. One that is not ours, is for something else, or is past its end
is answered alike: 410, start the list again.
"""

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from gateway.calls.query import LONGEST_CURSOR, Query
from gateway.errors import CursorExpired, RequestInvalid
from gateway.exchange import Exchange
from gateway.secrets import Sealer

LIFETIME = timedelta(hours=1)


class Continuation(msgspec.Struct, frozen=True, array_like=True):
    """What a cursor says; `equals` are the counts of equal fingerprints so far."""

    url: str
    mapping: str
    ends: int
    query: Query
    equals: dict[str, int]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Continuation).decode


def ends(now: datetime) -> int:
    """The end of a cursor that is made now, in seconds since 1970."""
    return int((now + LIFETIME).timestamp())


class Cursors:
    """Seals and unseals the cursors of this gateway."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal(self, exchange: Exchange, continuation: Continuation) -> str | None:
        """A cursor for the next page of what this exchange asks; None where the bank's link is too long for one.

        Counts of equal fingerprints give way to the link, the oldest first: rows that are equal lie close together.
        """
        while True:
            cursor = self._sealer.seal(_encode(continuation), _binding(exchange))
            if len(cursor) <= LONGEST_CURSOR:
                return cursor
            if not continuation.equals:
                return None
            kept = list(continuation.equals.items())[len(continuation.equals) // 2 + 1 :]
            continuation = replace(continuation, equals=dict(kept))

    def unseal(self, exchange: Exchange, query: Query, mapping: str, now: datetime) -> Continuation:
        """What a caller's cursor says.

        Raises CursorExpired where it can not be used, and RequestInvalid where the query beside it asks something else.
        """
        assert query.cursor is not None
        try:
            continuation = _decode(self._sealer.unseal(query.cursor, _binding(exchange)))
        except (ValueError, msgspec.DecodeError):
            raise CursorExpired("The cursor is not of this list: start the list again.") from None
        if continuation.ends < now.timestamp() or continuation.mapping != mapping:
            raise CursorExpired("The cursor is past its time: start the list again.")
        if not query.asks(continuation.query):
            wrong = {"name": "cursor", "in": "query", "message": "belongs to a list with other parameters."}
            raise RequestInvalid("The cursor and the other parameters contradict each other.", errors=[wrong])
        return continuation


def _binding(exchange: Exchange) -> bytes:
    principal, consent = exchange.principal, exchange.consent
    parts = (
        principal.tenant if principal else "",
        principal.client_id if principal else "",
        consent.id if consent else "",
        exchange.route.operation or "",
        exchange.parameters.get("account_id", ""),
    )
    return "\x1f".join(parts).encode()
