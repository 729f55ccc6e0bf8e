"""Reads a list at a bank: asks its adapter, follows empty pages, maps, filters by what was asked, seals the cursor."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.banks.origins import UrlRefused
from gateway.calls.accounts import find_grant
from gateway.calls.catalogue import Catalogue, build_catalogue
from gateway.calls.cursors import Continuation, Cursors, ends
from gateway.calls.desk import Desk
from gateway.calls.query import Query, read_query
from gateway.contract import BankCall, Clock, Document, Operation
from gateway.dialogue import drive
from gateway.errors import GatewayFault, NotFound
from gateway.exchange import Consent, ConsentStore, Exchange, Grant, Handler, MappingRecord, Response
from gateway.mapping.pages import Incomplete, MappingCall, instant
from gateway.mapping.records import MappedPage
from gateway.secrets import Sealer

MOST_EMPTY_PAGES = 5
_HEADERS = (("Content-Type", "application/json"),)
_NOTHING = Incomplete(0, (), (), 0, None)
_LISTS: tuple[tuple[Operation, tuple[str, ...], bool], ...] = (
    ("accounts.list", ("cursor",), False),
    ("balances.list", ("cursor",), True),
    ("transactions.list", ("from", "to", "status", "cursor"), True),
)


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the operations stand on; `new_id` makes a UUID."""

    desks: Mapping[str, Desk]
    catalogue: Catalogue
    consents: ConsentStore
    sealer: Sealer
    clock: Clock
    new_id: Callable[[], str]


class Reading(msgspec.Struct, frozen=True):
    """One list being read: who asks, at which desk, under which consent, about which account."""

    exchange: Exchange
    desk: Desk
    consent: Consent
    operation: Operation
    grant: Grant | None
    query: Query
    equals: dict[str, int]


class Reader:
    """Carries out one page of a list at a bank."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.cursors = Cursors(parts.sealer)

    async def page(self, reading: Reading, next_url: str | None) -> tuple[MappedPage, str | None]:
        """The next page that has records, and the URL of the one after it.

        Raises what the bank's adapter and mapping raise.
        """
        for _ in range(MOST_EMPTY_PAGES):
            page = await self._one(reading, next_url)
            if page.next is None:
                return page, None
            gap, link = self._checked(reading.desk, page.next, page.document_url)
            if link == next_url:  # a page that names itself as the next would be read for ever
                gap = gap or "next_link_malformed"
            if gap is not None:
                return _with_gap(page, gap), None
            if page.records or page.incomplete is not None:
                return page, link
            next_url = link
        return _with_gap(page, "too_many_empty_pages"), None

    async def _one(self, reading: Reading, next_url: str | None) -> MappedPage:
        parts, desk, exchange = self._parts, reading.desk, reading.exchange
        now = parts.clock()
        call = BankCall(
            operation=reading.operation,
            bank=desk.profile,
            access_token=await parts.consents.access_token(reading.consent),
            bank_consent_id=reading.consent.bank_consent_id,
            account=reading.grant.resource_id if reading.grant else None,
            from_date=reading.query.from_date,
            to_date=reading.query.to_date,
            status=reading.query.status,
            next_url=next_url,
            psu=exchange.psu,
            interaction_id=exchange.record.interaction_id or parts.new_id(),
            now=now,
            new_id=parts.new_id,
        )
        dialogue = desk.conduct(reading.operation)(call)
        document = await drive(dialogue, desk.send, reading.operation, exchange.deadline, exchange.record)
        mapping = desk.mapping(reading.operation, document.form)
        page = mapping.run(document.body, document.headers, self._mapping_call(reading, document, instant(now)))
        self._tell(exchange, page)
        link = document.next or page.next
        return replace(page, records=_asked(page, reading.query), next=link, document_url=document.url)

    def _mapping_call(self, reading: Reading, document: Document, now: str) -> MappingCall:
        profile, grant, query = reading.desk.profile, reading.grant, reading.query
        return MappingCall(
            tenant=reading.consent.tenant,
            bank=profile.name,
            bank_title=profile.title,
            bank_bic=profile.bic,
            fetched_at=now,
            raw_ref=document.request_id,
            account_id=grant.account_id if grant else None,
            resource_id=grant.resource_id if grant else None,
            currency=grant.currency if grant else None,
            numbers=frozenset(grant.numbers) if grant else frozenset(),
            from_date=query.from_date,
            to_date=query.to_date,
            status=query.status,
            basis=grant.basis if grant else "identification",
            equals=reading.equals,
        )

    def _checked(self, desk: Desk, link: str, document_url: str) -> tuple[str | None, str | None]:
        """The gap that a link leaves, or the absolute URL within the bank that it is."""
        try:
            url = desk.dialect.next_url(desk.profile, link, document_url)
        except ValueError:
            return "next_link_malformed", None
        try:
            return None, desk.origins.normalise(url)
        except UrlRefused:
            return "next_link_outside_bank", None

    def _tell(self, exchange: Exchange, page: MappedPage) -> None:
        incomplete = page.incomplete
        events: tuple[tuple[str, str], ...] = ()
        if incomplete is not None:
            events = tuple((review.reason, review.field or "") for review in incomplete.reviews[:20])
            events += tuple(("unknown_value", note.field) for note in incomplete.unknown[:20])
        left_out = incomplete.left_out if incomplete else 0
        exchange.record.mappings.append(MappingRecord(page.mapping, len(page.records), left_out, events))


def build_operations(parts: Parts) -> dict[str, Handler]:
    """The handler of every operation of the contract."""
    reader = Reader(parts)
    handlers: dict[str, Handler] = {
        operation: _list(parts, reader, operation, allowed, of_account=of_account)
        for operation, allowed, of_account in _LISTS
    }
    handlers["accounts.get"] = _account(parts, reader)
    handlers.update(build_catalogue(parts.catalogue))
    return handlers


def _list(parts: Parts, reader: Reader, operation: Operation, allowed: tuple[str, ...], *, of_account: bool) -> Handler:
    async def handler(exchange: Exchange) -> Response:
        query = read_query(exchange.request.query, allowed)
        desk, consent = _desk(parts, exchange)
        now, next_url, equals = parts.clock(), None, {}
        current = desk.mapping(operation, "").name
        if query.cursor is not None:
            continuation = reader.cursors.unseal(exchange, query, current, now)
            query, next_url, equals = continuation.query, continuation.url, continuation.equals
        grant = None
        if of_account:
            wanted = exchange.parameters["account_id"]
            grant = await find_grant(parts.consents, consent, wanted, _refill(reader, exchange, desk, consent))
        page, link = await reader.page(Reading(exchange, desk, consent, operation, grant, query, equals), next_url)
        if page.grants:
            await parts.consents.learn(consent, page.grants)
        cursor = None
        if link is not None:
            going_on = Continuation(link, current, ends(now), replace(query, cursor=None), page.equals)
            cursor = reader.cursors.seal(exchange, going_on)
            page = page if cursor else _with_gap(page, "next_link_malformed")
        return Response(200, _HEADERS, page.render(cursor))

    return handler


def _account(parts: Parts, reader: Reader) -> Handler:
    async def handler(exchange: Exchange) -> Response:
        read_query(exchange.request.query, ())
        desk, consent = _desk(parts, exchange)
        wanted = exchange.parameters["account_id"]
        grant = await find_grant(parts.consents, consent, wanted, _refill(reader, exchange, desk, consent))
        reading = Reading(exchange, desk, consent, "accounts.get", grant, read_query("", ()), {})
        next_url: str | None = None
        for _ in range(MOST_EMPTY_PAGES):
            page, next_url = await reader.page(reading, next_url)
            found = [record for record in page.records if record.id == wanted]
            if found or (page.incomplete is not None and page.incomplete.left_out):
                return Response(200, _HEADERS, replace(page, records=found).render(None))
            if next_url is None:
                break
        raise NotFound("The consent has no such account any more.")

    return handler


def _desk(parts: Parts, exchange: Exchange) -> tuple[Desk, Consent]:
    consent = exchange.consent
    if consent is None:
        raise GatewayFault("The route of this operation does not look up a consent.")
    desk = parts.desks.get(consent.bank)
    if desk is None:
        raise NotFound("The bank of this consent is not served here.")
    exchange.record.bank, exchange.record.dialect = desk.profile.name, desk.profile.dialect
    return desk, consent


def _refill(reader: Reader, exchange: Exchange, desk: Desk, consent: Consent) -> Callable[[], Any]:
    """Reads the whole list of accounts, page by page; the grants that it tells."""

    async def refill() -> tuple[Grant, ...]:
        reading = Reading(exchange, desk, consent, "accounts.list", None, read_query("", ()), {})
        grants: list[Grant] = []
        next_url: str | None = None
        for _ in range(MOST_EMPTY_PAGES):
            page, next_url = await reader.page(reading, next_url)
            grants += page.grants
            if next_url is None:
                break
        return tuple(grants)

    return refill


def _with_gap(page: MappedPage, gap: str) -> MappedPage:
    return replace(page, incomplete=replace(page.incomplete or _NOTHING, gap=gap))


def _asked(page: MappedPage, query: Query) -> list[Any]:
    """The records that the caller asked for: banks are asked for a little more, or take no such parameter."""
    everything = query.from_date is None and query.to_date is None and query.status in {None, "all"}
    if everything or page.plural != "transactions":
        return page.records
    first = query.from_date.isoformat() if query.from_date else "0000"
    last = query.to_date.isoformat() if query.to_date else "9999-12-31"
    kept = []
    for record in page.records:
        day = record.booked_on or record.expected_on or record.value_on
        if (day is None or first <= day <= last) and query.status in {None, "all", record.status}:
            kept.append(record)
    return kept
