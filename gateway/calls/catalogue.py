"""The banks that can be reached: what each is, which calls it answers, what it never gives, and how it fares."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.calls.query import read_query
from gateway.errors import NotFound
from gateway.exchange import Exchange, Handler, Response

_HEADERS = (("Content-Type", "application/json"),)
_encode = msgspec.json.Encoder().encode


class Health(msgspec.Struct, frozen=True):
    """How a bank answers at present: up, degraded or down; `since` is an instant of RFC 3339, or None."""

    status: str
    since: str | None


class CatalogueEntry(msgspec.Struct, frozen=True):
    """What never changes while files stand; the contract's `bank` without its health."""

    id: str
    title: str
    dialect: str
    version: str
    environment: str
    country: str | None
    operations: tuple[str, ...]
    capabilities: Mapping[str, tuple[str, ...]]


class Catalogue(msgspec.Struct, frozen=True):
    """The entries by bank, and how to ask a bank's health."""

    entries: Mapping[str, CatalogueEntry]
    health: Callable[[str], Health]

    def bank(self, name: str) -> dict[str, Any] | None:
        """The contract's `bank` as it is now; None for one that is not served."""
        entry = self.entries.get(name)
        return {**msgspec.structs.asdict(entry), "health": self.health(name)} if entry else None


def build_catalogue(catalogue: Catalogue) -> dict[str, Handler]:
    """The handlers of `banks.list` and `banks.get`."""

    async def banks(exchange: Exchange) -> Response:
        read_query(exchange.request.query, ())
        return Response(200, _HEADERS, _encode({"banks": [catalogue.bank(name) for name in catalogue.entries]}))

    async def bank(exchange: Exchange) -> Response:
        read_query(exchange.request.query, ())
        found = catalogue.bank(exchange.parameters["bank"])
        if found is None:
            raise NotFound("There is no such bank.")
        return Response(200, _HEADERS, _encode(found))

    return {"banks.list": banks, "banks.get": bank}
