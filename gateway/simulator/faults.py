"""What goes wrong on demand at one bank: which faults the next call meets, and a page with one bad record."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from gateway.simulator.configuration import Fault, Operation
from gateway.simulator.received import Answer

_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Faults:
    """The faults set at one bank; a counted one is used up by the calls that meet it."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._left: list[tuple[Fault, int | None]] = []
        self.replace(faults)

    def replace(self, faults: Sequence[Fault]) -> None:
        """Sets these faults in the place of all others."""
        self._left = [(fault, fault.count) for fault in faults]

    def listed(self) -> tuple[Fault, ...]:
        """The faults that still wait, with the calls that each has left."""
        return tuple(msgspec.structs.replace(fault, count=left) for fault, left in self._left)

    def meet(self, operation: Operation | None) -> tuple[Fault, ...]:
        """The faults that one call meets, in the order they were set; a path of no operation meets the unfiltered."""
        met = [pair for pair in self._left if pair[0].operation in (None, operation)]
        self._left = [
            (fault, left if left is None or (fault, left) not in met else left - 1)
            for fault, left in self._left
            if left != 1 or (fault, left) not in met
        ]
        return tuple(fault for fault, _ in met)


def spoil(answer: Answer) -> Answer:
    """The answer with the record in the middle of its list made unreadable, and every other record as it was."""
    if not answer.records or not answer.body:
        return answer
    document = _DECODER.decode(answer.body)
    parent = document
    for step in answer.records[:-1]:
        parent = parent[step]
    records = parent.get(answer.records[-1], [])
    if not records:
        return answer
    middle = len(records) // 2
    if not _spoil_amount(records[middle]):
        records[middle] = {"unexpected": "This record was cut off"}
    return msgspec.structs.replace(answer, body=_ENCODER.encode(document))


def _spoil_amount(record: dict[str, Any]) -> bool:
    """Writes words where the record's amount stands; False where it has none."""
    for value in record.values():
        if isinstance(value, dict):
            for name in ("amount", "Amount"):
                if isinstance(value.get(name), str | int | Decimal):
                    value[name] = "see the statement"
                    return True
    return False
