"""What a TLS connection brings reaches its protocol whole and in order, through one buffer for all connections."""

import asyncio
import ssl

import trustme
import uvloop

from gateway.reading import BUFFER_BYTES, read_through


class Collector(asyncio.Protocol):
    def __init__(self, buffer: bytearray) -> None:
        self.buffer = buffer
        self.pieces: list[bytes] = []
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        read_through(transport, self, self.buffer)

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.ended.set_result(b"".join(self.pieces))


async def _sent_at_once(contents: list[bytes], *, tls: bool) -> list[bytes]:
    authority = trustme.CA()
    server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server_side)
    authority.configure_trust(client_side)
    buffer, made = bytearray(BUFFER_BYTES), []

    def protocol() -> Collector:
        made.append(Collector(buffer))
        return made[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "localhost", 0, ssl=server_side if tls else None)
    port = server.sockets[0].getsockname()[1]

    async def send(content: bytes) -> None:
        _, writer = await asyncio.open_connection("localhost", port, ssl=client_side if tls else None)
        writer.write(content)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(send(content) for content in contents))
    received = await asyncio.gather(*(one.ended for one in made))
    server.close()
    await server.wait_closed()
    return sorted(received)


def test_connections_that_share_a_buffer_get_their_own_bytes() -> None:
    contents = sorted(bytes([number]) * (BUFFER_BYTES * 2 + number) for number in range(1, 9))
    for factory in (uvloop.new_event_loop, asyncio.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            assert runner.run(_sent_at_once(contents, tls=True)) == contents


def test_a_plain_connection_is_left_alone() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(_sent_at_once([b"plain"], tls=False)) == [b"plain"]
