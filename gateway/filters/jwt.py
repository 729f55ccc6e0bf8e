"""`jwt`: who calls, by an access token (RFC 9068) that is bound to the certificate that presents it (RFC 8705).

A token is verified once and then remembered by its SHA-256 digest: at most until it expires, its issuer's keys change
or are due to be asked for again, or `remember` has passed. Its binding is checked on every request.
"""

import hashlib
import hmac
from typing import Literal
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import replace
from multidict import istr

from gateway.errors import RequestInvalid, Unauthenticated
from gateway.exchange import CallNext, Exchange, Filter, Peer, Principal, Request, Response
from gateway.files.hosts import Network
from gateway.files.quantities import Seconds
from gateway.filters.building import Building
from gateway.filters.tokens.keysets import KeySet, KeySetSource
from gateway.filters.tokens.token import Claims, TokenRefused, issuer, read_claims, read_token

_AUTHORIZATION = istr("Authorization")
_NONE: list[str] = []
_MOST_REMEMBERED = 10_000


class IssuerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An issuer (compared exactly), its `keys` (https URL, or a reference), and the algorithms that it may use.

    `network: private` lets the URL's host lead to private addresses.
    """

    issuer: str
    keys: str
    ca: str | None = None
    network: Network = "public"
    algorithms: tuple[str, ...] = ("PS256", "ES256", "EdDSA")
    refresh: Seconds = Seconds(300)
    cooldown: Seconds = Seconds(30)
    max_stale: Seconds = Seconds(86400)


class JwtSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`binding: none` takes tokens without `cnf`; one that has it must match the certificate all the same."""

    issuers: tuple[IssuerSettings, ...]
    audience: str
    tenant_claim: str = "tenant"
    binding: Literal["certificate", "none"] = "certificate"
    remember: Seconds = Seconds(60)


class Remembered(msgspec.Struct, frozen=True):
    """A verified token: `expires` in epoch seconds, `until` on the monotonic clock."""

    principal: Principal
    thumbprint: str | None
    expires: float
    until: float
    key_set: KeySet
    version: int


def build(settings: JwtSettings, building: Building) -> Filter:
    """Builds the filter.

    It raises Unauthenticated with the challenge of RFC 6750, RequestInvalid for a token that is sent twice or in the
    query, and KeysUnavailable when no token of the issuer can be judged.
    """
    verifier = _Verifier(settings, building)
    recall = verifier.recall

    async def jwt(exchange: Exchange, call_next: CallNext) -> Response:
        token = _presented(exchange.request)
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        verified = recall(digest) or await verifier.verify(token, digest)
        verifier.check_binding(verified.thumbprint, exchange.request.peer)
        exchange.record.principal = verified.principal
        return await call_next(replace(exchange, principal=verified.principal))

    return jwt


class _Verifier:
    def __init__(self, settings: JwtSettings, building: Building) -> None:
        self._settings = settings
        self._clock, self._monotonic = building.clock, building.monotonic
        self._must_be_bound = settings.binding == "certificate"
        self._issuers = {
            one.issuer: (
                building.key_sets.of(
                    KeySetSource(one.issuer, one.keys, one.ca, one.refresh, one.cooldown, one.max_stale, one.network)
                ),
                frozenset(one.algorithms),
            )
            for one in settings.issuers
        }
        self._remembered: dict[bytes, Remembered] = {}

    def recall(self, digest: bytes) -> Remembered | None:
        """A token that was verified before and need not be again."""
        found = self._remembered.get(digest)
        if found is None:
            return None
        if (
            self._monotonic() < found.until
            and found.version == found.key_set.version
            and self._clock().timestamp() < found.expires
        ):
            return found
        del self._remembered[digest]
        return None

    async def verify(self, text: str, digest: bytes) -> Remembered:
        try:
            claims, key_set, version = await self._judged(text)
        except TokenRefused as refused:
            raise _refusal(str(refused)) from None
        if claims.thumbprint is None and self._must_be_bound:
            raise _refusal("it is not bound to a certificate")
        verified = Remembered(
            Principal(claims.subject, claims.client_id, claims.tenant, claims.scopes),
            claims.thumbprint,
            claims.expires,
            min(self._monotonic() + self._settings.remember, key_set.fresh_until),
            key_set,
            version,
        )
        if len(self._remembered) >= _MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = verified
        return verified

    def check_binding(self, thumbprint: str | None, peer: Peer) -> None:
        """Raises Unauthenticated unless the token is free, or bound to the certificate of this connection."""
        if thumbprint is None:
            return
        if peer.thumbprint is None or not hmac.compare_digest(thumbprint, peer.thumbprint):
            raise _refusal("it is bound to another certificate")

    async def _judged(self, text: str) -> tuple[Claims, KeySet, int]:
        token = read_token(text)
        known = self._issuers.get(issuer(token))
        if known is None:
            raise TokenRefused("its issuer is not trusted here")
        key_set, algorithms = known
        if token.algorithm not in algorithms:
            raise TokenRefused("its algorithm is not allowed for its issuer")
        key = await key_set.find(token.kid, token.algorithm)
        version = key_set.version
        if key is None:
            raise TokenRefused("it is signed with a key that its issuer does not publish")
        if not key.verifies(token.algorithm, token.signing_input, token.signature):
            raise TokenRefused("its signature is wrong")
        settings = self._settings
        now = self._clock().timestamp()
        return (
            read_claims(token, audience=settings.audience, tenant_claim=settings.tenant_claim, now=now),
            key_set,
            version,
        )


def _presented(request: Request) -> str:
    """The token of the one Authorization header (RFC 6750 section 2.1; FAPI 2.0 section 5.3.3: nowhere else)."""
    query = request.query
    if query and ("access_token" in query or "%" in query):
        _refuse_in_query(query)
    values = request.headers.getall(_AUTHORIZATION, _NONE)
    if not values:
        raise Unauthenticated("An access token is required.", headers=(("WWW-Authenticate", "Bearer"),))
    if len(values) > 1:
        raise _invalid("Authorization", "header", "must be sent once")
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("A bearer token is required.", headers=(("WWW-Authenticate", "Bearer"),))
    return token.lstrip(" ")


def _refuse_in_query(query: str) -> None:
    if any(name == "access_token" for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise _invalid("access_token", "query", "must be sent in the Authorization header")


def _invalid(name: str, place: str, message: str) -> RequestInvalid:
    return RequestInvalid(
        "The access token is not sent as it must be.",
        headers=(("WWW-Authenticate", 'Bearer error="invalid_request"'),),
        errors=[{"name": name, "in": place, "message": message}],
    )


def _refusal(reason: str) -> Unauthenticated:
    challenge = f'Bearer error="invalid_token", error_description="The access token is refused: {reason}"'
    return Unauthenticated(f"The access token is refused: {reason}.", headers=(("WWW-Authenticate", challenge),))
