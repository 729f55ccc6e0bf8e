"""The whole way to one bank, put together: retry, limit, circuit and client around its own connections.

A way lives as long as its conditions stand: files that are loaded anew keep the ways of banks whose conditions did not
change, with their open connections, the state of the circuit and the places that are taken.
"""

import asyncio
import random
import ssl

import msgspec

from gateway.banks.circuit import Circuit, Tolerance
from gateway.banks.client import Bounds, Client
from gateway.banks.connections import Line, build_connector
from gateway.banks.limits import Limit, Room
from gateway.banks.meter import Meter
from gateway.banks.origins import Origins
from gateway.banks.retry import Patience, Retry
from gateway.banks.tls import Identity
from gateway.contract import Clock
from gateway.exchange import Send
from gateway.files.hosts import Network
from gateway.telemetry.traces import new_span_id


class Conditions(msgspec.Struct, frozen=True):
    """Everything of a bank's file that the way to it depends on, secrets read.

    `network` says where the names may lead to; without `server_ca` the authorities of the machine count.
    """

    bank: str
    base_urls: tuple[str, ...]
    network: Network
    identity: Identity | None
    server_ca: bytes | None
    bounds: Bounds
    room: Room
    tolerance: Tolerance
    patience: Patience


class Way:
    """An open way to a bank; to be made in a running loop. `context` is of the conditions' certificates."""

    def __init__(self, conditions: Conditions, context: ssl.SSLContext, meter: Meter, clock: Clock) -> None:
        self.conditions = conditions
        self.origins = Origins(conditions.base_urls)
        connector = build_connector(conditions.network)
        within = conditions.bounds.connect
        lines = {origin: Line(connector, origin, context, within) for origin in self.origins.all}
        bank = conditions.bank
        self._client = Client(bank, self.origins, lines, connector, conditions.bounds, meter, new_span_id)
        self.circuit = Circuit(bank, conditions.tolerance, asyncio.get_running_loop().time, meter)
        self.limit = Limit(bank, conditions.room)
        # Jitter keeps callers apart; it keeps no secret.
        retry = Retry(bank, conditions.patience, meter, clock=clock, random=random.random)
        self.send: Send = retry.around(self.limit.around(self.circuit.around(self._client.send)))

    async def close(self) -> None:
        """Closes the connections, those in use too."""
        await self._client.close()
