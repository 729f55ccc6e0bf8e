"""`scopes`: what the token must allow; all that a route lists, or 403 with the list (RFC 6750 section 3.1)."""

import msgspec

from gateway.errors import ScopeMissing
from gateway.exchange import CallNext, Exchange, Filter, Response
from gateway.filters.building import Building


class ScopesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`all` names the scopes of which none may be missing."""

    all: tuple[str, ...]


def build(settings: ScopesSettings, _building: Building) -> Filter:
    """Builds the filter. It raises ScopeMissing."""
    needed = frozenset(settings.all)
    challenge = f'Bearer error="insufficient_scope", scope="{" ".join(settings.all)}"'

    async def scopes(exchange: Exchange, call_next: CallNext) -> Response:
        principal = exchange.principal
        if principal is None or not needed <= principal.scopes:
            raise ScopeMissing(
                f"This route needs: {', '.join(settings.all)}.", headers=(("WWW-Authenticate", challenge),)
            )
        return await call_next(exchange)

    return scopes
