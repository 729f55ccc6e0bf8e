"""What one bank has seen and answered, for tests and the curious; of a token only its SHA-256 is kept."""

import hashlib
from collections import Counter, deque

import msgspec

from gateway.simulator.configuration import FaultKind, Operation
from gateway.simulator.received import Certificate, Received

_KEPT = 200
_SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})


class Seen(msgspec.Struct, kw_only=True):
    """One request; `status` is null until it is answered, and stays so when no answer was finished."""

    at: str
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    certificate: Certificate
    operation: Operation | None
    faults: tuple[FaultKind, ...]
    status: int | None = None


class Journal:
    """The last requests, and counters since the start."""

    def __init__(self) -> None:
        self.requests: deque[Seen] = deque(maxlen=_KEPT)
        self.received = 0
        self.answered = 0
        self.statuses: Counter[int] = Counter()
        self.operations: Counter[str] = Counter()

    def enter(self, received: Received, operation: Operation | None, faults: tuple[FaultKind, ...]) -> Seen:
        """Notes a request as it comes in."""
        seen = Seen(
            at=received.at.isoformat(timespec="milliseconds"),
            method=received.method,
            path=received.path,
            query=received.query,
            headers=tuple((name, _shown(name, one)) for name, values in received.headers.items() for one in values),
            certificate=received.certificate,
            operation=operation,
            faults=faults,
        )
        self.requests.append(seen)
        self.received += 1
        self.operations[operation or "none"] += 1
        return seen

    def leave(self, seen: Seen, status: int) -> None:
        """Notes that a request was answered in full."""
        seen.status = status
        self.answered += 1
        self.statuses[status] += 1


def _shown(name: str, value: str) -> str:
    if name not in _SECRET:
        return value
    scheme, _, rest = value.partition(" ")
    secret, shown = (rest, f"{scheme} ") if rest else (value, "")
    return f"{shown}sha256:{hashlib.sha256(secret.strip().encode()).hexdigest()}"
