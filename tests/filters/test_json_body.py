"""Bodies as callers send them, through an open door and a route's filters to an upstream that keeps what it gets."""

import asyncio
import gzip
import json
import zlib
from contextlib import asynccontextmanager

import pytest

from gateway.settings import Address, Limits, ListenerSettings
from gateway.telemetry.calls import Telemetry, TelemetrySettings
from gateway.upstreams import Upstreams
from gateway.web.door import Door
from gateway.web.listeners import Front, Listener

POLICY = """
routes:
  - name: guarded
    method: [POST, PUT]
    path: /payments
    upstream: {url: 'URL'}
    public: true
    body_limit: 128KiB
    filters: [{name: headers}, {name: json_body, media_types: [application/json, application/problem+json], depth: 8}]
  - {name: plain, method: POST, path: /plain, upstream: {url: 'URL'}, public: true, body_limit: 128KiB}
"""
MIB = 1024 * 1024


class Upstream:
    """Keeps bodies as they came."""

    def __init__(self):
        self.bodies = []
        self.heads = []

    async def talk(self, reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(
                (int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")), None
            )
            body = b""
            if length is not None:
                body = await reader.readexactly(length)
            else:
                while size := int(await reader.readuntil(b"\r\n"), 16):
                    body += (await reader.readexactly(size + 2))[:-2]
                await reader.readexactly(2)
            self.heads.append(head)
            self.bodies.append(body)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def connected(self, reader, writer):
        try:
            await self.talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def opened(gateway_of):
    upstream = Upstream()
    server = await asyncio.start_server(upstream.connected, "127.0.0.1", 0)
    upstreams = Upstreams(lambda _reference: b"")
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    table = gateway_of(POLICY.replace("URL", url), upstream=upstreams.handler).table
    telemetry = Telemetry(TelemetrySettings(ratio=0.0))
    settings = ListenerSettings(address=Address("127.0.0.1:0"))
    listener = Listener("service", settings, Front(), Door(lambda: table, telemetry), Limits())
    await listener.open()
    try:
        yield upstream, listener.port
    finally:
        listener.take_no_more()
        await listener.empty(0)
        await upstreams.close()
        server.close()
        telemetry.close()


@pytest.fixture
async def door(gateway_of):
    async with opened(gateway_of) as (upstream, port):

        async def send(body, *fields, path="/payments", chunked=False, content_type="application/json"):
            lines = [f"POST {path} HTTP/1.1", "Host: gateway", "Connection: close", *fields]
            lines += [f"Content-Type: {content_type}"] if content_type else []
            lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
            if chunked:
                pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
                body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            async with asyncio.timeout(10):
                answer = await reader.read()
            writer.close()
            head, _, content = answer.partition(b"\r\n\r\n")
            problem = json.loads(content) if content else {}
            return int(head.split(b" ")[1]), problem, head.decode()

        send.upstream = upstream
        yield send


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_strict_document_goes_on_byte_for_byte(door, chunked):
    body = b' {"amount" : 1.10, "text": "\\u00e9" }\n'
    assert (await door(body, chunked=chunked))[0] == 204
    assert door.upstream.bodies == [body]


@pytest.mark.parametrize(
    "content_type", ["Application/JSON; charset=UTF-8", 'application/problem+json;charset="utf-8"']
)
async def test_media_types_that_the_route_takes(door, content_type):
    assert (await door(b"{}", content_type=content_type))[0] == 204


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/jsonx", "application/json; charset=utf-16", "application/json; x=y", "*/*"],
)
async def test_other_media_types_are_refused(door, content_type):
    status, problem, _ = await door(b"{}", content_type=content_type)
    assert (status, problem["code"]) == (415, "media_type_unsupported")
    assert door.upstream.bodies == []


BOMBS = {
    "gzip": gzip.compress(b" " * MIB),
    "x-gzip": gzip.compress(b" " * MIB),
    "deflate": zlib.compress(b" " * MIB),
    "br": b"\x8b\xff\xff\x03 \x03",
    "zstd": b"\x28\xb5\x2f\xfd\x04\x00\x41\x00\x00\x20\x03",
    "gzip, gzip": gzip.compress(gzip.compress(b" " * MIB)),
    "identity, gzip": gzip.compress(b" " * MIB),
    "aes128gcm": b"x",
}


@pytest.mark.parametrize("coding", BOMBS)
async def test_a_compressed_body_is_refused_and_never_inflated(door, coding):
    status, problem, head = await door(BOMBS[coding], f"Content-Encoding: {coding}")
    assert (status, problem["code"]) == (415, "media_type_unsupported")
    assert "accept-encoding: identity" in head.lower()
    assert door.upstream.bodies == []


async def test_two_content_codings_in_two_fields_are_refused(door):
    status, problem, _ = await door(BOMBS["gzip"], "Content-Encoding: identity", "Content-Encoding: gzip")
    assert (status, problem["code"]) == (400, "request_invalid")


@pytest.mark.parametrize("coding", ["gzip", "br"])
async def test_a_plain_route_hands_a_compressed_body_on_as_it_came(door, coding):
    assert (await door(BOMBS[coding], f"Content-Encoding: {coding}", path="/plain"))[0] == 204
    assert door.upstream.bodies == [BOMBS[coding]]
    assert f"content-encoding: {coding}".encode() in door.upstream.heads[0].lower()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(b'{"to":"a","to":"b"}', "each member once", id="a-member-twice"),
        pytest.param(b"[" * 9 + b"]" * 9, "nested more than 8 deep", id="too-deep"),
        pytest.param(b"[" * 100_000, "nested more than 8 deep", id="far-too-deep"),
        pytest.param(json.dumps([0] * 30_000).encode(), "more than 10000 keys and values", id="too-many"),
        pytest.param(json.dumps({f"{n}": 0 for n in range(8_000)}).encode(), "more than 10000", id="too-many-keys"),
        pytest.param(b'{"amount":' + b"9" * 5_000 + b"}", "a number of more than 40", id="a-huge-number"),
        pytest.param(b'{"amount":1e400000}', "exponent", id="a-huge-exponent"),
        pytest.param(json.dumps({"text": "x" * 70_000}).encode(), "a text of more than 65536", id="a-huge-text"),
        pytest.param(b'{"amount":NaN}', "is not JSON", id="nan"),
        pytest.param(b'{"a":1}{"b":2}', "is not JSON", id="two-documents"),
        pytest.param(b"<Document/>", "is not JSON", id="xml"),
        pytest.param(b"\xff\xfe{\x00}\x00", "is not JSON", id="utf-16"),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_beyond_the_bounds_is_refused_before_the_upstream(door, body, told, chunked):
    status, problem, _ = await door(body, chunked=chunked)
    assert (status, problem["code"]) == (400, "request_invalid")
    assert told in problem["errors"][0]["message"]
    assert problem["errors"][0]["in"] == "body"
    assert door.upstream.bodies == []


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_above_the_routes_limit_is_too_large(door, chunked):
    assert (await door(b" " * 200_000, chunked=chunked))[0] == 413
    assert door.upstream.bodies == []


async def test_a_request_without_a_body_goes_on(door):
    assert (await door(b"", content_type=None))[0] == 204
