"""One plain upstream: a request out and an answer back, within the deadline, over a pool of connections.

Nothing is sent twice, with one exception that shows as an attempt of its own: a GET or HEAD without a body whose
connection broke before any answer, since a pooled connection may have been closed just then.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable

import msgspec
from aiohttp import TCPConnector
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

from gateway.banks.connections import Line, build_connector
from gateway.banks.origins import Origin, origin_of
from gateway.banks.tls import Identity, build_context
from gateway.errors import GatewayFault
from gateway.exchange import Attempt, Exchange, Handler, Response
from gateway.telemetry.traces import new_span_id, traceparent
from gateway.upstreams.fields import to_caller, to_upstream
from gateway.upstreams.sending import CallerBodyBroken, answer_while_sending, outgoing_body
from gateway.upstreams.trip import AnswerBody, AnswerBroken, Trip

_SECONDS_TO_CONNECT = 5.0
_WHOLE_UP_TO = 64 * 1024


class UpstreamTls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """References: `ca` verifies the upstream (else the system's authorities do), the others are presented to it."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


class UpstreamSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`url` is a base that the path is put behind; `strip` a literal prefix that the path loses before."""

    url: str
    tls: UpstreamTls | None = None
    strip: str = ""


class Upstreams:
    """The plain upstreams of one set of files; `secrets` reads a reference."""

    def __init__(self, secrets: Callable[[str], bytes]) -> None:
        self._secrets = secrets
        self._upstreams: dict[tuple[str, UpstreamTls], Upstream] = {}
        self._contexts: dict[UpstreamTls, ssl.SSLContext] = {}

    def prepare(self, settings: UpstreamSettings) -> None:
        """Does of `handler` what blocks and may fail, without a loop; raises as it does."""
        tls = settings.tls or UpstreamTls()
        if tls not in self._contexts:
            # Loading the system's authorities takes tens of milliseconds: once for all that use them.
            self._contexts[tls] = self._context(tls)

    def handler(self, settings: UpstreamSettings) -> Handler:
        """The innermost handler of a route; routes with equal URL and TLS share their connections.

        Reads secrets. Raises SecretUnreadable, or CertificateUnusable for a certificate, key or authority.
        """
        self.prepare(settings)
        tls = settings.tls or UpstreamTls()
        shared = (settings.url, tls)
        if shared not in self._upstreams:
            self._upstreams[shared] = Upstream(settings.url, self._contexts[tls])
        upstream, strip = self._upstreams[shared], len(settings.strip)

        async def forward(exchange: Exchange) -> Response:
            return await upstream.forward(exchange, exchange.request.path[strip:])

        return forward

    async def close(self) -> None:
        """Closes all connections, those in use too."""
        for upstream in self._upstreams.values():
            await upstream.close()

    def _context(self, tls: UpstreamTls) -> ssl.SSLContext:
        identity = None
        if tls.certificate is not None and tls.key is not None:
            identity = Identity(self._secrets(tls.certificate), self._secrets(tls.key))
        return build_context(identity, self._secrets(tls.ca) if tls.ca is not None else None)


class Upstream:
    """One base URL and its connections, which are made in the loop of the first request."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._origin: Origin = origin_of(url)
        self._base = url.rstrip("/")
        self._base_path = self._base[len(self._origin.prefix) :]
        self._context = context
        self._connector: TCPConnector | None = None
        self._line: Line | None = None

    async def close(self) -> None:
        """Closes all connections."""
        if self._line is not None:
            self._line.close()
        if self._connector is not None:
            await self._connector.close()

    async def forward(self, exchange: Exchange, path: str) -> Response:
        """Sends the request on. Raises UpstreamUnreachable, UpstreamTimedOut, UpstreamNonsense or BodyTooLarge."""
        request = exchange.request
        framing, body = await outgoing_body(exchange)
        lines = to_upstream(request.headers)
        lines.append(f"Host: {self._origin.authority}")
        if framing is not None:
            lines.append(framing)
        target = f"{self._base_path}{path}" or "/"
        if request.query is not None:
            target = f"{target}?{request.query}"
        lines.insert(0, f"{request.method} {target} HTTP/1.1")
        try:
            return await self._attempt(exchange, path, lines, body, resend=0)
        except AnswerBroken:
            untouched = not exchange.record.attempts[-1].status and not request.has_body
            if not (untouched and request.method in {"GET", "HEAD"}):
                raise
        return await self._attempt(exchange, path, lines, body, resend=1)

    async def _attempt(
        self, exchange: Exchange, path: str, lines: list[str], body: bytes | AsyncIterator[bytes], *, resend: int
    ) -> Response:
        record, request = exchange.record, exchange.request
        span_id = new_span_id()
        attempt = Attempt(
            target=self._origin.host,
            operation=exchange.route.name,
            method=request.method,
            url=f"{self._base}{path}",
            span_id=span_id,
            request_id=span_id,
            resend=resend,
            started=time.time_ns(),
        )
        record.attempts.append(attempt)
        trip = Trip(attempt, exchange.deadline)
        parent = traceparent(record.trace_id, span_id, sampled=record.sampled)
        try:
            message = _message([*lines, f"traceparent: {parent}"])
            protocol = await trip.connect(self._way())
            trip.sent = True
            if isinstance(body, bytes):
                protocol.ask(message + body, head_only=request.method == "HEAD")
                head, stream = await protocol.answer()
                whole = True
            else:
                protocol.ask(message, head_only=False)
                head, stream, whole = await answer_while_sending(protocol, body)
            attempt.status = head.code
            return await self._response(exchange, trip, head, stream, reusable=whole)
        except asyncio.CancelledError:
            trip.end("cancelled")
            raise
        except CallerBodyBroken as broken:
            trip.end("cancelled")
            raise broken.__cause__ or broken from None
        except Exception as error:
            failure = trip.fail(error)
            if failure is error:
                raise
            raise failure from error

    async def _response(
        self, exchange: Exchange, trip: Trip, head: RawResponseMessage, stream: StreamReader, *, reusable: bool
    ) -> Response:
        headers = to_caller(head.headers.items(), echoing=bool(exchange.record.interaction_id))
        length = head.headers.get("Content-Length", "")
        if stream.at_eof() or (length.isdecimal() and int(length) <= _WHOLE_UP_TO):
            # Small answers are cheaper whole: one write at the door, no iterator.
            content = await _whole(stream)
            trip.end(reusable=reusable)
            return Response(head.code, headers, content)
        return Response(head.code, headers, AnswerBody(trip, stream, reusable=reusable))

    def _way(self) -> Line:
        if self._line is None:
            self._connector = build_connector("private")
            self._line = Line(self._connector, self._origin, self._context, _SECONDS_TO_CONNECT)
        return self._line


async def _whole(stream: StreamReader) -> bytes:
    pieces: list[bytes] = []
    while piece := await stream.readany():
        if stream.at_eof() and not pieces:
            return piece
        pieces.append(piece)
    return b"".join(pieces)


def _message(lines: list[str]) -> bytes:
    head = "\r\n".join(lines)
    # The door's parser lets no line end into a field; what this would cost if it did is checked, since it is cheap.
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1 or "\0" in head:
        raise GatewayFault("A request to an upstream was built with a header that can not be sent.")
    # Bytes beside ASCII in a caller's header go on as they came (RFC 9110 section 5.5, obs-text).
    return head.encode("utf-8", "surrogateescape") + b"\r\n\r\n"
