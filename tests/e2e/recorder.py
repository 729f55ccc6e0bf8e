"""An upstream that reads requests as RFC 9112 writes them, keeps each, and answers each with its own number.

It runs in a thread of the tests' process. Whatever it can not read is kept as `unreadable`: a proxy in front of it has
sent something that was no request.
"""

import asyncio
import contextlib
import re
import threading
from collections.abc import Iterator

import msgspec

NUMBER = "x-recorded"
_LINE = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", re.DOTALL)


class Unreadable(Exception):
    """What came is no request."""


class Seen(msgspec.Struct, frozen=True):
    """One request: names of fields in lower case, in their order."""

    number: int
    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def get(self, name: str) -> str:
        """The field's only value, or empty."""
        values = [value for one, value in self.fields if one == name]
        assert len(values) <= 1, f"{name} stands {len(values)} times"
        return values[0] if values else ""


class Recorder:
    """Listens on `port` while the block lasts; `seen` in the order of their heads.

    `answers`: by path, the bytes to answer with in place of its own, and whether the connection stays open after them.
    """

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[Seen] = []
        self.unreadable: list[bytes] = []
        self.answers: dict[str, tuple[bytes, bool]] = {}
        self._loop = asyncio.new_event_loop()
        self._count = 0

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                while await self._answer(reader, writer):
                    pass
            except asyncio.IncompleteReadError:
                pass
            except (Unreadable, ValueError, asyncio.LimitOverrunError) as error:
                self.unreadable.append(str(error).encode())
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *lines = head[:-4].split(b"\r\n")
        read = _LINE.fullmatch(line)
        fields = [_FIELD.fullmatch(one) for one in lines]
        if read is None or not all(fields) or b"\r" in line or b"\n" in b"".join(lines):
            raise Unreadable(repr(head))
        pairs = tuple((one[1].decode().lower(), one[2].decode("latin-1")) for one in fields if one)
        named = [name for name, _ in pairs]
        body = b""
        if "transfer-encoding" in named:
            if "content-length" in named or dict(pairs)["transfer-encoding"] != "chunked" or named.count("host") != 1:
                raise Unreadable(repr(head))
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                body += await reader.readexactly(size)
                if await reader.readexactly(2) != b"\r\n":
                    raise Unreadable(repr(body))
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass
        elif "content-length" in named:
            if named.count("content-length") != 1 or not dict(pairs)["content-length"].isdecimal():
                raise Unreadable(repr(head))
            body = await reader.readexactly(int(dict(pairs)["content-length"]))
        self._count += 1
        seen = Seen(self._count, read[1].decode(), read[2].decode("latin-1"), pairs, body)
        self.seen.append(seen)
        scripted = self.answers.get(seen.target.partition("?")[0])
        if scripted is not None:
            writer.write(scripted[0])
            await writer.drain()
            return scripted[1]
        told = f"{seen.number}".encode()
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b: %b\r\n\r\n" % (len(told), NUMBER.encode(), told)
        writer.write(answer if seen.method == "HEAD" else answer + told)
        await writer.drain()
        return "close" not in dict(pairs).get("connection", "").lower() and read[3] == b"1"

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._talk, "127.0.0.1", 0)


@contextlib.contextmanager
def recording() -> Iterator[Recorder]:
    """A recorder that listens while the block lasts."""
    recorder = Recorder()
    loop = recorder._loop
    server = loop.run_until_complete(recorder._listen())
    recorder.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def end() -> None:
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    try:
        yield recorder
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
