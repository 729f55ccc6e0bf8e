"""The service listener's attendant: from a request's head to a handler of the route table, and its answer back.

Every call is opened and finished in telemetry exactly once, whatever happens between. Every failure becomes a problem
here; what nobody foresaw is logged with its place and told to the caller as a GatewayFault. The route's deadline
cancels a handler that has not answered by then.
"""

import asyncio
import re
import uuid
from collections.abc import Callable
from typing import cast

from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from gateway.errors import BankTimedOut, DeadlineExceeded, GatewayError, GatewayFault, UpstreamTimedOut
from gateway.exchange import CallRecord, Exchange, HeaderMap, Request, Response
from gateway.routes import RouteTable
from gateway.telemetry.calls import Telemetry
from gateway.web.bodies import CallerGone
from gateway.web.connection import Connection
from gateway.web.paths import canonical
from gateway.web.problems import INTERACTION, problem
from gateway.web.replies import AnswerCut, reply

CALLER_GONE = 499
"""What is counted where the caller left before an answer; no answer has this status."""
_MARGIN = 0.05
"""Seconds that a handler has beyond its deadline: what it says of a late bank goes before what the door says."""
_NONE: list[str] = []
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Door:
    """Answers calls by the table that `current` gives when they begin."""

    def __init__(self, current: Callable[[], RouteTable], telemetry: Telemetry) -> None:
        self._current = current
        self._telemetry = telemetry

    async def attend(self, message: RawRequestMessage, payload: StreamReader, connection: Connection) -> None:
        """Answers one request."""
        parents = message.headers.getall("traceparent", _NONE)
        record = self._telemetry.begin(",".join(parents) or None, message.headers.get("tracestate"))
        status, sent, error = CALLER_GONE, 0, None
        try:
            response, error = await self._answer(message, payload, connection, record)
            status = response.status
            private = record.route is not None and record.route.operation is not None
            try:
                sent = await reply(connection, response, method=message.method, private=private)
            except GatewayFault as fault:
                response, error = self._problem(fault, message, record)
                status, sent = response.status, await reply(connection, response, method=message.method, private=True)
        except CallerGone:
            connection.keep = False
            error = "CallerGone"
        except AnswerCut as cut:
            sent, error = cut.sent, cut.kind
        except asyncio.CancelledError:
            if not connection.overdue:
                error = "Cancelled"
                raise
            connection.recovered()
            error = "DeadlineExceeded"
        finally:
            self._telemetry.finish(
                record,
                method=message.method,
                path=message.path.partition("?")[0],
                peer=connection.peer,
                status=status,
                sent=sent,
                error=error,
            )

    async def refuse(self, error: GatewayError, connection: Connection) -> None:
        """Answers what was no request."""
        record = self._telemetry.begin(None, None)
        record.interaction_id, record.problem = str(uuid.uuid4()), error.code
        response = problem(error, trace_id=record.trace_id, interaction_id=record.interaction_id)
        sent, gone = 0, None
        try:
            sent = await reply(connection, response, method="", private=True)
        except CallerGone:
            gone = "CallerGone"
        self._telemetry.finish(
            record, method="", path="", peer=connection.peer, status=error.status, sent=sent, error=gone
        )

    async def _answer(
        self, message: RawRequestMessage, payload: StreamReader, connection: Connection, record: CallRecord
    ) -> tuple[Response, str | None]:
        """The response to send, and the kind of failure where the gateway or a bank is to blame."""
        method = message.method
        try:
            body = connection.admitted(message, payload)
            path, query = canonical(message.path)
            match = self._current().match(method, path)
            route = record.route = match.route
            body.bound(route.body_limit)
            deadline = connection.now() + route.timeout
            connection.expect_by(deadline + _MARGIN)
            headers = cast("HeaderMap", message.headers)
            request = Request(method, path, query, headers, connection.peer, body.read, body.stream, body.exists)
            return await match.handler(Exchange(request, route, match.parameters, deadline, record)), None
        except GatewayError as error:
            return self._problem(error, message, record)
        except asyncio.CancelledError:
            if connection.overdue:
                connection.recovered()
                return self._problem(_too_late(record), message, record)
            if connection.being_cut:
                raise
            # Something inside was cancelled that this call waited for.
            return self._problem(GatewayFault(), message, record)
        except CallerGone:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler runs into, the caller gets a problem
            fault = GatewayFault()
            fault.__cause__ = error
            return self._problem(fault, message, record)

    def _problem(
        self, error: GatewayError, message: RawRequestMessage, record: CallRecord
    ) -> tuple[Response, str | None]:
        record.problem = error.code
        cause = error.__cause__ or error
        if type(error) is GatewayFault:
            self._telemetry.log.error(
                "a call failed unforeseen",
                exc_info=cause,
                trace_id=record.trace_id,
                route=record.route.name if record.route is not None else None,
            )
        if not record.interaction_id:
            given = message.headers.getall(INTERACTION, _NONE)
            usable = len(given) == 1 and _UUID.fullmatch(given[0])
            record.interaction_id = given[0] if usable else str(uuid.uuid4())
        response = problem(error, method=message.method, trace_id=record.trace_id, interaction_id=record.interaction_id)
        return response, type(cause).__name__ if error.status >= 500 else None


def _too_late(record: CallRecord) -> GatewayError:
    """Whatever was sent may have been done."""
    if not record.attempts:
        return DeadlineExceeded()
    return BankTimedOut() if record.bank else UpstreamTimedOut()
