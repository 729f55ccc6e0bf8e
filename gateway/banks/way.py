"""The whole way to one bank, put together: retry, limit, circuit, signatures and client around its own connections.

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
from gateway.banks.decoding import decode
from gateway.banks.limits import Limit, Room
from gateway.banks.meter import Meter
from gateway.banks.origins import Origins
from gateway.banks.retry import Patience, Retry
from gateway.banks.signing import NO_SIGNATURES, Keep, Signatures, as_arrived, kept_nowhere, rejecting
from gateway.banks.tls import Identity
from gateway.contract import Clock
from gateway.exchange import Send
from gateway.files.hosts import Network
from gateway.telemetry.traces import new_span_id


class Conditions(msgspec.Struct, frozen=True):
    """Everything of a bank's file that the way to it depends on, secrets read.

    `network` says where the names may lead to; without `server_ca` the authorities of the machine count.
    `signing` is the fingerprint of its signatures.
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
    signing: bytes = b""


class Way:
    """An open way to a bank; to be made in a running loop. `context` is of the conditions' certificates.

    `keep` takes the answers whose signatures fail.
    """

    def __init__(
        self,
        conditions: Conditions,
        context: ssl.SSLContext,
        meter: Meter,
        clock: Clock,
        signatures: Signatures = NO_SIGNATURES,
        keep: Keep = kept_nowhere,
    ) -> None:
        self.conditions = conditions
        self.origins = Origins(conditions.base_urls)
        connector = build_connector(conditions.network)
        within = conditions.bounds.connect
        lines = {origin: Line(connector, origin, context, within) for origin in self.origins.all}
        bank = conditions.bank
        bounds = conditions.bounds
        decoding = as_arrived if signatures.answers else decode
        self._client = Client(bank, self.origins, lines, connector, bounds, meter, new_span_id, decoding)
        send: Send = self._client.send
        if signatures.answers:
            send = signatures.verifying(send, self.origins, clock, bounds.answer_bytes, bank, rejecting(keep, meter))
        if signatures.requests:
            send = signatures.signing(send, self.origins, clock)
        self.circuit = Circuit(bank, conditions.tolerance, asyncio.get_running_loop().time, meter)
        self.limit = Limit(bank, conditions.room)
        # Jitter keeps callers apart; it keeps no secret.
        retry = Retry(bank, conditions.patience, meter, clock=clock, random=random.random)
        self.send: Send = retry.around(self.limit.around(self.circuit.around(send)))

    async def close(self) -> None:
        """Closes the connections, those in use too."""
        await self._client.close()
