"""One attempt at a plain upstream: its connection, its timer and its entry in the record, all ended exactly once."""

import asyncio
import time
from typing import cast

from aiohttp.connector import Connection
from aiohttp.streams import StreamReader

from gateway.banks.connections import BankProtocol, Line
from gateway.banks.translation import AnswerLost, translate
from gateway.errors import (
    BankNonsense,
    BankTimedOut,
    BankUnreachable,
    DeadlineExceeded,
    GatewayError,
    UpstreamNonsense,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from gateway.exchange import Attempt

_MARGIN = 0.02
"""Seconds that the caller's problem needs once the upstream's time is over."""


class AnswerBroken(UpstreamTimedOut):
    """The connection broke before the answer was whole, rather than the time running out."""


class Trip:
    """Use: `connect`, then talk over `protocol`; `fail` for what was raised, `end` when all is done."""

    def __init__(self, attempt: Attempt, deadline: float) -> None:
        self.attempt = attempt
        self.sent = False
        self._ends = deadline - _MARGIN
        self._connection: Connection | None = None
        self._line: Line | None = None

    async def connect(self, line: Line) -> BankProtocol:
        """A connection that fails whoever waits on it when the deadline comes. Raises DeadlineExceeded."""
        left = self._ends - asyncio.get_running_loop().time()
        if left <= 0:
            raise DeadlineExceeded
        self._line, self._connection = line, await line.connect(left)
        protocol = cast("BankProtocol", self._connection.protocol)
        protocol.expect_by(self._ends)
        return protocol

    def fail(self, error: BaseException) -> GatewayError:
        """Our error for what was raised, after ending the trip."""
        failure = _ours(translate(error, sent=self.sent))
        self.end(failure.code)
        return failure

    def end(self, error: str | None = None, *, reusable: bool = False) -> None:
        """Gives the connection back, or closes it where more bytes may come."""
        if self._connection is not None:
            if reusable and self._line is not None:
                cast("BankProtocol", self._connection.protocol).settled()
                self._line.free(self._connection)
            else:
                self._connection.close()
            self._connection = None
        if not self.attempt.ended:
            self.attempt.ended = time.time_ns()
            self.attempt.error = error


class AnswerBody:
    """The answer's body in pieces as they come; closing it early closes the connection."""

    def __init__(self, trip: Trip, stream: StreamReader, *, reusable: bool) -> None:
        self._trip = trip
        self._stream = stream
        self._reusable = reusable
        self._over = False

    def __aiter__(self) -> "AnswerBody":
        """Itself: it can be read once."""
        return self

    async def __anext__(self) -> bytes:
        """The next piece. Raises UpstreamTimedOut or UpstreamNonsense where the answer breaks off."""
        if self._over:
            raise StopAsyncIteration
        try:
            piece = await self._stream.readany()
        except asyncio.CancelledError:
            self._trip.end("cancelled")
            raise
        except Exception as error:
            self._over = True
            raise self._trip.fail(error) from error
        if piece:
            return piece
        self._over = True
        self._trip.end(reusable=self._reusable)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Gives up what was not read."""
        if not self._over:
            self._over = True
            self._trip.end("cancelled")


def _ours(error: GatewayError) -> GatewayError:
    """The bank's words are not for a plain upstream."""
    match error:
        case AnswerLost():
            return AnswerBroken("The connection to the upstream broke before its answer was there.")
        case BankUnreachable():
            return UpstreamUnreachable()
        case BankTimedOut():
            return UpstreamTimedOut()
        case BankNonsense():
            return UpstreamNonsense()
        case _:
            return error
