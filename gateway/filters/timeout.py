"""`timeout`: shortens the deadline for all that stands inside it; it never lengthens one."""

import asyncio

import msgspec
from msgspec.structs import replace

from gateway.errors import BankTimedOut, DeadlineExceeded, GatewayError, UpstreamTimedOut
from gateway.exchange import CallNext, Exchange, Filter, Response
from gateway.files.quantities import Seconds
from gateway.filters.building import Building

_GRACE = 0.1
"""Seconds by which what heeds the deadline itself comes first: it knows whether anything was sent."""


class TimeoutSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`after` counts from the filter's turn."""

    after: Seconds


def build(settings: TimeoutSettings, _building: Building) -> Filter:
    """Builds the filter. It raises DeadlineExceeded before an attempt, BankTimedOut or UpstreamTimedOut after."""
    after = float(settings.after)

    async def timeout(exchange: Exchange, call_next: CallNext) -> Response:
        deadline = asyncio.get_running_loop().time() + after
        if deadline >= exchange.deadline:
            return await call_next(exchange)
        try:
            async with asyncio.timeout_at(deadline + _GRACE) as bound:
                return await call_next(replace(exchange, deadline=deadline))
        except TimeoutError:
            if not bound.expired():
                raise
            raise _late(exchange) from None

    return timeout


def _late(exchange: Exchange) -> GatewayError:
    """Once an attempt was begun, whether anything came of it is not known."""
    if not exchange.record.attempts:
        return DeadlineExceeded()
    return UpstreamTimedOut() if exchange.route.operation is None else BankTimedOut()
