"""The documents of UK Open Banking 3.1.11 and 4.0: accounts, balances and transactions as a bank would write them."""

import urllib.parse
import zoneinfo
from datetime import datetime
from decimal import Decimal

from gateway.simulator.admission import known_as
from gateway.simulator.configuration import Account, Bank, EntryKind, Quirks
from gateway.simulator.dialect import Page, json_answer
from gateway.simulator.ledger import Entry, Ledger, Status
from gateway.simulator.received import Answer, Visit
from gateway.simulator.wording import Document, amount, link, stated, transaction_id

_JSON = "application/json; charset=utf-8"

_SUBTYPES = {
    "current": ("CurrentAccount", "CACC"),
    "savings": ("Savings", "SVGS"),
    "card": ("CreditCard", "CARD"),
    "wallet": ("EMoney", "WALT"),
    "prepaid": ("PrePaidCard", "CASH"),
}
_ACCOUNT_STATUS = {"enabled": "Enabled", "blocked": "Disabled", "closed": "Deleted"}
_SCHEMES = {
    "scan": "UK.OBIE.SortCodeAccountNumber",
    "iban": "UK.OBIE.IBAN",
    "bban": "UK.OBIE.BBAN",
    "pan_masked": "UK.OBIE.PAN",
    "other": "UK.OBIE.Wallet",
}
_STATUSES: dict[Status, tuple[str, str]] = {
    "booked": ("Booked", "BOOK"),
    "pending": ("Pending", "PDNG"),
    "future": ("Pending", "FUTR"),
    "information": ("Pending", "INFO"),
    "rejected": ("Rejected", "INFO"),
}
_BALANCES = {"booked": ("InterimBooked", "ITBD"), "available": ("InterimAvailable", "ITAV")}
# Family and sub-family: in 3.1 as words, in 4.0 as the four letters of ISO 20022.
_CODES: dict[EntryKind, tuple[tuple[str, str], tuple[str, str]]] = {
    "card": (("CustomerCardTransactions", "POSPaymentDebitCard"), ("CCRD", "POSD")),
    "transfer_in": (("ReceivedCreditTransfers", "DomesticCreditTransfer"), ("RCDT", "DMCT")),
    "transfer_out": (("IssuedCreditTransfers", "DomesticCreditTransfer"), ("ICDT", "DMCT")),
    "direct_debit": (("IssuedDirectDebits", "DirectDebitPayment"), ("IDDT", "PMDD")),
    "standing_order": (("IssuedCreditTransfers", "StandingOrder"), ("ICDT", "STDO")),
    "salary": (("ReceivedCreditTransfers", "PayrollSalaryPayment"), ("RCDT", "SALA")),
    "interest": (("MiscellaneousCreditOperations", "Interest"), ("MCOP", "INTR")),
    "fee": (("MiscellaneousDebitOperations", "Fees"), ("MDOP", "FEES")),
    "cash": (("CustomerCardTransactions", "CashWithdrawal"), ("CCRD", "CWDL")),
}


def accounts(visit: Visit, ledgers: tuple[Ledger, ...]) -> Answer:
    """OBReadAccount6. Without the permission `numbers` (ReadAccountsBasic) there is no number and no servicer."""
    rows = [_account(visit, ledger.account) for ledger in ledgers]
    resource = "/accounts" if visit.account is None else f"/accounts/{urllib.parse.quote(visit.account_id, safe='')}"
    return _read(visit, "Account", rows, link(visit, resource))


def balances(visit: Visit, ledger: Ledger) -> Answer:
    """OBReadBalance1: per currency the booked and the available balance, each with its own indicator."""
    account, quirks, later = ledger.account, visit.bank.quirks, _later(visit.bank)
    rows: list[Document] = []
    for currency, booked in ledger.booked.items():
        line = Decimal(account.credit_line) if account.credit_line and currency == account.currency else None
        included = line is not None and account.credit_included
        available = ledger.expected[currency] + (line if line is not None and included else 0)
        for kind, value in (("booked", booked), ("available", available)):
            row: Document = {
                "AccountId": visit.account_id,
                "CreditDebitIndicator": "Debit" if value < 0 else "Credit",
                "Type": _BALANCES[kind][later],
                "DateTime": f"{ledger.today.isoformat()}T04:00:00+00:00",
                "Amount": _money(quirks, abs(value), currency, len(rows)),
            }
            if line is not None:
                credit = {"Included": included and kind == "available", "Type": "Pre-Agreed"}
                row["CreditLine"] = [{**credit, "Amount": _money(quirks, line, currency)}]
            rows.append(row)
    encoded = urllib.parse.quote(visit.account_id, safe="")
    return _read(visit, "Balance", rows, link(visit, f"/accounts/{encoded}/balances"))


def transactions(visit: Visit, page: Page) -> Answer:
    """OBReadTransaction6; without the permission `details` (ReadTransactionsBasic) rows lack parties and texts."""
    rows = [_row(visit, entry, position) for position, entry in enumerate(page.rows)]
    return _read(visit, "Transaction", rows, page.self_link, page.next_link, page.pages)


def _read(
    visit: Visit, name: str, rows: list[Document], self_link: str, next_link: str | None = None, pages: int = 1
) -> Answer:
    content: Document = {} if visit.bank.quirks.absent_list and not rows else {name: rows}
    links = {"Self": self_link, **({"Next": next_link} if next_link else {})}
    document = {"Data": content, "Links": links, "Meta": {"TotalPages": pages}}
    return json_answer(200, _JSON, document, ("Data", name))


def _account(visit: Visit, account: Account) -> Document:
    bank, later = visit.bank, _later(visit.bank)
    category, subtype = ("AccountCategory", "AccountTypeCode") if later else ("AccountType", "AccountSubType")
    row: Document = {
        "AccountId": known_as(bank, visit.access, account.id),
        "Status": _ACCOUNT_STATUS[account.status],
        "Currency": account.currency,
        category: account.usage.capitalize(),
        subtype: _SUBTYPES[account.kind][later],
        **stated(bank.quirks, {"Description": None}),
        "Nickname": account.name,
    }
    if "numbers" in visit.access.permissions:
        numbers = [
            {"SchemeName": _SCHEMES[one.scheme], "Identification": one.value, "Name": account.holder}
            for one in account.identifications
        ]
        if numbers:
            row["Account"] = numbers
        row["Servicer"] = {"SchemeName": "UK.OBIE.BICFI", "Identification": bank.bic}
    return row


def _row(visit: Visit, entry: Entry, position: int) -> Document:
    bank, quirks, later = visit.bank, visit.bank.quirks, _later(visit.bank)
    zone = zoneinfo.ZoneInfo(bank.zone)
    currency = entry.money.currency
    value = abs(entry.money.value)
    code, sub_code = _CODES[entry.kind][later]
    row: Document = {
        "AccountId": visit.account_id,
        **stated(quirks, {"TransactionId": transaction_id(visit, entry), "TransactionReference": entry.reference}),
        "CreditDebitIndicator": "Debit" if entry.debit and not entry.sign_conflict else "Credit",
        "Status": _STATUSES[entry.status][later],
        "BookingDateTime": _instant(quirks, entry.moment, zone),
        "ValueDateTime": f"{entry.value_day.isoformat()}T00:00:00+00:00",
        "Amount": _money(quirks, -value if entry.sign_conflict else value, currency, position),
        "BankTransactionCode": {"Code": code, "SubCode": sub_code},
    }
    if entry.original is not None:
        row["CurrencyExchange"] = {
            "SourceCurrency": entry.original.currency,
            "TargetCurrency": currency,
            "UnitCurrency": entry.original.currency,
            "ExchangeRate": entry.rate,
            "InstructedAmount": _money(quirks, abs(entry.original.value), entry.original.currency),
        }
    if "details" in visit.access.permissions:
        row |= _details(quirks, entry, later)
    return row


def _details(quirks: Quirks, entry: Entry, later: bool) -> Document:  # noqa: FBT001 - an index of two columns
    details: Document = {"TransactionInformation": entry.text}
    if entry.balance_after is not None:
        details["Balance"] = {
            "CreditDebitIndicator": "Debit" if entry.balance_after < 0 else "Credit",
            "Type": _BALANCES["booked"][later],
            "Amount": _money(quirks, abs(entry.balance_after), entry.money.currency),
        }
    if entry.kind == "card":
        details["MerchantDetails"] = stated(
            quirks, {"MerchantName": entry.party, "MerchantCategoryCode": entry.merchant_code}
        )
    elif entry.party_account is not None:
        scheme = "iban" if entry.party_account[:2].isalpha() else "scan"
        side = "Creditor" if entry.debit else "Debtor"
        details[f"{side}Account"] = {
            "SchemeName": _SCHEMES[scheme],
            "Identification": entry.party_account,
            "Name": entry.party,
        }
        if entry.party_bic is not None:
            details[f"{side}Agent"] = {"SchemeName": "UK.OBIE.BICFI", "Identification": entry.party_bic}
    return details


def _instant(quirks: Quirks, moment: datetime, zone: zoneinfo.ZoneInfo) -> str:
    if quirks.midnight_bookings:
        # A date in disguise: such banks write +00:00 in summer too.
        return moment.strftime("%Y-%m-%dT00:00:00+00:00")
    aware = moment.replace(tzinfo=zone)
    return aware.isoformat(timespec="microseconds" if quirks.fractional_seconds else "seconds")


def _money(quirks: Quirks, value: Decimal, currency: str, position: int = 0) -> Document:
    return {"Amount": amount(quirks, value, position), "Currency": currency}


def _later(bank: Bank) -> bool:
    """Whether the bank speaks 4.0; it is also the index of that version's words in the tables above."""
    return bank.version.startswith("4.")
