"""How a call ended, as the door saw it: what the record itself does not hold."""

import msgspec

from gateway.exchange import Peer


class Ending(msgspec.Struct, frozen=True, gc=False):
    """`method` is a known one or `_OTHER`, `path` raw, `sent` in bytes, `at` in nanoseconds since 1970.

    `error` is a kind of failure (a class name), never a text.
    """

    method: str
    path: str
    peer: Peer | None
    status: int
    sent: int
    error: str | None
    at: int
