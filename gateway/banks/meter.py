"""What the way to a bank counts. Labels come from files or are words of this package, never from an outsider."""

from typing import Protocol


class Meter(Protocol):
    """Where it is counted; telemetry's metrics are one."""

    def bank_call(self, bank: str, operation: str, outcome: str, seconds: float) -> None:
        """One attempt ended: `outcome` is `2xx` ... `5xx`, the code of one of our errors, or `cancelled`."""
        ...

    def circuit(self, bank: str, state: str) -> None:
        """A circuit became `closed`, `open` or `half_open`."""
        ...

    def rejected(self, bank: str, *, kept: bool) -> None:
        """An answer was not read because its signature failed; whether it was kept for the operator."""
        ...

    def retried(self, bank: str, reason: str) -> None:
        """A request is about to be sent again because of a status, or the code of one of our errors."""
        ...
