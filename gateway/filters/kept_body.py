"""A body that a filter had to read whole, for what stands behind to read or stream as if it came off the wire."""

from collections.abc import AsyncIterator

from msgspec.structs import replace

from gateway.errors import BodyTooLarge
from gateway.exchange import Request


def holding(request: Request, content: bytes) -> Request:
    """The request with its body in hand; it may be read more than once."""
    kept = _Kept(content)
    return replace(request, read=kept.read, stream=kept.stream)


class _Kept:
    """A body that was read already, for what follows to read or stream."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def read(self, limit: int) -> bytes:
        """All of it. Raises BodyTooLarge."""
        if len(self._content) > limit:
            raise BodyTooLarge(f"At most {limit} bytes are taken.")
        return self._content

    async def stream(self) -> AsyncIterator[bytes]:
        """All of it, in one piece."""
        yield self._content
