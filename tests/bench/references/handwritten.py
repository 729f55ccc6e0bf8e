"""The bench's page mapped by hand in Python: orjson in, dictionaries, jsonschema-rs over the contract, orjson out.

Written as someone would who knows this one bank and wants it fast: tables instead of rules, a hash whose key is already
in it, what is common to all rows made once. A row that it does not know how to read raises ValueError.
"""

import hashlib
import json
import pathlib
import re
import uuid
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import orjson

STATUSES = {"Booked": "booked", "BOOK": "booked", "Pending": "pending", "PDNG": "pending"}
STATUSES |= {"Rejected": "rejected", "RJCT": "rejected", "INFO": "information", "FUTR": "future"}
DEBITS = {"Debit": True, "DBIT": True, "Credit": False, "CRDT": False}
BALANCES = {"ClosingAvailable": "CLAV", "ClosingBooked": "CLBD", "Expected": "XPCD", "ForwardAvailable": "FWAV"}
BALANCES |= {"InterimAvailable": "ITAV", "InterimBooked": "ITBD", "OpeningAvailable": "OPAV", "OpeningBooked": "OPBD"}
SCHEMES = {"UK.OBIE.SortCodeAccountNumber": "scan", "UK.OBIE.BBAN": "bban", "UK.OBIE.PAN": "pan_masked"}
IBAN = "UK.OBIE.IBAN"
NOTHING = frozenset(("", "NOTPROVIDED", "NOT PROVIDED", "null", None))
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}").fullmatch
_BLOCK = 64


class Reference:
    """One account information service of one bank; `shared` is what the gateway of the bench was told too."""

    def __init__(self, shared: dict[str, Any], validate: Callable[[Any], None]) -> None:
        key = bytes.fromhex(shared["id_key"]).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        self._bank, self._mapping = shared["bank"], shared["mapping"]
        self._zone = zoneinfo.ZoneInfo("Europe/London")
        self._validate = validate

    def answer(self, body: bytes, account_id: str) -> bytes:
        """The contract's page for the bank's. Raises ValueError."""
        document = orjson.loads(body)
        prefix = self._inner.copy()
        prefix.update(f"transaction\x1f{account_id}\x1fbank\x1f".encode())
        fetched_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        source = {
            "bank": self._bank,
            "mapping": self._mapping,
            "fetched_at": fetched_at,
            "raw_ref": str(uuid.uuid4()),
        }
        rows = [self._row(row, account_id, prefix, source) for row in document["Data"]["Transaction"]]
        page = {"transactions": rows, "incomplete": None, "next": document["Links"].get("Next")}
        self._validate(page)
        return orjson.dumps(page)

    def _row(self, row: dict[str, Any], account_id: str, prefix: Any, source: dict[str, Any]) -> dict[str, Any]:
        inner, outer = prefix.copy(), self._outer.copy()
        inner.update(row["TransactionId"].encode())
        outer.update(inner.digest())
        status, debit = STATUSES[row["Status"]], DEBITS[row["CreditDebitIndicator"]]
        booked = status == "booked"
        day, moment = self._moment(row["BookingDateTime"])
        value_on = self._moment(row["ValueDateTime"])[0] if "ValueDateTime" in row else None
        exchange, charge, code = row.get("CurrencyExchange"), row.get("ChargeAmount"), row.get("BankTransactionCode")
        other = row.get("CreditorAccount" if debit else "DebtorAccount")
        agent = row.get("CreditorAgent" if debit else "DebtorAgent")
        merchant, text = row.get("MerchantDetails"), row.get("TransactionInformation")
        proprietary = _text(row["ProprietaryBankTransactionCode"].get("Code"))
        role = "creditor" if debit else "debtor"
        ultimate = row.get("UltimateCreditor" if debit else "UltimateDebtor")
        return {
            "id": "txn_" + outer.hexdigest()[:32],
            "account_id": account_id,
            "id_basis": "bank",
            "id_stability": "weak" if status == "pending" else "strong",
            "supersedes": None,
            "status": status,
            "amount": _money(row["Amount"], debit),
            "booked_on": day if booked else None,
            "booked_at": moment if booked else None,
            "expected_on": day if status in {"pending", "future", "information"} else None,
            "value_on": value_on,
            "transacted_on": None,
            "original": _money(exchange["InstructedAmount"], debit) if exchange else None,
            "fx": self._exchange(exchange) if exchange else None,
            "charges": [{"amount": _money(charge, debit=False), "kind": None}] if charge else [],
            "counterparty": _party(other, agent, role) if other or agent else None,
            "ultimate": {"name": ultimate["Name"], "identifications": [], "bic": None, "role": role}
            if ultimate
            else None,
            "merchant": _merchant(merchant) if merchant else None,
            "references": {
                "end_to_end": None,
                "uetr": None,
                "instruction": None,
                "mandate": None,
                "creditor_id": None,
                "servicer": _text(row.get("TransactionReference")),
            },
            "remittance": {
                "unstructured": [] if text in NOTHING else [text],
                "structured": [],
                "additional": _text(row.get("AddressLine")),
            },
            "code": {
                "domain": None,
                "family": _text(code.get("Code")),
                "subfamily": _text(code.get("SubCode")),
                "proprietary": proprietary,
            }
            if code
            else None,
            "reversal": None,
            "batch": None,
            "balance_after": _balance(row["Balance"]) if "Balance" in row else None,
            "source": source,
        }

    def _moment(self, text: str) -> tuple[str, str | None]:
        """The day in London, and the instant unless it is midnight as written or there."""
        if text[10:19] in {"", "T00:00:00"}:
            return text[:10], None
        there = datetime.fromisoformat(text).astimezone(self._zone)
        day = there.isoformat()
        return day[:10], None if day[11:19] == "00:00:00" else text

    def _exchange(self, exchange: dict[str, Any]) -> dict[str, Any]:
        quoted = exchange.get("QuotationDate")
        return {
            "rate": str(exchange["ExchangeRate"]),
            "unit_currency": exchange.get("UnitCurrency") or exchange.get("SourceCurrency"),
            "quoted_currency": exchange.get("TargetCurrency"),
            "date": self._moment(quoted)[0] if quoted else None,
        }


def _text(value: str | None) -> str | None:
    return None if value in NOTHING else value


def _money(amount: dict[str, str], debit: bool) -> dict[str, str]:  # noqa: FBT001 - which side it is
    value = amount["Amount"]
    return {"value": "-" + value if debit and value.strip("0.") else value, "currency": amount["Currency"]}


def _merchant(merchant: dict[str, str]) -> dict[str, str | None]:
    code = merchant.get("MerchantCategoryCode")
    given = None if code in NOTHING or code.strip("0") == "" else code.zfill(4)
    return {"name": _text(merchant.get("MerchantName")), "mcc": given}


def _balance(balance: dict[str, Any]) -> dict[str, Any]:
    return {
        "amount": _money(balance["Amount"], DEBITS[balance["CreditDebitIndicator"]]),
        "type": BALANCES[balance["Type"]],
    }


def _party(account: dict[str, str] | None, agent: dict[str, str] | None, role: str) -> dict[str, Any]:
    held = account or {}
    number = held.get("Identification")
    identifications = []
    if number is not None:
        packed = "".join(number.split()).upper()
        scheme = held.get("SchemeName", "")
        if scheme == IBAN and not _sound(packed):
            raise ValueError("an IBAN that is none")
        identifications = [{"scheme": "iban" if scheme == IBAN else SCHEMES.get(scheme, "other"), "value": packed}]
    bic = agent["Identification"] if agent and agent["SchemeName"] == "UK.OBIE.BICFI" else None
    return {"name": _text(held.get("Name")), "identifications": identifications, "bic": bic, "role": role}


def _sound(iban: str) -> bool:
    if not _IBAN(iban):
        return False
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def contract_validator(folder: pathlib.Path) -> Callable[[Any], None]:
    """Validates a page of transactions against the canonical schemas of a folder; raises ValueError."""
    schemas = {path.name: json.loads(path.read_bytes()) for path in sorted(folder.glob("*.schema.json"))}
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in schemas.values()])
    page = schemas["page.schema.json"]["$id"] + "#/$defs/transactions_page"
    validator = jsonschema_rs.Draft202012Validator({"$ref": page}, registry=registry)
    return validator.validate
