"""Who calls through a balancer that ended TLS: its word counts from its own addresses only, and where we can verify it.

A certificate that it hands on is judged like one of a handshake, on every request, and remembered by its digest while
the same authorities and lists stand. From every other address the same header fields are what any caller may write:
they identify nobody, are counted, and go no further (plain upstreams never see them).
"""

import hashlib
import ipaddress
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from gateway.errors import Unauthenticated
from gateway.exchange import HeaderMap, Peer
from gateway.settings import BalancerSettings
from gateway.web.forwarded import from_client_cert, from_forwarded, from_forwarded_for, from_xfcc, plain_address
from gateway.web.identity import identity_of, thumbprint_of
from gateway.web.proxy_protocol import Preface
from gateway.web.trust import CertificateRefused, Trust

_MOST_REMEMBERED = 2_000
_CLAIMS = frozenset({"client-cert", "client-cert-chain", "x-forwarded-client-cert", "x-forwarded-for", "forwarded"})
_HEADERS = {"client-cert": from_client_cert, "x-forwarded-client-cert": from_xfcc}
_ADDRESSES = {"x-forwarded-for": from_forwarded_for, "forwarded": from_forwarded}


class Hop(msgspec.Struct, frozen=True):
    """A connection to a listener behind a balancer: `trusted` says whether it is the balancer's."""

    peer: Peer
    trusted: bool
    chain: tuple[bytes, ...] = ()


class Balancer:
    """Reads the caller of each request; `trust` judges the certificates that are handed on.

    `ignored` is told of a request whose word about its caller did not count, `refused` of a connection from a trusted
    address that did not begin with the PROXY protocol where it must (`takes_prefaces`).
    """

    def __init__(
        self,
        settings: BalancerSettings,
        trust: Trust | None,
        ignored: Callable[[], None] = lambda: None,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        self.takes_prefaces = settings.proxy_protocol
        self.refused = refused
        self._networks = tuple(ipaddress.ip_network(one) for one in settings.addresses)
        self._kind = settings.identity
        self._trust = trust
        self._ignored = ignored
        self._certifies = settings.certificate_from is not None
        self._chain_of = _HEADERS.get(settings.certificate_from or "")
        self._address_of = _ADDRESSES.get(settings.address_from or "")
        self._depth = settings.depth
        self._remembered: dict[bytes, tuple[Peer, float]] = {}

    @property
    def trust(self) -> Trust | None:
        """By what the certificates are judged that are handed on."""
        return self._trust

    def judges_as(self, trust: Trust | None) -> bool:
        """Whether one that is built with this trust would judge no otherwise."""
        if self._trust is None or trust is None:
            return self._trust is trust
        return self._trust.content == trust.content

    def trusts(self, address: str) -> bool:
        """Whether a balancer of ours has this address."""
        try:
            found = ipaddress.ip_address(plain_address(address))
        except ValueError:
            return False
        return any(found in network for network in self._networks)

    def hop(self, peer: Peer, preface: Preface | None) -> Hop:
        """What a new connection is worth; `preface` is what came before it, from a trusted address."""
        if not self.trusts(peer.address):
            return Hop(peer, trusted=False)
        address = peer.address if preface is None or preface.address is None else preface.address
        if not self._certifies:
            return Hop(Peer(address, peer.identity, peer.thumbprint), trusted=True)
        # The balancer's own certificate is nobody's that calls through it.
        certificate = preface.certificate if preface is not None and self._chain_of is None else None
        return Hop(Peer(address), trusted=True, chain=(certificate,) if certificate else ())

    def peer(self, headers: HeaderMap, hop: Hop) -> Peer:
        """The caller of a request. Raises RequestInvalid, and Unauthenticated for a certificate that is not taken."""
        if not hop.trusted:
            if any(name.lower().replace("_", "-") in _CLAIMS for name, _ in headers.items()):
                self._ignored()
            return hop.peer
        peer = hop.peer
        if self._address_of is not None:
            address = self._address_of(headers, self._depth)
            peer = peer if address is None else Peer(address, peer.identity, peer.thumbprint)
        chain = self._chain_of(headers) if self._chain_of is not None else hop.chain
        if not chain:
            return peer
        proven = self._proven(chain)
        return Peer(peer.address, proven.identity, proven.thumbprint)

    def _proven(self, chain: tuple[bytes, ...]) -> Peer:
        digest = hashlib.sha256(b"".join(len(one).to_bytes(4, "big") + one for one in chain)).digest()
        known = self._remembered.get(digest)
        if known is not None and time.time() < known[1]:
            return known[0]
        assert self._trust is not None
        try:
            until = self._trust.judge(chain, datetime.fromtimestamp(time.time(), UTC)).timestamp()
        except CertificateRefused as refused:
            raise Unauthenticated(f"The client certificate that was handed on is not taken: {refused}.") from None
        peer = Peer("", identity_of(chain[0], self._kind), thumbprint_of(chain[0]))
        if len(self._remembered) >= _MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = (peer, until)
        return peer
