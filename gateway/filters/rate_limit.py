"""`rate_limit`: windows that are spent by whom their key names, told in every answer before they are spent.

Fields are those of the RateLimit header fields draft (draft-ietf-httpapi-ratelimit-headers-11): `RateLimit-Policy` has
the quota `q` and the window `w` in seconds; `RateLimit` has what remains, `r`, and `t`: the seconds until the whole
quota is there again, or once nothing remains, until the next call may come. `Retry-After` is never less than `t`.

A window with equal name, key and figures is one window, wherever it is written: a tenant's limit holds over all routes,
and where counters are shared over all processes. While what shares them is away, `when_unavailable` says what holds:
`local`, the same figures in each process by itself; `open`, no limit; `closed`, no call.
"""

from collections.abc import Callable
from math import ceil
from typing import Literal, TypeAlias

import msgspec

from gateway.errors import RateLimited, StoreUnavailable
from gateway.exchange import CallNext, Exchange, Filter, Response
from gateway.files.quantities import Seconds
from gateway.filters.answering import answer_with
from gateway.filters.building import Building
from gateway.store.counters import Standing, Window

Reading: TypeAlias = Callable[[Exchange], str]
Takings: TypeAlias = tuple[tuple[str, Window], ...]


def _tenant(exchange: Exchange) -> str:
    return exchange.principal.tenant if exchange.principal else ""


def _principal(exchange: Exchange) -> str:
    return exchange.principal.client_id if exchange.principal else ""


def _consent(exchange: Exchange) -> str:
    return exchange.consent.id if exchange.consent else ""


def _bank(exchange: Exchange) -> str:
    return exchange.consent.bank if exchange.consent else exchange.parameters.get("bank", "")


def _route(exchange: Exchange) -> str:
    return exchange.route.name


KEYS: dict[str, Reading] = {
    "tenant": _tenant,
    "principal": _principal,
    "consent": _consent,
    "bank": _bank,
    "route": _route,
}


class WindowSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most `limit` calls in any `window`, for each combination of what `key` names."""

    name: str
    key: tuple[str, ...]
    limit: int
    window: Seconds


class RateLimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All windows must have room, else none is spent. `when_unavailable`: what holds while no shared store answers."""

    windows: tuple[WindowSettings, ...]
    when_unavailable: Literal["open", "closed", "local"] = "local"


def build(settings: RateLimitSettings, building: Building) -> Filter:
    """Builds the filter.

    It raises RateLimited with `violated-policies` and how long to wait, and StoreUnavailable where counting is shared,
    can not be done, and the policy says `closed`.
    """
    take, mode = building.counters.take, settings.when_unavailable
    takings = _takings(settings)
    windows = tuple(Window(one.name, one.limit, int(one.window)) for one in settings.windows)
    named = tuple(f'"{one.name}";r=' for one in settings.windows)
    policy = ("RateLimit-Policy", ",".join(f'"{w.policy}";q={w.limit};w={w.seconds}' for w in windows))

    async def rate_limit(exchange: Exchange, call_next: CallNext) -> Response:
        try:
            allowed, standings = await take(takings(exchange))
        except StoreUnavailable as unavailable:
            exchange.record.limits_unshared = mode
            if mode == "closed":
                unavailable.headers += (policy,)
                raise
            if mode == "open":
                return await answer_with((policy,), exchange, call_next)
            allowed, standings = await building.local_counters.take(takings(exchange))
        left = ""
        for name, standing in zip(named, standings, strict=True):
            left += f"{name}{standing.remaining};t={ceil(standing.wait or standing.full)},"
        fields = (policy, ("RateLimit", left[:-1]))
        if allowed:
            return await answer_with(fields, exchange, call_next)
        spent = [(w, standing) for w, standing in zip(windows, standings, strict=True) if not standing.remaining]
        exchange.record.limited_by = spent[0][0].policy if spent else windows[0].policy
        raise _limited(fields, spent)

    return rate_limit


def _takings(settings: RateLimitSettings) -> Callable[[Exchange], Takings]:
    """What one call takes; one window and two are written out, for nearly every route has one or two."""
    windows = tuple((_key(one), Window(one.name, one.limit, int(one.window))) for one in settings.windows)
    if len(windows) == 1:
        ((key, window),) = windows
        return lambda exchange: ((key(exchange), window),)
    if len(windows) == 2:
        (key, window), (other_key, other) = windows
        return lambda exchange: ((key(exchange), window), (other_key(exchange), other))
    return lambda exchange: tuple([(key(exchange), window) for key, window in windows])


def _key(settings: WindowSettings) -> Reading:
    """What a window's counter is called, of an exchange. No value of a key can hold the separator."""
    prefix = f"{settings.name}\x1f{'+'.join(settings.key)}\x1f{settings.limit}/{settings.window:g}\x1f"
    readings = tuple(KEYS[name] for name in settings.key)
    if len(readings) == 1:
        only = readings[0]
        return lambda exchange: prefix + only(exchange)
    return lambda exchange: prefix + "\x1f".join([reading(exchange) for reading in readings])


def _limited(fields: tuple[tuple[str, str], ...], spent: list[tuple[Window, Standing]]) -> RateLimited:
    wait = max(1, *(ceil(standing.wait) for _, standing in spent))
    return RateLimited(
        f"Wait {wait} seconds: {', '.join(window.policy for window, _ in spent)} is spent.",
        headers=(*fields, ("Retry-After", str(wait))),
        **{"violated-policies": [window.policy for window, _ in spent]},
    )
