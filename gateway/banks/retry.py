"""Sending again (`Send -> Send`), only where nothing can happen twice, and only where it can still help.

    what happened                        a repeatable request   any other
    nothing was sent                     again                  again
    the connection broke after sending   again                  never: the outcome is unknown
    502, 503, 504                        again                  never
    429 with Retry-After                 again, after it        never
    429 without, time out, all else      never                  never

A 429 without a time is not tried again: at some banks each try spends the customer's accesses of the day. Retry-After
(RFC 9110 section 10.2.3) is obeyed, as seconds or a date; where it leads past the deadline, the answer stands as it is.
Pauses grow, and are drawn at random from their whole length ("full jitter"), so that callers do not return together.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

from gateway.banks.circuit import CircuitOpen
from gateway.banks.client import MARGIN
from gateway.banks.meter import Meter
from gateway.banks.translation import AnswerLost
from gateway.contract import BankResponse, Clock
from gateway.errors import BankUnreachable, GatewayError
from gateway.exchange import Outgoing, Send

_LATER = frozenset({429, 502, 503, 504})


class Patience(msgspec.Struct, frozen=True):
    """At most `attempts` sendings of one request; the n-th pause is at most `base` * 2^n, and `cap`, in seconds."""

    attempts: int
    base: float
    cap: float


class Retry:
    """Sends again by the table above. `random` draws from 0 to 1; `pause` sleeps; `clock` reads Retry-After dates."""

    def __init__(
        self,
        bank: str,
        patience: Patience,
        meter: Meter,
        *,
        clock: Clock,
        random: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bank = bank
        self._patience = patience
        self._meter = meter
        self._clock = clock
        self._random = random
        self._pause = pause

    def around(self, send: Send) -> Send:
        """The retries around a way to the bank; what is raised or answered is the last attempt's."""
        now = asyncio.get_running_loop().time

        async def retrying(outgoing: Outgoing) -> BankResponse:
            attempt = 0
            while True:
                error: GatewayError | None = None
                response: BankResponse | None = None
                try:
                    response = await send(outgoing)
                    if response.status not in _LATER:
                        return response
                    reason = str(response.status)
                    least = self._after_answer(outgoing, response)
                except (BankUnreachable, AnswerLost) as failure:
                    error, reason = failure, failure.code
                    least = self._after_failure(outgoing, failure)
                attempt += 1
                wait = max(least, self._random() * min(self._patience.cap, self._patience.base * 2 ** (attempt - 1)))
                if attempt >= self._patience.attempts or now() + wait >= outgoing.deadline - MARGIN:
                    if response is not None:
                        return response
                    assert error is not None
                    raise error
                self._meter.retried(self._bank, reason)
                await self._pause(wait)
                outgoing = msgspec.structs.replace(outgoing, resend=outgoing.resend + 1)

        return retrying

    def _after_failure(self, outgoing: Outgoing, failure: GatewayError) -> float:
        """The least pause before another try; infinite where there must be none."""
        if isinstance(failure, CircuitOpen):
            return math.inf
        return 0.0 if outgoing.request.repeatable or isinstance(failure, BankUnreachable) else math.inf

    def _after_answer(self, outgoing: Outgoing, response: BankResponse) -> float:
        if not outgoing.request.repeatable:
            return math.inf
        wait = read_retry_after(response.headers.get("Retry-After"), self._clock)
        if wait is None:
            return math.inf if response.status == 429 else 0.0
        return wait


def read_retry_after(value: str | None, clock: Clock) -> float | None:
    """Seconds from now, or None where the header is absent or malformed. A date that has passed is 0."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 10 else math.inf
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    # "-0000" makes no zone; HTTP dates are GMT (RFC 9110 section 5.6.7).
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - clock()).total_seconds())
