"""What is asked, and how: addresses, headers and the query.

NextGenPSD2 1.3.11, sections 4 (headers) and 6 (account information). Every request is a GET, which can do nothing
twice. A card account's id has `card-accounts/` before the bank's own (the mappings make it so), and leads there.
"""

import email.utils
from collections.abc import Iterator
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from adapters.berlin_group.deviations import SPECIFICATION, Deviations, Kind
from adapters.days import shifted
from gateway.contract import BankCall, BankProfile, BankRequest
from gateway.errors import BankRefused

ACCOUNTS, CARDS = "accounts", "card-accounts"
_SNAKE = {"bookingStatus": "booking_status", "dateFrom": "date_from", "dateTo": "date_to"}
# The best first: what tells most of what was asked for, and the least beside it.
_KINDS: dict[str, tuple[Kind, ...]] = {
    "all": ("all", "both", "booked"),
    "booked": ("booked", "both", "all"),
    "pending": ("pending", "both", "all"),
}


def deviations(bank: BankProfile) -> Deviations:
    """Where this bank strays from the standard."""
    return bank.deviations if isinstance(bank.deviations, Deviations) else SPECIFICATION


def build_request(call: BankCall) -> BankRequest:
    """The one request of an operation: its first page, or the page that the call goes on with.

    Raises BankRefused where the bank has no list of what is asked for.
    """
    return BankRequest(method="GET", url=call.next_url or _url(call), headers=_headers(call), repeatable=True)


def list_url(bank: BankProfile, collection: str, *, with_balance: bool | None = None) -> str:
    """The first page of accounts or card accounts."""
    settings = deviations(bank)
    query = []
    if with_balance is not None and collection == ACCOUNTS:
        query.append(("withBalance", str(with_balance).lower()))
    return _with_query(f"{_base(bank, collection, ACCOUNTS)}/{collection}", [*query, *_first_page(settings)])


def _url(call: BankCall) -> str:
    settings = deviations(call.bank)
    collection, resource = _place(call)
    if call.operation == "accounts.list":
        return list_url(call.bank, collection, with_balance=settings.with_balance)
    if call.operation == "accounts.get":
        if settings.account_resource:
            return f"{_base(call.bank, collection, ACCOUNTS)}/{collection}/{resource}"
        return list_url(call.bank, collection, with_balance=settings.with_balance)
    if call.operation == "balances.list":
        if settings.balances_in_accounts:
            return list_url(call.bank, collection, with_balance=True)
        under = settings.card_balances if collection == CARDS else collection
        return f"{_base(call.bank, under, 'balances')}/{under}/{resource}/balances"
    rows = f"{_base(call.bank, collection, 'transactions')}/{collection}/{resource}/transactions"
    return _with_query(rows, [*_period(call, settings), *settings.transactions_query.items(), *_first_page(settings)])


def _place(call: BankCall) -> tuple[str, str]:
    """The collection that a call is about, and the account's id in a path's spelling."""
    if call.operation == "accounts.list":
        return (CARDS if deviations(call.bank).card_accounts == "only" else ACCOUNTS), ""
    assert call.account is not None, "the engine names the account of every other operation"
    collection, slash, resource = call.account.partition("/")
    if collection != CARDS or not slash:
        collection, resource = ACCOUNTS, call.account
    return collection, quote(resource, safe="")


def _base(bank: BankProfile, collection: str, group: str) -> str:
    """The base URL of a resource: cards may have one for all of theirs (`cards`)."""
    return bank.base_url("cards" if collection == CARDS and "cards" in bank.base_urls else group)


def _with_query(url: str, query: list[tuple[str, str]]) -> str:
    return f"{url}?{urlencode(query, quote_via=quote)}" if query else url


def _first_page(settings: Deviations) -> Iterator[tuple[str, str]]:
    if settings.counted_pages is not None:
        yield from (("offset", "1"), ("limit", str(settings.counted_pages.size)))


def _period(call: BankCall, settings: Deviations) -> Iterator[tuple[str, str]]:
    """Days of the bank's calendar and the kind of rows; `dateFrom` and `bookingStatus` are required."""
    spelt = _SNAKE if settings.query_style == "snake" else {}
    today = call.now.astimezone(ZoneInfo(call.bank.zone)).date()
    first = call.from_date or shifted(min(today, call.to_date or today), -settings.history_days)
    if settings.date_from:
        yield spelt.get("dateFrom", "dateFrom"), first.isoformat()
    last = call.to_date or (today if settings.date_to == "required" else None)
    if last is not None and settings.date_to != "refused":
        yield spelt.get("dateTo", "dateTo"), shifted(last, 0 if settings.date_to_included else 1).isoformat()
    kind = _kind(call, settings)
    if kind is not None:
        yield spelt.get("bookingStatus", "bookingStatus"), kind


def _kind(call: BankCall, settings: Deviations) -> Kind | None:
    taken = settings.booking_statuses
    if not taken:
        return None
    for kind in _KINDS[call.status or "all"]:
        if kind in taken:
            return kind
    raise BankRefused(f"The bank has no list of transactions that are {call.status or 'booked'}.")


def _headers(call: BankCall) -> tuple[tuple[str, str], ...]:
    bank, settings = call.bank, deviations(call.bank)
    transactions = call.operation == "transactions.list" and settings.accept_transactions
    headers = [("X-Request-ID", call.new_id()), ("Accept", transactions or settings.accept)]
    if settings.content_type is not None:
        headers.append(("Content-Type", settings.content_type))
    if settings.date_header is not None:
        written = email.utils.format_datetime(call.now, usegmt=True)
        headers.append(("Date", written.removesuffix("GMT") + settings.date_header))
    if settings.client_id_header is not None and bank.client_id is not None:
        headers.append((settings.client_id_header, bank.client_id))
    if call.psu is not None:
        # There if and only if the person is: without it the bank counts against `frequencyPerDay`.
        headers.append(("PSU-IP-Address", call.psu.ip_address))
        if call.psu.user_agent is not None:
            headers.append(("PSU-User-Agent", call.psu.user_agent))
    own = {name.lower() for name, _ in bank.headers}
    headers = [(name, value) for name, value in headers if name.lower() not in own] + [*bank.headers]
    return (*headers, *_credentials(call, settings))


def _credentials(call: BankCall, settings: Deviations) -> Iterator[tuple[str, str]]:
    if settings.credential_header is not None:
        bearer = "Bearer " if settings.credential_header.lower() == "authorization" else ""
        yield settings.credential_header, bearer + call.access_token
    if settings.consent_header and call.bank_consent_id is not None:
        yield "Consent-ID", call.bank_consent_id
