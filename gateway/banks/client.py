"""The innermost `Send`: one request over one connection, one answer read whole, one `Attempt` for the trace.

What goes out is the adapter's request and the traceparent of this very attempt (W3C Trace Context); nothing of the
caller, no cookie, no baggage. Nothing is tried twice here and no redirect is followed.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import cast

import msgspec
from aiohttp import TCPConnector
from aiohttp.connector import Connection

from gateway.banks import wire
from gateway.banks.connections import BankProtocol, Line
from gateway.banks.decoding import coding_of, decode
from gateway.banks.meter import Meter
from gateway.banks.origins import Origin, Origins, UrlRefused
from gateway.banks.translation import translate
from gateway.contract import BankResponse
from gateway.errors import BankNonsense, DeadlineExceeded
from gateway.exchange import Attempt, Outgoing

# The caller's problem still has to be written when the bank's time is over.
MARGIN = 0.02
_OUTCOMES = ("", "1xx", "2xx", "3xx", "4xx", "5xx")


class Bounds(msgspec.Struct, frozen=True):
    """Seconds to connect and to be answered; the bytes that an answer may have, encoded and decoded."""

    connect: float
    answer: float
    answer_bytes: int


class Client:
    """One bank's connections; `send` is the innermost `Send`. To be made in a running loop.

    `decoding` makes of a body, its content coding and the bytes it may have, what is answered.
    """

    def __init__(
        self,
        bank: str,
        origins: Origins,
        lines: Mapping[Origin, Line],
        connector: TCPConnector,
        bounds: Bounds,
        meter: Meter,
        new_span_id: Callable[[], str],
        decoding: Callable[[bytes, str, int], bytes] = decode,
    ) -> None:
        self._bank = bank
        self._origins = origins
        self._lines = lines
        self._connector = connector
        self._bounds = bounds
        self._meter = meter
        self._new_span_id = new_span_id
        self._decode = decoding
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        """Closes every connection, those in use too."""
        for line in self._lines.values():
            line.close()
        await self._connector.close()

    async def send(self, outgoing: Outgoing) -> BankResponse:
        """Sends once. Any whole HTTP answer is returned, whatever its status.

        Raises BankUnreachable (nothing was sent), BankTimedOut (sent; the outcome is unknown), BankNonsense (the answer
        is not HTTP or too large, or the URL leads elsewhere), DeadlineExceeded (no time was left to send).
        """
        attempt = self._begin(outgoing)
        outcome = "cancelled"
        connection: Connection | None = None
        sent = False
        try:
            line, message = self._prepare(outgoing, attempt.span_id)
            ends = outgoing.deadline - MARGIN
            left = ends - self._loop.time()
            if left <= 0:
                raise DeadlineExceeded
            connection = await line.connect(left)
            protocol = cast("BankProtocol", connection.protocol)
            protocol.expect_by(min(ends, self._loop.time() + self._bounds.answer))
            sent = protocol.ask(message, head_only=attempt.method == "HEAD", most=self._bounds.answer_bytes)
            head, stream = await protocol.answer()
            attempt.status = head.code
            body = await protocol.whole(stream)
            protocol.settled()
            line.free(connection)
            connection = None
            outcome = _OUTCOMES[head.code // 100]
            return BankResponse(
                status=head.code,
                headers=head.headers,
                body=self._decode(body, coding_of(head.headers), self._bounds.answer_bytes),
                url=attempt.url,
                request_id=attempt.request_id,
            )
        except Exception as error:
            failure = translate(error, sent=sent)
            outcome = failure.code
            if failure is error:
                raise
            raise failure from error
        finally:
            if connection is not None:
                # What is left of the answer must not be read by the next.
                connection.close()
            self._end(attempt, outcome)

    def _begin(self, outgoing: Outgoing) -> Attempt:
        span_id = self._new_span_id()
        attempt = Attempt(
            target=self._bank,
            operation=outgoing.operation,
            method=outgoing.request.method,
            url=outgoing.request.url,
            span_id=span_id,
            request_id=span_id,
            resend=outgoing.resend,
            started=time.time_ns(),
        )
        outgoing.record.attempts.append(attempt)
        return attempt

    def _prepare(self, outgoing: Outgoing, span_id: str) -> tuple[Line, bytes]:
        record = outgoing.record
        try:
            origin, target = self._origins.split(outgoing.request.url)
        except UrlRefused:
            raise BankNonsense("A link leads outside of the bank.") from None
        traceparent = f"00-{record.trace_id}-{span_id}-{'01' if record.sampled else '00'}"
        return self._lines[origin], wire.write(origin, target, outgoing.request, traceparent)

    def _end(self, attempt: Attempt, outcome: str) -> None:
        attempt.ended = time.time_ns()
        if outcome not in _OUTCOMES:
            attempt.error = outcome
        self._meter.bank_call(self._bank, attempt.operation, outcome, (attempt.ended - attempt.started) / 1e9)
