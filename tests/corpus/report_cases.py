"""The expected results of the other project, whole Berlin Group reports in its own model, as cases of the common form.

Its model keeps the standard's field names and the bank's amounts, signed or not: amounts are compared absolute, and a
direction only where a minus is written. A recording for any account is taken for the first one. What is expected and
has no place in the common form becomes the field `document`, which an exclusion must name.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from tests.corpus.cases import Case, read_pages

Json: TypeAlias = Mapping[str, Any]

_KINDS = ("accounts", "balances", "transactions")
_ACCOUNT_FIELDS = {
    "resourceId": "accountId",
    "currency": "currency",
    "iban": "identification",
    "bic": "bic",
    "name": "name",
    "ownerName": "holderName",
    "product": "detail.product",
    "cashAccountType": "detail.cashAccountType",
    "status": "detail.status",
    "usage": "detail.usage",
}
_ROW_FIELDS = (
    "bookingDate",
    "valueDate",
    "endToEndId",
    "mandateId",
    "creditorId",
    "creditorName",
    "debtorName",
    "ultimateCreditor",
    "ultimateDebtor",
    "bankTransactionCode",
    "proprietaryBankTransactionCode",
    "remittanceInformationUnstructured",
    "remittanceInformationStructured",
    "additionalInformation",
)


def read_report_cases(corpus: Path) -> Iterator[Case]:
    """Yields a case per conversation: one a bank, two where the same was recorded with and without a redirect."""
    for folder in sorted((corpus / "expected").glob("*/ais")):
        bank = folder.parent.name
        standard = corpus / "recorded" / bank / "berlin-group"
        for number, suffix in enumerate(("", "-redirect")):
            documents = {kind: _read(folder, kind, suffix) for kind in _KINDS}
            if any(documents.values()):
                below = [f"ais-get-{kind}{suffix}.json" for kind in _KINDS]
                pages = tuple(read_pages(standard, below))
                yield Case(f"{bank}/ais", number, bank, standard.name, _accounts(documents), None, pages)
        others = [
            path for path in sorted(folder.glob("*.json")) if path.stem.startswith((f"{bank[5:]}-trans", "trans"))
        ]
        if others:
            unrecorded = [{"find": {"position": 0}, "document": path.name} for path in others]
            yield Case(f"{bank}/ais", 2, bank, standard.name, unrecorded, None, ())


def _read(folder: Path, kind: str, suffix: str) -> Any:
    for path in (folder / f"get-{kind}{suffix}.json", folder / f"get-{kind}{suffix}" / "response-body.json"):
        if path.is_file():
            document = json.loads(path.read_text(), parse_float=Decimal)
            return document["response"]["body"] if "response" in document else document
    return None


def _accounts(documents: Mapping[str, Any]) -> Sequence[Json]:
    listed = (documents["accounts"] or {}).get("accounts", [])
    accounts: list[dict[str, Any]] = [_account(position, account) for position, account in enumerate(listed)]
    if not accounts:
        accounts = [{"find": {"position": 0}, "detail": {}}]
    first = accounts[0]
    balances, report = documents["balances"], documents["transactions"]
    if balances is not None:
        rows = balances["balances"]
        first["detail"]["balances.count"] = len(rows)
        for position, balance in enumerate(rows):
            flat = {"balanceAmount.currency": balance["balanceAmount"]["currency"]}
            flat["balanceAmount.amount"] = str(balance["balanceAmount"]["amount"])
            flat |= {name: value for name, value in balance.items() if name != "balanceAmount"}
            first["detail"] |= {f"balances[{position}].{name}": value for name, value in flat.items()}
    if isinstance(report, dict):
        lists = report.get("transactions", {})
        rows = [(row, status) for status in ("booked", "pending") for row in lists.get(status, ())]
        first["transactionsCount"] = len(rows)
        first["transactions"] = [_row(position, row, status) for position, (row, status) in enumerate(rows)]
        if "balances" in report:
            first["document"] = "balances of the report"
    elif report is not None:
        first["document"] = "the report as the bank wrote it"
    return accounts


def _account(position: int, account: Json) -> dict[str, Any]:
    known = {_ACCOUNT_FIELDS[name]: value for name, value in account.items() if name in _ACCOUNT_FIELDS}
    expected: dict[str, Any] = {"find": {"position": position}, "detail": {}}
    for field, value in known.items():
        if field.startswith("detail."):
            expected["detail"][field.removeprefix("detail.")] = value
        else:
            expected[field] = value
    others = account.keys() - _ACCOUNT_FIELDS.keys()
    return expected | {f"document.{name}": "" for name in sorted(others)}


def _row(position: int, row: Json, status: str) -> Json:
    amount = str(row["transactionAmount"]["amount"])
    detail = {name: row[name] for name in _ROW_FIELDS if name in row}
    detail["transactionAmount.currency"] = row["transactionAmount"]["currency"]
    for side in ("creditorAccount", "debtorAccount"):
        if side in row:
            detail[f"{side}.value"] = row[side].get("iban") or row[side].get("bban")
    expected = {"find": {"position": position}, "amount": amount, "status": status.upper(), "detail": detail}
    if amount.startswith("-"):
        expected["direction"] = "DEBIT"
    if "transactionId" in row:
        expected["externalId"] = row["transactionId"]
    others = row.keys() - {*_ROW_FIELDS, "transactionAmount", "transactionId", "creditorAccount", "debtorAccount"}
    return expected | {f"document.{name}": "" for name in sorted(others)}
