"""What a simulated bank needs of its dialect; each dialect's module builds one of these, and shares nothing else."""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from gateway.simulator.configuration import Access, Bank, Operation
from gateway.simulator.ledger import Entry, Ledger, Status
from gateway.simulator.received import Answer, Received, Visit
from gateway.simulator.refusal import Refusal

_JSON = msgspec.json.Encoder(decimal_format="number")


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are asked for: wall times of the bank, both inclusive (None: open), by booking or by purchase."""

    earliest: datetime | None
    latest: datetime | None
    statuses: frozenset[Status]
    by_purchase: bool = False

    def holds(self, entry: Entry) -> bool:
        """Whether a row lies in the window."""
        moment = datetime.combine(entry.purchase_day, entry.moment.time()) if self.by_purchase else entry.moment
        return (
            entry.status in self.statuses
            and (self.earliest is None or moment >= self.earliest)
            and (self.latest is None or moment <= self.latest)
        )


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of an account's rows, and where it is."""

    ledger: Ledger
    rows: tuple[Entry, ...]
    statuses: frozenset[Status]
    pages: int
    self_link: str
    next_link: str | None


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """A dialect's reading of its standard.

    `psu_address` is the header whose presence says that the PSU is there. `check_headers` comes before the token,
    `check_access` after it; both raise Refusal, as `window` does. `echoed` are the headers that come back.
    """

    media_types: tuple[str, ...]
    psu_address: str
    parameters: Mapping[Operation, frozenset[str]]
    echoed: tuple[str, ...]
    check_headers: Callable[[Bank, Received], None]
    check_access: Callable[[Bank, Received, Access], None]
    window: Callable[[Visit], Window]
    accounts: Callable[[Visit, tuple[Ledger, ...]], Answer]
    balances: Callable[[Visit, Ledger], Answer]
    transactions: Callable[[Visit, Page], Answer]
    refuse: Callable[[Bank, Received, Refusal], Answer]


def json_answer(
    status: int, media_type: str, document: object, records: tuple[str, ...] = (), *headers: tuple[str, str]
) -> Answer:
    """An answer with a JSON body; Decimal members become JSON numbers, digit by digit."""
    return Answer(
        status=status,
        headers=(("Content-Type", media_type), *headers),
        body=_JSON.encode(document),
        records=records,
    )
