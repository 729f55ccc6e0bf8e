"""What travels through the filters: frozen values, and one append-only record of what happened on the way.

A filter hands on a changed copy (`call_next(replace(exchange, principal=...))`); nothing is written into an exchange.
The `CallRecord` is the only thing that grows: each part adds what it saw, and telemetry reads it once, at the end.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec

from gateway.contract import BankRequest, BankResponse, Psu

Headers: TypeAlias = tuple[tuple[str, str], ...]


class HeaderMap(Protocol):
    """Case-insensitive request headers, duplicates kept (multidict's proxy at the door, anything like it in tests)."""

    def get(self, key: str, default: None = None, /) -> str | None:
        """The first value of a header, or None."""
        ...

    def getall(self, key: str, default: list[str], /) -> list[str]:
        """All values of a header in the order of the wire."""
        ...

    def items(self) -> Any:
        """All pairs in the order of the wire."""
        ...


class Peer(msgspec.Struct, frozen=True, gc=False):
    """Who is at the other end of the connection, as TLS proved it.

    `identity` is what the listener is configured to read from the certificate (SAN URI, SAN DNS or subject);
    `thumbprint` is `x5t#S256` of RFC 8705 section 3.1; both are None without a client certificate.
    """

    address: str
    identity: str | None = None
    thumbprint: str | None = None


class Principal(msgspec.Struct, frozen=True):
    """The calling service as its token and certificate proved it, and the tenant of ours that it acts for."""

    subject: str
    client_id: str
    tenant: str
    scopes: frozenset[str]


class Request(msgspec.Struct, frozen=True):
    """A request as it came over the wire: `path` and `query` are raw and never decoded on the way.

    `query` is without its question mark, empty where nothing follows that, and None where there is none.
    `read(limit)` returns the whole body, at most `limit` bytes, else raises BodyTooLarge; `stream()` yields it in
    pieces. Either may be used once.
    """

    method: str
    path: str
    query: str | None
    headers: HeaderMap
    peer: Peer
    read: Callable[[int], Awaitable[bytes]]
    stream: Callable[[], AsyncIterator[bytes]]
    has_body: bool = False


class Response(msgspec.Struct, frozen=True):
    """An answer to the caller. A streamed body is an iterator of bytes; the door closes it in every case."""

    status: int
    headers: Headers
    body: bytes | AsyncIterator[bytes]


class Grant(msgspec.Struct, frozen=True):
    """One account under one consent: ours to the bank's.

    `numbers` are the account's own identifications, `basis` is what its id was made of (`id_basis` of the contract).
    """

    account_id: str
    resource_id: str
    currency: str | None = None
    numbers: tuple[str, ...] = ()
    basis: str = "identification"


class Consent(msgspec.Struct, frozen=True):
    """What a PSU allowed at one bank, as far as a call needs it; `bank_consent_id` is the bank's own name for it."""

    id: str
    tenant: str
    bank: str
    bank_consent_id: str | None = None
    psu_reference: str | None = None


class ConsentStore(Protocol):
    """Where consents, their grants and credentials are found."""

    async def find(self, tenant: str, consent_id: str) -> Consent | None:
        """A usable consent of a tenant; another tenant's is None. Raises ConsentExpired for one that has ended."""
        ...

    async def grants(self, consent: Consent) -> Mapping[str, Grant]:
        """Account id -> grant, as far as known."""
        ...

    async def learn(self, consent: Consent, grants: tuple[Grant, ...]) -> None:
        """Keeps what a list of accounts told; replaces what was known of the same accounts."""
        ...

    async def access_token(self, consent: Consent) -> str:
        """A token that the bank takes for this consent. Raises AuthenticationDue when there is none."""
        ...


class RouteFacts(msgspec.Struct, frozen=True):
    """What filters and handlers may know of the route that matched.

    `name` is the policy's, `template` the path template (`http.route` of OpenTelemetry's conventions), `timeout` the
    seconds that the route's deadline allows, `body_limit` the bytes a body may have.
    """

    name: str
    method: str
    template: str
    operation: str | None
    timeout: float
    body_limit: int


class Attempt(msgspec.Struct, gc=False):
    """One sending of one request to a bank or upstream: a client span in the making. Times are time.time_ns().

    `status` is 0 and `error` set where no answer came; `resend` is `http.request.resend_count`.
    """

    target: str
    operation: str
    method: str
    url: str
    span_id: str
    request_id: str
    resend: int
    started: int
    ended: int = 0
    status: int = 0
    error: str | None = None


class MappingRecord(msgspec.Struct, gc=False):
    """What a mapping did with one document: name@version, counts of records, and what was unknown or left out.

    `events` are (reason, field) pairs without any value of the bank.
    """

    mapping: str
    normalised: int
    left_out: int
    events: tuple[tuple[str, str], ...] = ()


class CallRecord(msgspec.Struct):
    """What happened in one call; grows while the call lasts, read once by telemetry when it ends.

    `trace_id` and `span_id` are lower-case hex (W3C Trace Context); `parent_id` is the caller's span or empty.
    `consent_hash` is a keyed hash, never the consent id. `limits_unshared` is what a rate limit did without the store
    that it is shared through: `local`, `open` or `closed`.
    """

    trace_id: str
    span_id: str
    parent_id: str
    trace_state: str
    sampled: bool
    started: int
    interaction_id: str = ""
    route: RouteFacts | None = None
    principal: Principal | None = None
    bank: str = ""
    dialect: str = ""
    consent_hash: str = ""
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    mappings: list[MappingRecord] = msgspec.field(default_factory=list)
    problem: str | None = None
    limited_by: str | None = None
    limits_unshared: str | None = None
    cached: bool = False


class Exchange(msgspec.Struct, frozen=True):
    """One call on its way through the filters; `deadline` is on the event loop's clock (seconds)."""

    request: Request
    route: RouteFacts
    parameters: Mapping[str, str]
    deadline: float
    record: CallRecord
    principal: Principal | None = None
    consent: Consent | None = None
    psu: Psu | None = None


CallNext: TypeAlias = Callable[[Exchange], Awaitable[Response]]
Filter: TypeAlias = Callable[[Exchange, CallNext], Awaitable[Response]]
Handler: TypeAlias = Callable[[Exchange], Awaitable[Response]]


class Outgoing(msgspec.Struct, frozen=True):
    """A request on its way to a bank, with what the path to the bank must know of the call it serves.

    `deadline` is on the event loop's clock; `resend` counts the sendings before this one.
    """

    request: BankRequest
    operation: str
    deadline: float
    record: CallRecord
    resend: int = 0


Send: TypeAlias = Callable[[Outgoing], Awaitable[BankResponse]]
"""How a bank is reached; every part of the way (circuit, limit, retry, signing) is `Send -> Send`."""
