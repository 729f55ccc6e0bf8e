"""Who is at the other end of one connection, and whether that still holds when a request comes.

A certificate is judged in the handshake, by the authorities and lists of that time. When those changed, or it expired
meanwhile, or a list is past its update, it is judged again before the next request, and the answer to that is the
connection's last. Through a balancer each request may be another caller's. Where none of that is so, a request costs
one comparison.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

from aiohttp.http import RawRequestMessage

from gateway.errors import CallerError, Unauthenticated
from gateway.exchange import HeaderMap, Peer
from gateway.web.balancer import Balancer, Hop
from gateway.web.identity import chain_of, ends_of
from gateway.web.proxy_protocol import Preface
from gateway.web.trust import CertificateRefused, Trust


def _now() -> datetime:
    return datetime.now(UTC)


class Judges:
    """What the connections of one listener are judged by at present; `identify` reads the peer of a new one."""

    def __init__(self, identify: Callable[[asyncio.BaseTransport], Peer]) -> None:
        self.identify = identify
        self.trust: Trust | None = None
        self.balancer: Balancer | None = None


class Caller:
    """The caller of one connection, whose handshake `trust` judged; `preface` is what a balancer put before it.

    `own` is who the connection itself comes from, `peer` who the last request that was judged came from.
    """

    __slots__ = ("_expiry", "_hop", "_judges", "_preface", "_transport", "_trust", "own", "peer")

    def __init__(self, judges: Judges, trust: Trust | None, preface: Preface | None = None) -> None:
        self._judges = judges
        self._trust = trust
        self._preface = preface
        self._hop: Hop | None = None
        self._transport: asyncio.BaseTransport | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self.own = self.peer = Peer("")

    def connected(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there, its handshake over."""
        self._transport = transport
        self.own = self.peer = self._judges.identify(transport)
        if self._trust is not None and (ends := ends_of(transport)) is not None:
            until = min(ends, self._trust.lists_end or ends)
            # A certificate is valid for the whole of its last second.
            later = max(0.0, (until - _now()).total_seconds() + 1)
            self._expiry = asyncio.get_running_loop().call_later(later, self._expire)
        if self._judges.balancer is not None:
            self._hop = self._judges.balancer.hop(self.own, self._preface)
            self.own = self.peer = self._hop.peer

    def gone(self) -> None:
        """The connection has ended."""
        self._transport = None
        if self._expiry is not None:
            self._expiry.cancel()

    @property
    def outdated(self) -> bool:
        """Whether the connection was judged by what no longer counts: its next answer is its last."""
        return self._trust is not self._judges.trust

    @property
    def may_differ(self) -> bool:
        """Whether it must be asked, by `refusal`, whom the next request comes from and whether it is taken."""
        return self._hop is not None or self._trust is not self._judges.trust

    def refusal(self, message: RawRequestMessage) -> CallerError | None:
        """Why this request is not taken from this caller, if so; `peer` is who it comes from."""
        judges = self._judges
        if self._trust is not judges.trust:
            try:
                self._judge_again(judges.trust)
            except CertificateRefused as refused:
                return Unauthenticated(f"The client certificate is not taken any more: {refused}.")
        if self._hop is not None and judges.balancer is not None:
            try:
                self.peer = judges.balancer.peer(cast("HeaderMap", message.headers), self._hop)
            except CallerError as refused:
                return refused
        return None

    def _judge_again(self, trust: Trust | None) -> None:
        chain = chain_of(self._transport) if self._transport is not None else []
        if chain and trust is not None:
            trust.judge(chain, _now())

    def _expire(self) -> None:
        self._trust = None
