"""Reads camt.052, camt.053 and camt.054 (ISO 20022, any version) into JSON that a mapping reads: the form `camt`.

    {"Ntry": [{"Amt": {"value": "12.30", "Ccy": "EUR"}, "CdtDbtInd": "DBIT", ..., "TxDtls": {...}, "NbOfTxs": "1"}]}

Elements keep ISO's names; what has an attribute `Ccy` is an object of it and `value`; an empty element is left out; of
an element that stands twice the first is kept, but for `Ustrd`, `Strd` and `Chrgs`, which are lists. All entries of all
reports stand in one list. `TxDtls` is there where an entry has exactly one transaction: the parts of a batch are no
entries, `NbOfTxs` counts them. `Chrgs` are the records of charges of the entry, else of its transaction.
"""

import json
from collections.abc import Iterator
from typing import Any

from lxml import etree

from gateway.errors import BankNonsense

# The first version's names end in V01.
_MESSAGES = frozenset(
    f"{name}{version}"
    for name in ("BkToCstmrAcctRpt", "BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn")
    for version in ("", "V01")
)
_ENTRIES = frozenset({"Ntry"})
_LISTS = frozenset({"Ustrd", "Strd"})
_ANY = "{*}"


def read_camt(body: bytes) -> bytes:
    """The JSON of a camt message. Raises BankNonsense for what is none, or declares a document type."""
    # Entities are never resolved, no DTD is loaded, nothing is fetched; sizes stay within libxml2's own bounds.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise BankNonsense("The bank's XML can not be read.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise BankNonsense("The bank's XML declares a document type, which is not read.")
    messages = list(_outermost(root, _MESSAGES))
    if not messages:
        raise BankNonsense("The bank's XML is no camt.05x message.")
    # One by one: to write all of them at once would let no other thread run meanwhile.
    entries = (_written(entry) for message in messages for entry in _outermost(message, _ENTRIES))
    return b'{"Ntry": [%b]}' % b", ".join(entries)


def _written(entry: Any) -> bytes:
    return json.dumps(_entry(entry), ensure_ascii=False).encode()


def _outermost(element: Any, names: frozenset[str]) -> Iterator[Any]:
    """Elements of these names, but for those inside another: nested ones would be read once for every level."""
    waiting = [element]
    while waiting:
        here = waiting.pop()
        if _name(here) in names:
            yield here
        else:
            waiting.extend(reversed(here))


def _name(element: Any) -> str:
    """Without its namespace: whatever the version calls it."""
    name: str = element.tag.rpartition("}")[2]
    return name


def _entry(element: Any) -> dict[str, Any]:
    entry: dict[str, Any] = _object(element, without=("NtryDtls", "TxDtls", "Btch", "Chrgs"))
    transactions = list(element.iter(_ANY + "TxDtls"))
    counted = next((found.text or "" for found in element.iter(_ANY + "NbOfTxs")), "").strip()
    if len(transactions) > 1 or counted:
        entry["NbOfTxs"] = str(len(transactions)) if len(transactions) > 1 else counted
    charges = _charges(element)
    if len(transactions) == 1 and counted in {"", "1"}:
        entry["TxDtls"] = _object(transactions[0], without=("Chrgs",))
        charges = charges or _charges(transactions[0])
    if charges:
        entry["Chrgs"] = charges
    return entry


def _charges(element: Any) -> list[Any]:
    """Each charge: up to version 3 a `Chrgs` of its own, then a record in the one `Chrgs`."""
    found = element.findall(f"{_ANY}Chrgs/{_ANY}Rcrd") or element.findall(f"{_ANY}Chrgs")
    return [charge for charge in map(_object, found) if "Amt" in charge]


def _object(element: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for child in element:
        name = _name(child)
        if name in without or (name in out and name not in _LISTS):
            continue
        value = _value(child)
        if value is None:
            continue
        if name in _LISTS:
            out.setdefault(name, []).append(value)
        else:
            out.setdefault(name, value)
    return out


def _value(element: Any) -> str | dict[str, Any] | None:
    if len(element):
        return _object(element) or None
    text = (element.text or "").strip()
    if not text:
        return None
    currency = element.get("Ccy")
    return {"value": text, "Ccy": currency} if currency else text
