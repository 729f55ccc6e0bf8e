"""The harness's own reading of a bank's page: how many records it holds, in which order, and the bank's id of each.

It shares nothing with the mappings that it checks: it only knows the few places where the dialects keep their records.
A position counts the records of these places in their order here: booked before pending before information.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal
from xml.etree import ElementTree as ET

import msgspec

Kind = Literal["accounts", "balances", "transactions"]

_PLACES = {
    "accounts": ("Data.Account", "accounts", "cardAccounts"),
    "balances": ("Data.Balance", "balances"),
    "transactions": (
        "Data.Transaction",
        "transactions",
        *(f"{list_}.{bucket}" for list_ in ("transactions", "cardTransactions") for bucket in ("booked", "pending")),
        *(f"transactions.{bucket}" for bucket in ("information", "info")),
    ),
}
_IDS = {
    "accounts": ("AccountId", "resourceId"),
    "balances": (),
    "transactions": ("TransactionId", "transactionId", "cardTransactionId", "entryReference", "resourceId"),
}
_ENTRIES = {"accounts": "Acct", "balances": "Bal", "transactions": "Ntry"}


class RawRecord(msgspec.Struct, frozen=True):
    """One record as the bank sent it; `bank_id` is None where the bank names none."""

    bank_id: str | None


def read_page(kind: Kind, body: bytes) -> tuple[RawRecord, ...]:
    """Lists the records of a page; an empty body has none. Raises ValueError for what is neither JSON nor XML."""
    if not body.strip():
        return ()
    if body.lstrip().startswith(b"<"):
        entries = ET.fromstring(body).iterfind(f".//{{*}}{_ENTRIES[kind]}")
        return tuple(RawRecord(_word(entry.findtext("{*}AcctSvcrRef"))) for entry in entries)
    document = json.loads(body, parse_float=Decimal)
    return tuple(_read(kind, row) for place in _PLACES[kind] for row in _rows(document, place))


def read_embedded_balances(body: bytes, account: str | None) -> int:
    """How many balances an accounts page holds inside one account; some banks have no other place for them."""
    document = json.loads(body) if body.strip() else None
    rows = [row for place in _PLACES["accounts"] for row in _rows(document, place) if isinstance(row, dict)]
    own = (row for row in rows if _read("accounts", row).bank_id == account)
    return sum(len(row.get(name) or ()) for row in own for name in ("balances", "balance"))


def _rows(document: Any, place: str) -> Iterator[Any]:
    for step in place.split("."):
        document = document.get(step) if isinstance(document, dict) else None
    if isinstance(document, list):
        yield from document


def _read(kind: Kind, row: Any) -> RawRecord:
    found = (_word(row.get(name)) for name in _IDS[kind]) if isinstance(row, dict) else ()
    return RawRecord(next(filter(None, found), None))


def _word(value: object) -> str | None:
    return str(value) if value not in (None, "", "NONREF", "NOTPROVIDED") else None
