"""What comes over one connection: aiohttp's parser and flow control, and our refusal of what is no request.

What the parser can not read becomes a refusal that quotes nothing, and a head is bounded in size and time wherever it
begins. This leans on attributes of aiohttp 3.14 that are not public (`_messages`, `_waiter`, `_parser`...): the minor
is pinned.
"""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.helpers import set_exception
from aiohttp.http import HttpRequestParser
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, RequestPayloadError, _ErrInfo

from gateway.alarm import Alarm
from gateway.errors import GatewayError, HeadersTooLarge, PathRefused, RequestInvalid
from gateway.reading import BUFFER_BYTES
from gateway.settings import Limits
from gateway.web.bodies import Pace
from gateway.web.refusals import TARGET_BYTES, refusal_of


class Terms:
    """What holds for all connections of one listener; they share `buffer`, see `gateway.reading`.

    While `draining`, every answer is its connection's last; once `closed`, no connection waits for a request.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.header_bytes = int(limits.header_bytes)
        self.pace = Pace(int(limits.body_rate), limits.header_timeout)
        self.draining = self.closed = False
        self.buffer = bytearray(BUFFER_BYTES)
        self.parsing: dict[str, Any] = {
            "auto_decompress": False,
            "max_line_size": TARGET_BYTES,
            "max_field_size": self.header_bytes,
            "max_headers": limits.headers,
        }
        self.options: dict[str, Any] = {
            "loop": asyncio.get_running_loop(),
            "access_log": None,
            "keepalive_timeout": 0,
            **self.parsing,
        }


class Incoming(RequestHandler):
    """From bytes to requests, or to the refusal of what is none. `keep`: whether a next request is read at all."""

    __slots__ = (
        "_alarm",
        "_chunked",
        "_chunks_end",
        "_flooded",
        "_head_bytes",
        "_payload",
        "_refusal",
        "_terms",
        "keep",
    )

    def __init__(self, server: web.Server, terms: Terms) -> None:
        super().__init__(server, **terms.options)
        self._terms = terms
        self._alarm = Alarm(self._loop, self.cut)
        self._head_bytes = 0
        self._flooded = False
        self._chunked = False
        self._chunks_end = b""
        self._payload: StreamReader | None = None
        self._refusal: GatewayError = RequestInvalid()
        self.keep = True

    def data_received(self, data: bytes) -> None:
        """Bytes for the parser; what it can not read becomes a refusal."""
        if self._close:
            return
        payload = self._payload
        between = not self._messages and (payload is None or payload.is_eof())
        super().data_received(data)
        if self._messages:
            first = self._messages[-1][0]
            if isinstance(first, _ErrInfo):
                self._unreadable(first.exc, data)
            elif first.chunked:
                self._chunks_end = (self._chunks_end + data)[-4:]
            self._head_bytes = 0
            return
        if self._chunked:
            self._chunks_end = (self._chunks_end + data)[-4:]
        if between and data:
            if payload is None and not self._head_bytes:
                self._alarm.set_in(self._terms.limits.header_timeout, self.cut)
            self._head_bytes += len(data)
            if self._head_bytes > self._terms.header_bytes + TARGET_BYTES:
                self._flooded = True
                self._refuse_now(HeadersTooLarge(f"At most {self._terms.header_bytes} bytes are taken."))

    def cut(self) -> None:
        """Ends the connection at once; what was not sent is lost, and the caller sees that."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def _more_came(self) -> bool:
        """Whether anything follows a request in chunks, even the beginning of a head."""
        return bool(self._messages) or self._chunks_end != b"\r\n\r\n"

    def _forget_trailers(self) -> None:
        """Begins a new parser after a request in chunks: aiohttp's puts a trailer field into the next head.

        Where a proxy lets callers share connections, it would be one caller's field in another's request. What has
        come already was read by the old parser, so that it can not be kept (RFC 9112 section 7.1.2).
        """
        if self._more_came():
            self.keep = False
        elif self.keep and self._parser is not None:
            self._parser = HttpRequestParser(
                self,
                self._loop,
                self._read_bufsize,
                payload_exception=RequestPayloadError,
                max_msg_queue_size=self._max_msg_queue_size,
                **self._terms.parsing,
            )
        self._chunked, self._chunks_end = False, b""

    def _unreadable(self, error: BaseException, received: bytes) -> None:
        """What the parser could not read: the rest of a body, whose reader is told, or a head."""
        if self._payload is not None and not self._payload.is_eof():
            self._messages.pop()
            self.keep = False
            set_exception(self._payload, RequestPayloadError())
            return
        self._refusal = refusal_of(error, received)
        self._flooded = isinstance(self._refusal, HeadersTooLarge | PathRefused)

    def _refuse_now(self, error: GatewayError) -> None:
        """Refuses what is not a whole head: the task that waits for one is given the refusal."""
        self._refusal = error
        self._close = True  # nothing more is parsed
        self._messages.append((_ErrInfo(error.status, error, ""), EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
