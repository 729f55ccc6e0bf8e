"""`mtls`: which certificates may come in here; the listener has verified them, this says who of those is welcome."""

import msgspec

from gateway.errors import Forbidden, Unauthenticated
from gateway.exchange import CallNext, Exchange, Filter, Response
from gateway.filters.building import Building


class MtlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`allow` lists identities: exact, or all below a prefix that ends in `/*`; empty: every verified certificate."""

    allow: tuple[str, ...] = ()


def build(settings: MtlsSettings, _building: Building) -> Filter:
    """Builds the filter. It raises Unauthenticated without a certificate and Forbidden for an identity not listed."""
    exact = frozenset(entry for entry in settings.allow if not entry.endswith("/*"))
    # "spiffe://bank.example/*" keeps its slash: it must not let "spiffe://bank.example.attacker" in.
    below = tuple(entry[:-1] for entry in settings.allow if entry.endswith("/*"))
    anyone = not settings.allow

    async def mtls(exchange: Exchange, call_next: CallNext) -> Response:
        peer = exchange.request.peer
        if peer.thumbprint is None:
            raise Unauthenticated("This route needs a client certificate.")
        identity = peer.identity
        if anyone or (identity is not None and (identity in exact or identity.startswith(below))):
            return await call_next(exchange)
        raise Forbidden("The client certificate's identity is not allowed on this route.")

    return mtls
