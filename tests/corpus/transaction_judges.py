"""For each expected field of a transaction: whether the record agrees."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from tests.corpus.comparison import (
    SCHEMES,
    Facts,
    Tally,
    date_in,
    day_of,
    first_date_in,
    read_amount,
    read_decimal,
    same,
)
from tests.corpus.walk import ReadRecord

TransactionJudge: TypeAlias = Callable[[ReadRecord, Any, Facts], bool]

_STATUSES = {"BOOKED": "booked", "PENDING": "pending"}


def _reference(name: str) -> TransactionJudge:
    return lambda t, v, _: same((t.record.get("references") or {}).get(name), v)


def _is_external(row: ReadRecord, wanted: str | None, _: Facts) -> bool:
    """The id that the contract's was made from; where the bank gave none, a reference may have been taken for one."""
    if row.record.get("id_basis") != "derived":
        return row.bank_id == wanted
    references = (row.record.get("references") or {}).values()
    return wanted is None or any(same(one, wanted) for one in references if one is not None)


def _is_entry(row: ReadRecord, wanted: str | None, facts: Facts) -> bool:
    return _reference("servicer")(row, wanted, facts) or row.bank_id == wanted


def _is_named(row: ReadRecord, wanted: str | None, _: Facts) -> bool:
    return same((row.record.get("counterparty") or {}).get("name"), wanted)


def _is_ultimate(row: ReadRecord, wanted: str | None, _: Facts) -> bool:
    return same((row.record.get("ultimate") or {}).get("name"), wanted)


def _other_side(row: ReadRecord, schemes: tuple[str, ...]) -> list[str]:
    given = (row.record.get("counterparty") or {}).get("identifications") or ()
    return [one["value"] for one in given if not schemes or one["scheme"] in schemes]


def _is_with(row: ReadRecord, wanted: str | None, _: Facts) -> bool:
    found = _other_side(row, ())
    return not found if wanted is None else any(same(one, wanted) for one in found)


def _is_with_scheme(row: ReadRecord, wanted: str, _: Facts) -> bool:
    return wanted in SCHEMES and bool(_other_side(row, (SCHEMES[wanted],)))


def _is_direction(row: ReadRecord, wanted: str, _: Facts) -> bool:
    amount = read_amount(row.record)
    return amount is not None and wanted == ("DEBIT" if amount < 0 else "CREDIT")


def _is_amount(row: ReadRecord, wanted: str | None, _: Facts) -> bool:
    amount = read_amount(row.record)
    return amount is not None and wanted is not None and abs(amount) == abs(Decimal(wanted))


def _has_code(row: ReadRecord, wanted: str | None, _: Facts) -> bool:
    code = row.record.get("code") or {}
    domain = "-".join(filter(None, (code.get(part) for part in ("domain", "family", "subfamily"))))
    return any(same(one, wanted) for one in (domain, code.get("proprietary")))


def _has_text(row: ReadRecord, wanted: str | None, _: Facts) -> bool:
    remittance = row.record.get("remittance") or {}
    unstructured, structured = remittance.get("unstructured") or (), remittance.get("structured") or ()
    joined = [" ".join(map(str, unstructured)), " ".join(map(str, structured)), remittance.get("additional")]
    texts = [*unstructured, *structured, *filter(None, joined)]
    return any(same(text, wanted) for text in (*texts, *_names(row))) if wanted is not None else not texts


def _names(row: ReadRecord) -> list[str]:
    names = [(row.record.get(part) or {}).get("name") for part in ("merchant", "counterparty")]
    return [name for name in names if name]


def _has_merchant(row: ReadRecord, wanted: str | None, _: Facts) -> bool:
    if wanted is None:
        return not (row.record.get("merchant") or {}).get("name")
    return any(same(name, wanted) for name in _names(row))


TRANSACTION: Mapping[str, tuple[Tally, TransactionJudge]] = {
    "externalId": ("values", _is_external),
    "detail.entryReference": ("values", _is_entry),
    "amount": ("values", _is_amount),
    "detail.transactionAmount.amount": ("values", lambda t, v, _: read_amount(t.record) == read_decimal(v)),
    "detail.transactionAmount.currency": (
        "values",
        lambda t, v, _: (t.record.get("amount") or {}).get("currency") == v,
    ),
    "direction": ("values", _is_direction),
    "status": ("values", lambda t, v, _: t.record.get("status") == _STATUSES.get(v)),
    "detail.status": ("values", lambda t, v, _: t.record.get("status") == _STATUSES.get(v)),
    "dateTime": ("values", lambda t, v, facts: first_date_in(t.record, facts.moment, facts) == day_of(v, facts)),
    "detail.bookingDate": (
        "values",
        lambda t, v, facts: first_date_in(t.record, ("booked_on", "expected_on"), facts) == day_of(v, facts),
    ),
    "detail.valueDate": ("values", lambda t, v, facts: date_in(t.record, "value_on", facts) == day_of(v, facts)),
    "detail.dateTime.zone": ("values", lambda _, v, facts: facts.zone.key == v),
    "detail.bookingDate.zone": ("values", lambda _, v, facts: facts.zone.key == v),
    "detail.valueDate.zone": ("values", lambda _, v, facts: facts.zone.key == v),
    "detail.endToEndId": ("values", _reference("end_to_end")),
    "detail.mandateId": ("values", _reference("mandate")),
    "detail.creditorId": ("values", _reference("creditor_id")),
    "detail.bankTransactionCode": ("values", _has_code),
    "detail.proprietaryBankTransactionCode": ("values", _has_code),
    **{f"detail.{side}Name": ("values", _is_named) for side in ("creditor", "debtor")},
    **{f"detail.ultimate{side}": ("values", _is_ultimate) for side in ("Creditor", "Debtor")},
    **{f"detail.{side}Account": ("values", _is_with) for side in ("creditor", "debtor")},
    **{f"detail.{side}Account.value": ("values", _is_with) for side in ("creditor", "debtor")},
    **{f"detail.{side}Account.type": ("values", _is_with_scheme) for side in ("creditor", "debtor")},
    "description": ("texts", _has_text),
    "merchant": ("texts", _has_merchant),
    "detail.remittanceInformationUnstructured": ("texts", _has_text),
    "detail.remittanceInformationStructured": ("texts", _has_text),
    "detail.additionalInformation": ("texts", _has_text),
}


def names_own_side(field: str, row: ReadRecord) -> bool:
    """Whether a field speaks of the account's own holder: the contract names only the other side."""
    side = re.match(r"detail\.(?:ultimate)?(creditor|debtor)(?:$|Name|Account)", field, re.IGNORECASE)
    amount = read_amount(row.record)
    return side is not None and amount is not None and (side[1].lower() == "debtor") == (amount < 0)
