"""A circuit per bank (`Send -> Send`): a bank that fails again and again is left alone for a while.

    closed ──failures in a row, within a window──▶ open ──time──▶ half-open ──one call well──▶ closed
                                                    ▲                │
                                                    └──one call ill──┘

What counts is whose error it is. Ill: unreachable, no answer in time, 5xx. Well: any other answer, so that neither a
refused consent nor a spent limit (4xx, 429) opens it. Neither: an answer that can not be read, a call that was given up
by its caller, and 501, which says that the bank is there and does not offer this.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Literal, TypeAlias, assert_never

import msgspec

from gateway.banks.meter import Meter
from gateway.contract import BankResponse
from gateway.errors import BankTimedOut, BankUnreachable
from gateway.exchange import Outgoing, Send

State: TypeAlias = Literal["closed", "open", "half_open"]
Health: TypeAlias = Literal["up", "degraded", "down"]


class CircuitOpen(BankUnreachable):
    """Nothing was sent, because the bank failed too often just now."""


class Tolerance(msgspec.Struct, frozen=True):
    """So many failures in a row within `window` seconds open the circuit for `open_for` seconds.

    `shared`: and that of all other processes too, where they share anything.
    """

    failures: int
    window: float
    open_for: float
    shared: bool = False


class Circuit:
    """The state of one bank's circuit. `now` answers seconds of a clock that never goes back."""

    def __init__(self, bank: str, tolerance: Tolerance, now: Callable[[], float], meter: Meter) -> None:
        self._bank = bank
        self._tolerance = tolerance
        self._now = now
        self._meter = meter
        self._state: State = "closed"
        self._failures: deque[float] = deque(maxlen=tolerance.failures)
        self._until = 0.0
        self._probing = False
        # What a call tells counts only for the state it was let through in.
        self._period = 0
        self._changed: float | None = None
        self._announce: Callable[[float], None] | None = None
        meter.circuit(bank, "closed")

    @property
    def state(self) -> State:
        """As an operator sees it; an open circuit whose time is over is half-open."""
        if self._state == "open" and self._now() >= self._until:
            return "half_open"
        return self._state

    def health(self) -> tuple[Health, float | None]:
        """`up`; `degraded`: the last call failed, or one is about to try; `down`: calls fail without being sent.

        And for how many seconds now; None where it was never otherwise.
        """
        state, now = self.state, self._now()
        since = None if self._changed is None else now - self._changed
        match state:
            case "open":
                return "down", since
            case "half_open":
                return "degraded", since
            case "closed":
                return ("degraded", now - self._failures[0]) if self._failures else ("up", since)
        assert_never(state)

    def share(self, announce: Callable[[float], None]) -> None:
        """From now on `announce` is told whenever calls here open it, with the seconds for which; it must not wait."""
        self._announce = announce

    def leave_alone(self, seconds: float) -> None:
        """Another process has seen the bank fail: a closed circuit is opened for so long, any other stays as it is."""
        if self._state == "closed":
            self._until = self._now() + seconds
            self._failures.clear()
            self._become("open")

    def around(self, send: Send) -> Send:
        """The circuit around a way to the bank. Raises CircuitOpen with the seconds to wait."""

        async def guarded(outgoing: Outgoing) -> BankResponse:
            period = self._admit()
            verdict: bool | None = None
            try:
                response = await send(outgoing)
            except (BankUnreachable, BankTimedOut):
                verdict = False
                raise
            else:
                verdict = None if response.status == 501 else response.status < 500
                return response
            finally:
                self._learn(period, well=verdict)

        return guarded

    def _admit(self) -> int:
        if self._state != "closed":
            wait = self._until - self._now()
            if wait > 0:
                raise _open(wait)
            if self._probing:
                raise _open(1.0)
            self._become("half_open")
            self._probing = True
        return self._period

    def _learn(self, period: int, *, well: bool | None) -> None:
        if period != self._period:
            return
        if self._state == "half_open":
            self._probing = False
        if well is None:
            return
        if well:
            self._failures.clear()
            self._become("closed")
            return
        now = self._now()
        self._failures.append(now)
        in_a_row = len(self._failures) == self._tolerance.failures and now - self._failures[0] <= self._tolerance.window
        if in_a_row or self._state == "half_open":
            self._until = now + self._tolerance.open_for
            self._failures.clear()
            self._become("open")
            if self._announce is not None:
                self._announce(self._tolerance.open_for)

    def _become(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self._changed = self._now()
            self._period += 1
            self._meter.circuit(self._bank, state)


def _open(wait: float) -> CircuitOpen:
    seconds = math.ceil(wait)
    return CircuitOpen(
        "The bank failed too often just now and is left alone for a while.",
        headers=(("Retry-After", str(seconds)),),
        retry_after=seconds,
    )
