"""How one bank writes values: amounts, absent fields, ids and links, in its quirks."""

import hashlib
from decimal import Decimal
from typing import Any, TypeAlias

from gateway.simulator.configuration import Quirks
from gateway.simulator.ledger import Entry
from gateway.simulator.received import Visit

Document: TypeAlias = dict[str, Any]

_SUFFIXES = {"card": ")))", "transfer_in": "CR", "salary": "CR", "direct_debit": "DD", "interest": "#%"}


def amount(quirks: Quirks, value: Decimal, position: int = 0) -> str | Decimal:
    """A decimal as text, or as a JSON number where the bank writes numbers; `mixed` banks write both in one list."""
    if quirks.amounts == "number" or (quirks.amounts == "mixed" and position % 2):
        return value
    text = f"{value:,f}" if quirks.thousands_separator else f"{value:f}"
    if quirks.shortest_decimals and "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"+{text}" if quirks.explicit_plus and value > 0 else text


def stated(quirks: Quirks, members: Document) -> Document:
    """The members as the bank writes them when some have no value (None)."""
    if quirks.absent == "omitted":
        return {name: value for name, value in members.items() if value is not None}
    if quirks.absent == "empty":
        return {name: "" if value is None else value for name, value in members.items()}
    return members


def transaction_id(visit: Visit, entry: Entry) -> str | None:
    """The bank's id of a row. A plain one is a digest; odd ones hold what breaks URLs and logs."""
    assert visit.account is not None
    quirks, serial = visit.bank.quirks, entry.serial
    if quirks.pending_ids_change and entry.status == "pending":
        serial = f"P{serial}"
    match quirks.transaction_ids:
        case "none":
            return None
        case "none_for_cards" if entry.kind == "card":
            return None
        case "placeholder_for_cards" if entry.kind == "card":
            return "NOTPROVIDED"
        case "odd":
            return f"{serial}+{abs(entry.money.value) * 100:06.0f}H {_SUFFIXES.get(entry.kind, 'BP')}"
        case _:
            return hashlib.sha256(f"{visit.account.id}/{serial}".encode()).hexdigest()[:24]


def link(visit: Visit, resource: str, query: str = "") -> str:
    """A link to a resource below the bank's base path, in the form that the bank writes."""
    base = visit.bank.base_path
    tail = f"{resource}?{query}" if query else resource
    match visit.bank.quirks.links:
        case "absolute":
            return f"{visit.received.origin}{base}{tail}"
        case "path":
            return f"{base}{tail}"
        case "below_base":
            return tail
