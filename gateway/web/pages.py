"""Listeners that answer from a fixed set of pages: health, admin, and public as long as nothing comes in there."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPMethod
from typing import TypeAlias

from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader
from structlog.typing import FilteringBoundLogger

from gateway.errors import GatewayError, GatewayFault, MethodNotAllowed, MethodUnknown, NotFound
from gateway.exchange import Headers, Response
from gateway.web.bodies import CallerGone
from gateway.web.connection import Connection
from gateway.web.paths import canonical
from gateway.web.problems import problem
from gateway.web.replies import reply

Page: TypeAlias = Callable[[], Response | Awaitable[Response]]
"""One that asks other processes is awaited."""
Content: TypeAlias = Callable[[], bytes | Awaitable[bytes]]
"""What stands on a page, made anew each time."""


def page(headers: Headers, content: Content) -> Page:
    """A page that answers 200."""

    async def later(waited_for: Awaitable[bytes]) -> Response:
        return Response(200, headers, await waited_for)

    def make() -> Response | Awaitable[Response]:
        made = content()
        return Response(200, headers, made) if isinstance(made, bytes) else later(made)

    return make


class Pages:
    """Answers GET and HEAD of exact paths; a page takes little time and is never cached by others."""

    def __init__(self, pages: Mapping[str, Page], log: FilteringBoundLogger) -> None:
        self._pages = dict(pages)
        self._log = log

    async def attend(self, message: RawRequestMessage, payload: StreamReader, connection: Connection) -> None:
        """Answers one request."""
        try:
            page = self._page(message, payload, connection)()
            response = await page if inspect.isawaitable(page) else page
        except GatewayError as error:
            response = problem(error, method=message.method)
        except Exception as error:  # noqa: BLE001 - whatever a page runs into, the caller gets a problem
            self._log.error("a page failed", exc_info=error)
            response = problem(GatewayFault(), method=message.method)
        await self._reply(connection, response, message.method)

    async def refuse(self, error: GatewayError, connection: Connection) -> None:
        """Answers what was no request."""
        await self._reply(connection, problem(error), "")

    def _page(self, message: RawRequestMessage, payload: StreamReader, connection: Connection) -> Page:
        connection.admitted(message, payload)
        path, _query = canonical(message.path)
        page = self._pages.get(path)
        if page is None:
            raise NotFound
        if message.method not in HTTPMethod.__members__:
            raise MethodUnknown
        if message.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed(headers=(("Allow", "GET, HEAD"),))
        return page

    async def _reply(self, connection: Connection, response: Response, method: str) -> None:
        try:
            await reply(connection, response, method=method, private=True)
        except CallerGone:
            connection.keep = False
