"""What the bank of the bench answers: pages of transactions of UK Open Banking 3.1.11, of our own invention.

A size has 64 pages. Every row of a page differs from every other in ids, amounts, days, minutes and seconds, so that
nobody who remembers what was read before is flattered. Each fifth row names the other side's account, each tenth an
exchange of currencies with its charge, so that nobody who leaves those fields out is.
"""

import json
import pathlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any

PAGES = 64
_SHOPS = ("Corner Grocer", "Harbour Books", "Café Aurore", "Northern Rail", 'The "Blue" Door', "Ashgate Pharmacy")
_SUB_CODES = ("DomesticCreditTransfer", "CashDeposit", "DebitCardPayment", "StandingOrder")
_IBANS = ("DE02500105170137075030", "FR7630006000011234567890189", "GB33BUKB20201555555555")
_FIRST = datetime(2026, 1, 5, tzinfo=UTC)
_SECONDS = 300 * 24 * 3600


def names(rows: int, pages: int = PAGES) -> list[str]:
    """The bank's ids of the accounts whose transactions are the pages of one size: one account, one page."""
    return [f"{rows}-{number:02d}" for number in range(pages)]


def target(account: str) -> str:
    """The path at the bank, and at every proxy that passes it on."""
    return f"/aisp/accounts/{account}/transactions"


def page(rows: int, number: int) -> dict[str, Any]:
    """One page; the same each time."""
    chance = random.Random(f"{rows}/{number}")
    account = names(rows, number + 1)[-1]
    transactions = [_transaction(chance, account, number + index) for index in range(rows)]
    link = f"https://bank.example/open-banking/v3.1/aisp/accounts/{account}/transactions"
    return {"Data": {"Transaction": transactions}, "Links": {"Self": link}, "Meta": {"TotalPages": 1}}


def write(folder: pathlib.Path, rows: int, pages: int = PAGES) -> None:
    """Writes one size's pages below a folder that a web server serves."""
    for number, account in enumerate(names(rows, pages)):
        path = folder / target(account).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(page(rows, number)))


def _transaction(chance: random.Random, account: str, number: int) -> dict[str, Any]:
    booked = _FIRST + timedelta(seconds=chance.randrange(_SECONDS))
    valued = booked + timedelta(seconds=chance.randrange(1, 90_000))
    direction = chance.choice(("Credit", "Debit"))
    row: dict[str, Any] = {
        "AccountId": account,
        "TransactionId": f"tx{chance.randrange(16**12):012x}",
        "TransactionReference": f"Ref {chance.randrange(10**6)}",
        "Amount": {"Amount": _amount(chance, 100_000), "Currency": "GBP"},
        "CreditDebitIndicator": direction,
        "Status": chance.choice(("Booked", "Booked", "Booked", "Pending")),
        "BookingDateTime": booked.isoformat(),
        "ValueDateTime": valued.isoformat(),
        "TransactionInformation": f"Cash from Aubrey {chance.randrange(10**6)}",
        "BankTransactionCode": {"Code": "ReceivedCreditTransfer", "SubCode": chance.choice(_SUB_CODES)},
        "ProprietaryBankTransactionCode": {"Code": "Transfer", "Issuer": "AlphaBank"},
        "Balance": {
            "Amount": {"Amount": _amount(chance, 1_000_000), "Currency": "GBP"},
            "CreditDebitIndicator": chance.choice(("Credit", "Credit", "Debit")),
            "Type": "InterimBooked",
        },
        "MerchantDetails": {"MerchantName": chance.choice(_SHOPS), "MerchantCategoryCode": "5411"},
    }
    if number % 5 == 0:
        row["CreditorAccount" if direction == "Debit" else "DebtorAccount"] = _account(chance)
    if number % 10 == 3:
        row["CurrencyExchange"] = {
            "SourceCurrency": "GBP",
            "TargetCurrency": "EUR",
            "UnitCurrency": "GBP",
            "ExchangeRate": round(1 + chance.random() / 2, 4),
            "QuotationDate": booked.isoformat(),
            "InstructedAmount": {"Amount": _amount(chance, 100_000), "Currency": "EUR"},
        }
        row["ChargeAmount"] = {"Amount": "0.50", "Currency": "GBP"}
    return row


def _amount(chance: random.Random, cents: int) -> str:
    return f"{chance.randrange(1, cents) / 100:.2f}"


def _account(chance: random.Random) -> dict[str, str]:
    name = f"Aubrey {chance.randrange(10**4)}"
    if chance.random() < 0.5:
        return {"SchemeName": "UK.OBIE.IBAN", "Identification": chance.choice(_IBANS), "Name": name}
    number = f"{chance.randrange(10**14):014d}"
    return {"SchemeName": "UK.OBIE.SortCodeAccountNumber", "Identification": number, "Name": name}
