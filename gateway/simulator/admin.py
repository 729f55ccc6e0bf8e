"""The simulator's own listener: plain HTTP on loopback, to set faults and to read what the banks have seen.

GET                 /banks                   every bank with its address and counters
GET, PUT, DELETE    /banks/{bank}/faults     PUT {"faults": [{"kind": "latency", "milliseconds": 300, "count": 2}]}
GET, DELETE         /banks/{bank}/requests   the last requests, oldest first; DELETE forgets them
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

import msgspec
from aiohttp import web

from gateway.simulator.bank import SimulatedBank
from gateway.simulator.configuration import Fault


class Running(Protocol):
    """A bank that is being served."""

    @property
    def base_url(self) -> str:
        """Where it answers."""

    @property
    def state(self) -> SimulatedBank:
        """What it remembers."""


class _Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    faults: tuple[Fault, ...]


def build_admin(banks: Mapping[str, Running]) -> web.Application:
    """The admin application over running banks."""

    def asked(request: web.Request) -> Running | None:
        return banks.get(request.match_info["bank"])

    async def listed(_request: web.Request) -> web.Response:
        return _json({"banks": [_shown(name, running) for name, running in banks.items()]})

    async def faults(request: web.Request) -> web.Response:
        running = asked(request)
        if running is None:
            return _unknown(request, banks)
        if request.method == "PUT":
            try:
                wanted = msgspec.json.decode(await request.read(), type=_Faults)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                return _problem(HTTPStatus.BAD_REQUEST, f"The faults can not be set: {error}")
            running.state.faults.replace(wanted.faults)
        elif request.method == "DELETE":
            running.state.faults.replace(())
        return _json({"faults": running.state.faults.listed()})

    async def requests(request: web.Request) -> web.Response:
        running = asked(request)
        if running is None:
            return _unknown(request, banks)
        if request.method == "DELETE":
            running.state.journal.requests.clear()
        return _json({"requests": list(running.state.journal.requests)})

    application = web.Application()
    application.router.add_get("/banks", listed)
    for method in ("GET", "PUT", "DELETE"):
        application.router.add_route(method, "/banks/{bank}/faults", faults)
    for method in ("GET", "DELETE"):
        application.router.add_route(method, "/banks/{bank}/requests", requests)
    return application


def _shown(name: str, running: Running) -> dict[str, Any]:
    bank, journal = running.state.bank, running.state.journal
    return {
        "name": name,
        "title": bank.title,
        "dialect": bank.dialect,
        "version": bank.version,
        "base_url": running.base_url,
        "received": journal.received,
        "answered": journal.answered,
        "statuses": {str(status): count for status, count in journal.statuses.items()},
        "operations": dict(journal.operations),
    }


def _json(document: object, status: int = 200, media_type: str = "application/json") -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(document), content_type=media_type)


def _problem(status: HTTPStatus, detail: str) -> web.Response:
    """RFC 9457."""
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return _json(document, status.value, "application/problem+json")


def _unknown(request: web.Request, banks: Mapping[str, Running]) -> web.Response:
    names = ", ".join(sorted(banks))
    return _problem(HTTPStatus.NOT_FOUND, f"There is no bank '{request.match_info['bank']}'; there are: {names}")
