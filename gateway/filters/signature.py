"""`signature`: calls that their caller has signed (RFC 9421), and answers that we sign, after FAPI 2.0's profile.

A signature is verified over the raw path and query, the fields of the wire and the bytes of the body, before any of
them is parsed; of the body nothing goes on before its digest was right, so a signed call to a plain upstream is read
whole, within the route's limit, and then sent on. The key must be one of the caller that token or certificate named. A
signature counts once: it, or its nonce, is remembered for as long as it would be taken.
"""

import hashlib

from msgspec.structs import replace

from gateway.errors import GatewayError, GatewayFault, RequestSignatureRefused
from gateway.exchange import CallNext, Exchange, Filter, Request, Response
from gateway.filters.building import Building
from gateway.filters.kept_body import holding
from gateway.filters.signing.answers import Seal
from gateway.filters.signing.rings import Prepared, Ring, build_rings, prepare
from gateway.filters.signing.settings import SignatureSettings
from gateway.signatures.components import Component, SignedRequest, read_component
from gateway.signatures.content_digest import FIELD, check_content_digest
from gateway.signatures.header_lines import SignatureRefused
from gateway.signatures.message import Age, Presented, check_age, check_coverage, present, verify

__all__ = ["SignatureSettings", "build", "prepare"]

_DIGEST = read_component(FIELD)
_NONE: list[str] = []


def build(prepared: Prepared, building: Building) -> Filter:
    """Builds the filter.

    It raises RequestSignatureRefused with `Accept-Signature`, SigningUnavailable where no key of ours could sign the
    answer, KeysUnavailable, StoreUnavailable and Overloaded where a signature can not be judged, and BodyTooLarge.
    """
    settings, signing, clock = prepared.settings, prepared.signing, building.clock
    verifier = _Verifier(prepared, building)
    answer_tag = settings.answers.tag if settings.answers is not None else ""

    async def signature(exchange: Exchange, call_next: CallNext) -> Response:
        # Before anything is done or counts as used: what can not be answered as it must be is not begun.
        key = signing.current(clock()) if signing is not None else None
        try:
            signed, content = await verifier.judge(exchange)
        except SignatureRefused as refused:
            raise verifier.refusal(exchange.request, refused) from None
        if exchange.request.has_body:
            exchange = replace(exchange, request=holding(exchange.request, content))
        if key is None:
            return await call_next(exchange)
        seal = Seal(signed, key, clock, answer_tag)
        try:
            response = await call_next(exchange)
        except GatewayError as error:
            error.seal = seal
            raise
        if not isinstance(response.body, bytes):
            raise GatewayFault("An answer that must be signed was streamed.")
        return Response(response.status, response.headers + seal(response.status, response.body), response.body)

    return signature


class _Verifier:
    """What of the settings a request is judged by."""

    def __init__(self, prepared: Prepared, building: Building) -> None:
        settings = prepared.settings
        self._clients, self._identities = build_rings(prepared, building.key_sets)
        self._scheme, _, authority = settings.origin.partition("://")
        self._authority = authority.removesuffix(":443") if self._scheme == "https" else authority.removesuffix(":80")
        self._required = tuple(read_component(written) for written in settings.components)
        self._if_present = tuple(read_component(written) for written in settings.if_present)
        self._tag = settings.tag
        self._age = Age(settings.max_age, settings.skew)
        self._replay = settings.replay
        self._replays = building.replays
        self._clock = building.clock

    async def judge(self, exchange: Exchange) -> tuple[SignedRequest, bytes]:
        """The request as it was signed, and its body. Raises SignatureRefused."""
        request, now = exchange.request, self._clock()
        ring = self._ring(exchange)
        presented = present(request.headers, self._tag)
        check_age(presented, self._age, now.timestamp())
        check_coverage(presented, self._must_cover(request))
        signed = SignedRequest(
            request.method, self._scheme, self._authority, request.path, request.query, request.headers
        )
        once = verify(signed, presented, await ring.find(presented.key_id, now))
        content = await request.read(exchange.route.body_limit) if request.has_body else b""
        digests = request.headers.getall(FIELD, _NONE)
        if digests:
            check_content_digest(digests, content)
        await self._refuse_replay(ring, presented, once)
        return signed, content

    def refusal(self, request: Request, reason: SignatureRefused) -> RequestSignatureRefused:
        """The problem; it says what would be accepted (RFC 9421 section 5.1)."""
        covered = " ".join(component.text for component in self._must_cover(request))
        wanted = f'sig=({covered});created;tag="{self._tag}"'
        return RequestSignatureRefused(f"The request is refused: {reason}.", headers=(("Accept-Signature", wanted),))

    def _ring(self, exchange: Exchange) -> Ring:
        principal = exchange.principal
        ring = self._clients.get(principal.client_id) if principal is not None else None
        ring = ring or self._identities.get(exchange.request.peer.identity or "")
        if ring is None:
            raise SignatureRefused("its signature can be of no key: none of this caller is known here")
        return ring

    def _must_cover(self, request: Request) -> list[Component]:
        headers = request.headers
        covered = [*self._required, *(one for one in self._if_present if headers.getall(one.name, _NONE))]
        if request.has_body and _DIGEST not in covered:
            covered.append(_DIGEST)
        return covered

    async def _refuse_replay(self, ring: Ring, presented: Presented, once: bytes) -> None:
        if self._replay == "allowed":
            return
        if self._replay == "nonce":
            if not presented.nonce:
                raise SignatureRefused("its signature has no nonce")
            once = hashlib.sha256(f"{ring.caller}\0{presented.key_id}\0{presented.nonce}".encode()).digest()
        if await self._replays.seen(once, presented.created + self._age.most):
            raise SignatureRefused("its signature was used before")
