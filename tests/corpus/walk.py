"""Carries the pages of a case through the mappings, and pairs each record that comes out with what went in.

The engine is called through one function, `run_mapping(operation, body, bank, call)`: the operation as
`<standard>/<operation>`, the bank's name or None, and the context of the call: `account_id` (the bank's), `account`
(the contract's record) and `embedded` (balances are to be read from an accounts page). It answers the contract's page
with, beside the records, `source_positions`: for each record its position among the page's records as the bank
ordered them. It raises PageRefused for a page that can not be read at all.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from tests.corpus.cases import Case, Page
from tests.corpus.readings import RawRecord, read_embedded_balances, read_page

RunMapping: TypeAlias = Callable[[str, bytes, str | None, Mapping[str, Any]], Mapping[str, Any]]

_OPERATIONS = {"accounts": "accounts.list", "balances": "balances.list", "transactions": "transactions.list"}


class PageRefused(Exception):
    """The mapping could not read the page as a whole."""


class ReadRecord(msgspec.Struct, frozen=True):
    """A record of the contract, and the id that the bank gave it."""

    record: Mapping[str, Any]
    bank_id: str | None


class ReadAccount(msgspec.Struct, frozen=True):
    """One account of a case with all that was read of it; `account` is None where the recording has no account list."""

    account: ReadRecord | None
    balances: tuple[ReadRecord, ...]
    transactions: tuple[ReadRecord, ...]


class PageCount(msgspec.Struct, frozen=True):
    """A page's records: what the harness counted in it, what the mapping answered, and why it was refused.

    `call` tells one reading from another: file, operation and the account it was for.
    """

    call: tuple[str, str, str | None]
    read: int
    normalised: int
    refused: str = ""


class Walk(msgspec.Struct, frozen=True):
    """A case after its walk."""

    accounts: tuple[ReadAccount, ...]
    counts: tuple[PageCount, ...]


def walk(case: Case, bank: str | None, run_mapping: RunMapping) -> Walk:
    """Reads accounts, then the balances and transactions of each, as a caller of the gateway would."""
    counts: list[PageCount] = []

    def read(pages: list[Page], call: Mapping[str, Any]) -> tuple[ReadRecord, ...]:
        return tuple(record for page in pages for record in _read(case, page, bank, call, run_mapping, counts))

    accounts: list[ReadRecord | None] = list(read(case.pages_of("accounts"), {}))
    if not case.pages_of("accounts") and case.pages:
        accounts = [None]
    answered = []
    for position, account in enumerate(accounts):
        account_id = account.bank_id if account else None
        call = {"account_id": account_id, "account": account.record if account else None}
        balances = case.pages_of("balances", account_id, first=position == 0)
        if not any(read_page("balances", page.body) for page in balances):
            balances = [msgspec.structs.replace(page, embedded=True) for page in case.pages_of("accounts")]
        transactions = read(case.pages_of("transactions", account_id, first=position == 0), call)
        answered.append(ReadAccount(account, read(balances, call), transactions))
    return Walk(tuple(answered), tuple(counts))


def _read(
    case: Case,
    page: Page,
    bank: str | None,
    call: Mapping[str, Any],
    run_mapping: RunMapping,
    counts: list[PageCount],
) -> Iterator[ReadRecord]:
    kind = "balances" if page.embedded else page.kind
    raw: tuple[RawRecord, ...] = () if page.embedded else read_page(kind, page.body)
    held = read_embedded_balances(page.body, call["account_id"]) if page.embedded else len(raw)
    if not page.body.strip() or (page.embedded and not held):
        return
    asked = (page.file, kind, call.get("account_id"))
    try:
        operation = f"{case.standard}/{_OPERATIONS[kind]}"
        answer = run_mapping(operation, page.body, bank, {**call, "embedded": page.embedded})
    except PageRefused as reason:
        counts.append(PageCount(asked, held, 0, str(reason)))
        return
    records = answer[kind]
    counts.append(PageCount(asked, held, len(records)))
    for record, position in zip(records, answer["source_positions"], strict=True):
        yield ReadRecord(record, raw[position].bank_id if position < len(raw) else None)
