"""From sockets to values and back: reads a request, and sends an answer whole, broken, or drop by drop."""

import asyncio
import base64
import contextlib
import hashlib
import socket
import ssl
import struct
from collections.abc import Iterator
from typing import assert_never

import msgspec
from aiohttp import web

from gateway.contract import Clock
from gateway.simulator.bank import SimulatedBank
from gateway.simulator.configuration import Fault
from gateway.simulator.faults import spoil
from gateway.simulator.received import Answer, Certificate, Received
from gateway.simulator.refusal import Refusal

# SO_LINGER on, for no time: the closing of the socket is a reset (RST), what was not sent is dropped.
_LINGER_NOT = struct.pack("ii", 1, 0)


async def serve_request(bank: SimulatedBank, clock: Clock, request: web.BaseRequest) -> web.StreamResponse:
    """Answers one request of a bank's port, with the faults that it meets."""
    received = read(request, clock, await request.read())
    located = bank.locate(received)
    operation = None if located is None else located.operation
    faults = bank.faults.meet(operation)
    seen = bank.journal.enter(received, operation, tuple(fault.kind for fault in faults))
    answer: Answer | None = None
    broken: Fault | None = None
    wrongly = False
    for fault in faults:
        match fault.kind:
            case "latency":
                await asyncio.sleep(fault.milliseconds / 1000)
            case "429":
                answer = answer or bank.refuse(received, Refusal("access_exceeded", retry_after=fault.retry_after))
            case "500":
                answer = answer or bank.refuse(received, Refusal("failed"))
            case "malformed_record":
                answer = spoil(answer or bank.answer(received))
            case "bad_signature":
                wrongly = True
            case "reset" | "half_body" | "slow_drip":
                broken = broken or fault
            case never:
                assert_never(never)
    answer = bank.sign(received, answer or bank.answer(received), clock(), wrongly=wrongly)
    if broken is None:
        bank.journal.leave(seen, answer.status)
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    # A client that has had enough may leave in the middle: its request stays unanswered in the journal.
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        if await _break(request, response, answer.body, broken):
            bank.journal.leave(seen, answer.status)
    return response


def read(request: web.BaseRequest, clock: Clock, body: bytes) -> Received:
    """The request as a value; the query stays as it was written."""
    path, _, query = request.raw_path.partition("?")
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in request.headers.items():
        headers[name.lower()] = (*headers.get(name.lower(), ()), value)
    return Received(
        method=request.method,
        path=path,
        query=query,
        headers=headers,
        certificate=_certificate(request),
        origin=f"https://{request.host}",
        at=clock(),
        body=body,
    )


def _certificate(request: web.BaseRequest) -> Certificate:
    tls: ssl.SSLObject | None = request.get_extra_info("ssl_object")
    assert tls is not None, "banks are served over TLS only"
    subject = {name: value for rdn in (tls.getpeercert() or {}).get("subject", ()) for name, value in _pairs(rdn)}
    der = tls.getpeercert(binary_form=True) or b""
    return Certificate(
        common_name=subject.get("commonName"),
        organisation=subject.get("organizationName"),
        organisation_identifier=subject.get("organizationIdentifier"),
        thumbprint=base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode(),
    )


def _pairs(rdn: object) -> Iterator[tuple[str, str]]:
    """The standard library types a subject more loosely than it builds it."""
    yield from msgspec.convert(rdn, tuple[tuple[str, str], ...])


async def _break(request: web.BaseRequest, response: web.StreamResponse, body: bytes, fault: Fault) -> bool:
    """Sends a body slowly, or half of it and the end of the connection; whether all of it was sent."""
    if fault.kind == "slow_drip":
        for start in range(0, len(body), fault.drop_bytes):
            await response.write(body[start : start + fault.drop_bytes])
            await asyncio.sleep(fault.milliseconds / 1000)
        return True
    await response.write(body[: len(body) // 2])
    transport = request.transport
    if transport is None:
        return False
    if fault.kind == "reset":
        request.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        transport.abort()
    else:
        transport.close()
    return False
