"""The documents of STET 1.5.0: HAL resources of accounts, balances and transactions, and 204 where there are none."""

import urllib.parse
import zoneinfo
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from gateway.simulator.admission import known_as
from gateway.simulator.configuration import Account, EntryKind
from gateway.simulator.dialect import Page, json_answer
from gateway.simulator.ledger import Entry, Ledger, Status
from gateway.simulator.received import Answer, Visit
from gateway.simulator.refusal import Refusal
from gateway.simulator.wording import Document, amount, link, stated, transaction_id

_HAL = "application/hal+json;charset=UTF-8"

_STATUSES: dict[Status, str] = {
    "booked": "BOOK",
    "pending": "PDNG",
    "future": "FUTR",
    "information": "INFO",
    "rejected": "RJCT",
}
_CODES: dict[EntryKind, tuple[str, str, str]] = {
    "card": ("PMNT", "CCRD", "POSD"),
    "transfer_in": ("PMNT", "RCDT", "ESCT"),
    "transfer_out": ("PMNT", "ICDT", "ESCT"),
    "direct_debit": ("PMNT", "RDDT", "ESDD"),
    "standing_order": ("PMNT", "ICDT", "STDO"),
    "salary": ("PMNT", "RCDT", "SALA"),
    "interest": ("ACMT", "MCOP", "INTR"),
    "fee": ("ACMT", "MDOP", "CHRG"),
    "cash": ("PMNT", "CCRD", "CWDL"),
}


def accounts(visit: Visit, ledgers: tuple[Ledger, ...]) -> Answer:
    """The account list; the standard has no resource of one account."""
    if visit.operation != "accounts.list":
        raise Refusal("resource_unknown")
    if not ledgers and visit.bank.quirks.empty_is_204:
        return Answer(status=204)
    document = {
        "accounts": [_account(visit, ledger.account) for ledger in ledgers],
        "_links": {"self": _link(visit, "/accounts")},
    }
    return json_answer(200, _HAL, document, ("accounts",))


def balances(visit: Visit, ledger: Ledger) -> Answer:
    """The accounting and the instant balance of each currency; of a card what falls due at each month's end."""
    account, quirks = ledger.account, visit.bank.quirks
    rows: list[Document] = []
    for currency, booked in ledger.booked.items():
        expected = ledger.expected[currency]
        if account.kind == "card":
            due = _month_ends(ledger.today)
            rows.append(_balance(visit, "Encours du mois", booked, currency, "XPCD", due[0]))
            rows.append(_balance(visit, "Encours du mois suivant", expected - booked, currency, "XPCD", due[1]))
            continue
        rows.append(_balance(visit, "Solde comptable", booked, currency, "CLBD", ledger.today))
        rows.append(_balance(visit, "Solde instantané", expected, currency, "XPCD", ledger.today))
    for position, row in enumerate(rows):
        row["balanceAmount"]["amount"] = amount(quirks, row["balanceAmount"]["amount"], position)
    links = {
        "self": _link(visit, _path(visit.account_id, "/balances")),
        "parent-list": _link(visit, "/accounts"),
        "transactions": _link(visit, _path(visit.account_id, "/transactions")),
    }
    return json_answer(200, _HAL, {"balances": rows, "_links": links}, ("balances",))


def transactions(visit: Visit, page: Page) -> Answer:
    """One page of rows of every status; no order may be assumed."""
    if not page.rows and page.next_link is None and visit.bank.quirks.empty_is_204:
        return Answer(status=204)
    links = {
        "self": {"href": page.self_link},
        "parent-list": _link(visit, "/accounts"),
        "balances": _link(visit, _path(visit.account_id, "/balances")),
    }
    if page.next_link is not None:
        links["next"] = {"href": page.next_link}
    rows = [_row(visit, entry, position) for position, entry in enumerate(page.rows)]
    return json_answer(200, _HAL, {"transactions": rows, "_links": links}, ("transactions",))


def _path(account_id: str, below: str) -> str:
    return f"/accounts/{urllib.parse.quote(account_id, safe='')}{below}"


def _link(visit: Visit, resource: str) -> Document:
    return {"href": link(visit, resource), "templated": False}


def _account(visit: Visit, account: Account) -> Document:
    bank = visit.bank
    account_id = known_as(bank, visit.access, account.id)
    row: Document = {
        "resourceId": account_id,
        "bicFi": bank.bic,
        "accountId": _reference(account),
        "name": account.name,
        "usage": "ORGA" if account.usage == "business" else "PRIV",
        "cashAccountType": "CARD" if account.kind == "card" else "CACC",
        "product": account.kind.capitalize(),
        **stated(bank.quirks, {"details": None, "linkedAccount": account.linked_account}),
        "psuStatus": "Account Holder",
        "_links": {
            "balances": _link(visit, _path(account_id, "/balances")),
            "transactions": _link(visit, _path(account_id, "/transactions")),
        },
    }
    return row


def _reference(account: Account) -> Document:
    reference: Document = {"currency": account.currency}
    for one in account.identifications:
        if one.scheme == "iban":
            reference["iban"] = one.value
        else:
            scheme = {"pan_masked": "MPAN", "bban": "BBAN"}.get(one.scheme, "OTHR")
            reference["other"] = {"identification": one.value, "schemeName": scheme}
    return reference


def _balance(visit: Visit, name: str, value: Decimal, currency: str, kind: str, day: date) -> Document:
    """STET has no indicator on balances: the amount carries its sign."""
    return {
        "name": name,
        "balanceAmount": {"amount": value, "currency": currency},
        "balanceType": kind,
        "referenceDate": day.isoformat(),
        **stated(visit.bank.quirks, {"lastChangeDateTime": None, "lastCommittedTransaction": None}),
    }


def _month_ends(today: date) -> tuple[date, date]:
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return next_month - timedelta(days=1), (next_month + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _row(visit: Visit, entry: Entry, position: int) -> Document:
    quirks = visit.bank.quirks
    value = entry.money.value if quirks.minus_with_debit or entry.sign_conflict else abs(entry.money.value)
    booked = entry.status in {"booked", "rejected"}
    day = _day_instant(visit, entry.moment)
    row: Document = {
        **stated(quirks, {"resourceId": transaction_id(visit, entry)}),
        # A rejected twin bears the reference of the row that was booked: a key needs the status beside it.
        "entryReference": entry.serial,
        "transactionAmount": {
            "amount": amount(quirks, value, position),
            "currency": entry.money.currency,
        },
        "creditDebitIndicator": "DBIT" if entry.debit and not entry.sign_conflict else "CRDT",
        "status": _STATUSES[entry.status],
        **stated(
            quirks,
            {
                "bookingDate": day if booked else None,
                "expectedBookingDate": None if booked else day,
                "transactionDate": entry.purchase_day.isoformat() if entry.kind == "card" else None,
                "endToEndId": entry.reference,
                "merchantCategoryCode": entry.merchant_code,
            },
        ),
        "valueDate": entry.value_day.isoformat(),
        "remittanceInformation": [entry.text] if quirks.remittance_list else {"unstructured": [entry.text]},
        "bankTransactionCode": dict(zip(("domain", "family", "subFamily"), _CODES[entry.kind], strict=True)),
        "relatedParties": _parties(entry),
    }
    if entry.original is not None:
        row["transactionAmountDetails"] = {
            "instructedAmount": {
                "amount": {"amount": amount(quirks, abs(entry.original.value)), "currency": entry.original.currency},
                "sourceCurrency": entry.original.currency,
                "targetCurrency": entry.money.currency,
                "unitCurrency": entry.original.currency,
                "exchangeRate": entry.rate,
            }
        }
    return row


def _parties(entry: Entry) -> Document:
    side = "creditor" if entry.debit else "debtor"
    parties: Document = {side: {"name": entry.party}}
    if entry.party_account is not None:
        parties[f"{side}Account"] = {"iban": entry.party_account}
    if entry.party_bic is not None:
        parties[f"{side}Agent"] = {"bicFi": entry.party_bic}
    return parties


def _day_instant(visit: Visit, moment: datetime) -> str:
    """A date as the date-time that the schema wants: midnight in the bank's zone."""
    midnight = datetime.combine(moment.date(), time(), zoneinfo.ZoneInfo(visit.bank.zone))
    return midnight.strftime("%Y-%m-%dT%H:%M:%S%z") if visit.bank.quirks.offset_without_colon else midnight.isoformat()
