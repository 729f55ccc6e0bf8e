"""What an adapter sees of the engine, and all it may import besides the errors: calls in, requests out, documents back.

An adapter is a generator. It yields a `BankRequest` (or a tuple of them, run concurrently), is sent the `BankResponse`
(or a tuple in the same order), has failures thrown into it, and returns a `Document`: bytes that a mapping reads. It
does no I/O, reads no clock and parses no body of a mapped success in JSON. What it makes of a large answer that is no
JSON may run in another thread than the rest of it.
"""

from collections.abc import Callable, Generator, Mapping
from datetime import date, datetime
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

Operation: TypeAlias = Literal["accounts.list", "accounts.get", "balances.list", "transactions.list"]
BookingStatus: TypeAlias = Literal["booked", "pending", "all"]
Clock: TypeAlias = Callable[[], datetime]
"""Answers the present instant, aware, in UTC."""


class BankRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a bank, before signing and sending.

    `url` is absolute and percent-encoded, within one of the bank's base URLs. `repeatable` says that a second sending
    can do nothing twice: only such requests are retried. Header names are as the standard spells them.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    repeatable: bool = False


class BankResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A bank's whole answer; `headers` is case-insensitive, `body` is decoded from any content coding.

    `request_id` is the gateway's id of the attempt that was answered, the one an operator finds in the trace.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    request_id: str


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What a mapping reads: the bytes of a success.

    `form` names another mapping of the same operation where the bank answers in another format (`camt`: the mapping
    `transactions.list.camt`). `next` is the link to the next page where the adapter, not the mapping, knows it (a
    header, a count). `url` is what relative links are relative to.
    """

    body: bytes
    headers: Mapping[str, str]
    url: str
    request_id: str
    form: str = ""
    next: str | None = None


class Psu(msgspec.Struct, frozen=True, kw_only=True):
    """The person, present at this very call; background work has none, and no header is ever invented for it."""

    ip_address: str
    user_agent: str | None = None


class BankProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A bank's file, checked, as its dialect needs it.

    `base_urls` maps a resource group (`default` always present) to an absolute URL without a trailing slash.
    `deviations` is the dialect's own frozen struct (`Dialect.deviations`), decoded from the file's `deviations`.
    `headers` go with every request (`aspsp-code`, `x-fapi-financial-id`). `lineage` is the bank's name and then the
    bases that its file extends, nearest first: mapping files are sought in this order.
    """

    name: str
    title: str
    dialect: str
    version: str
    zone: str
    base_urls: Mapping[str, str]
    bic: str | None = None
    client_id: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    deviations: Any = None
    lineage: tuple[str, ...] = ()

    def base_url(self, group: str) -> str:
        """The base URL of a resource group, else the bank's default."""
        return self.base_urls.get(group) or self.base_urls["default"]


class BankCall(msgspec.Struct, frozen=True, kw_only=True):
    """One operation to carry out at one bank.

    `account` is the bank's resource id. `from_date` and `to_date` are inclusive days in the bank's zone. `next_url` is
    set instead of a query when a page is continued: it was checked to lie within the bank. `new_id` makes a UUID.
    """

    operation: Operation
    bank: BankProfile
    access_token: str
    bank_consent_id: str | None = None
    account: str | None = None
    from_date: date | None = None
    to_date: date | None = None
    status: BookingStatus | None = None
    next_url: str | None = None
    psu: Psu | None = None
    interaction_id: str
    now: datetime
    new_id: Callable[[], str]


Dialogue: TypeAlias = Generator[BankRequest | tuple[BankRequest, ...], Any, Document]
"""Sent a `BankResponse` for a request, a tuple of them for a tuple; a `GatewayError` is thrown in where none came."""

Conduct: TypeAlias = Callable[[BankCall], Dialogue]


class Dialect(Protocol):
    """What a dialect's module offers; `app.py` loads it by its name in `adapters/`."""

    NAME: str
    VERSIONS: tuple[str, ...]
    OPERATIONS: Mapping[Operation, Conduct]
    Deviations: type[msgspec.Struct]

    def next_url(self, bank: BankProfile, link: str, document_url: str) -> str:
        """Turns a page's link, as the bank wrote it, into an absolute URL.

        Raises ValueError when the link can not be read. Whether it lies within the bank is the engine's to check.
        """
        ...
