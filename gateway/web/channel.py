"""What the parent and a worker say to each other: whole messages over a pair of connected sockets.

A message is a frozen value, pickled behind its length (four bytes, big endian). Pickle is safe here and nowhere else:
the pair has no name, both ends are processes of ours, and what travels has the settings and secrets of both anyway.
"""

import asyncio
import contextlib
import pickle
import socket
import struct

_LENGTH = struct.Struct(">I")


class Channel:
    """One end. Sending never waits; what the other end does not read is kept until it ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> "Channel":
        """The channel of a connected socket, which it takes over."""
        end.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=end))

    def send(self, message: object) -> None:
        """Sends a message; nothing where the other end is gone, which `receive` tells."""
        if not self._writer.is_closing():
            content = pickle.dumps(message)
            self._writer.write(_LENGTH.pack(len(content)) + content)

    async def receive(self) -> object | None:
        """The next message; None once the other end is gone."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            return pickle.loads(await self._reader.readexactly(length))  # type: ignore[no-any-return] # noqa: S301
        except (asyncio.IncompleteReadError, OSError):
            return None

    async def close(self) -> None:
        """Sends what waits, and ends."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
