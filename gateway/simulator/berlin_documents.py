"""The documents of NextGenPSD2 1.3.11: account lists and details, balances, and account reports of transactions."""

import urllib.parse
import zoneinfo
from datetime import datetime, time
from decimal import Decimal

from gateway.simulator.admission import known_as
from gateway.simulator.configuration import Account, EntryKind
from gateway.simulator.dialect import Page, json_answer
from gateway.simulator.ledger import Entry, Ledger, Status
from gateway.simulator.received import Answer, Visit
from gateway.simulator.refusal import Refusal
from gateway.simulator.wording import Document, amount, link, stated, transaction_id

_JSON = "application/json"

_TYPES = {"current": "CACC", "savings": "SVGS", "card": "CARD", "wallet": "CACC", "prepaid": "CASH"}
_ACCOUNT_STATUS = {"enabled": "enabled", "blocked": "blocked", "closed": "deleted"}
_SCHEMES = {"iban": "iban", "bban": "bban", "scan": "bban", "pan_masked": "maskedPan"}
_LISTS: dict[Status, str] = {"booked": "booked", "pending": "pending", "information": "information"}
_CODES: dict[EntryKind, str] = {
    "card": "PMNT-CCRD-POSD",
    "transfer_in": "PMNT-RCDT-ESCT",
    "transfer_out": "PMNT-ICDT-ESCT",
    "direct_debit": "PMNT-RDDT-ESDD",
    "standing_order": "PMNT-ICDT-STDO",
    "salary": "PMNT-RCDT-SALA",
    "interest": "ACMT-MCOP-INTR",
    "fee": "ACMT-MDOP-CHRG",
    "cash": "PMNT-CCRD-CWDL",
}


def accounts(visit: Visit, ledgers: tuple[Ledger, ...]) -> Answer:
    """The account list, or one account's details under `account`; balances inside where `withBalance` asks."""
    wanted = dict(visit.parameters).get("withBalance", "false")
    if wanted not in {"true", "false"}:
        raise Refusal("parameter_invalid", "withBalance")
    with_balance = wanted == "true" and "balances" in visit.access.permissions
    rows = [_account(visit, ledger, with_balance=with_balance) for ledger in ledgers]
    if visit.account is None:
        return json_answer(200, _JSON, {"accounts": rows}, ("accounts",))
    return json_answer(200, _JSON, {"account": rows[0]})


def balances(visit: Visit, ledger: Ledger) -> Answer:
    """Per currency what was booked at the last close, and what is expected."""
    document = {"account": _reference(ledger.account), "balances": _balances(visit, ledger)}
    return json_answer(200, _JSON, document, ("balances",))


def transactions(visit: Visit, page: Page) -> Answer:
    """An account report: a list for each kind of row that was asked for, booked first."""
    report: Document = {
        _LISTS[status]: [
            _row(visit, entry, position) for position, entry in enumerate(page.rows) if entry.status == status
        ]
        for status in _LISTS
        if status in page.statuses
    }
    report["_links"] = {"account": _link(visit, link(visit, _path(visit.account_id)))}
    if page.next_link is not None:
        report["_links"]["next"] = _link(visit, page.next_link)
    document = {"account": _reference(page.ledger.account), "transactions": report}
    first = next(name for status, name in _LISTS.items() if status in page.statuses)
    return json_answer(200, _JSON, document, ("transactions", first))


def _path(account_id: str, below: str = "") -> str:
    return f"/accounts/{urllib.parse.quote(account_id, safe='')}{below}"


def _link(visit: Visit, href: str) -> Document | str:
    return href if visit.bank.quirks.text_links else {"href": href}


def _reference(account: Account) -> Document:
    """An account reference: its numbers, and its currency unless it has several."""
    reference: Document = {}
    for one in account.identifications:
        if one.scheme == "other":
            reference["other"] = {"identification": one.value}
        else:
            reference[_SCHEMES[one.scheme]] = one.value
    if len(account.balances) == 1:
        reference["currency"] = account.currency
    return reference


def _account(visit: Visit, ledger: Ledger, *, with_balance: bool) -> Document:
    account, bank = ledger.account, visit.bank
    account_id = known_as(bank, visit.access, account.id)
    row: Document = {
        "resourceId": account_id,
        **_reference(account),
        # Section 14.8 of the guidelines: XXX stands for an account of several currencies.
        "currency": account.currency if len(account.balances) == 1 else "XXX",
        "name": account.name,
        "product": account.kind.capitalize(),
        "cashAccountType": _TYPES[account.kind],
        "status": _ACCOUNT_STATUS[account.status],
        "bic": bank.bic,
        "usage": "ORGA" if account.usage == "business" else "PRIV",
        **stated(bank.quirks, {"linkedAccounts": account.linked_account, "details": None}),
        "ownerName": account.holder,
        "_links": {
            "balances": _link(visit, link(visit, _path(account_id, "/balances"))),
            "transactions": _link(visit, link(visit, _path(account_id, "/transactions"))),
        },
    }
    if with_balance:
        row["balances"] = _balances(visit, ledger)
    return row


def _balances(visit: Visit, ledger: Ledger) -> list[Document]:
    account, quirks = ledger.account, visit.bank.quirks
    zone = zoneinfo.ZoneInfo(visit.bank.zone)
    changed = datetime.combine(ledger.today, time(5, 30), zone)
    instant = changed.replace(tzinfo=None).isoformat() if quirks.naive_instants else changed.isoformat()
    rows: list[Document] = []
    for currency, booked in ledger.booked.items():
        line = Decimal(account.credit_line) if account.credit_line and currency == account.currency else None
        included = line is not None and account.credit_included
        available = ledger.expected[currency] + (line if line is not None and included else 0)
        rows.append(
            {
                "balanceAmount": {"currency": currency, "amount": amount(quirks, booked, len(rows))},
                "balanceType": "closingBooked",
                "referenceDate": ledger.today.isoformat(),
            }
        )
        rows.append(
            {
                "balanceAmount": {"currency": currency, "amount": amount(quirks, available, len(rows))},
                "balanceType": "expected" if line is None else "interimAvailable",
                "creditLimitIncluded": included,
                "lastChangeDateTime": instant,
            }
        )
    return rows


def _row(visit: Visit, entry: Entry, position: int) -> Document:
    quirks = visit.bank.quirks
    value = entry.money.value
    if quirks.signs == "none" or (quirks.signs == "minus_when_pending" and entry.status == "booked"):
        value = abs(value)
    reference = entry.reference or ("NOTPROVIDED" if quirks.end_to_end_placeholder else None)
    side = "creditor" if entry.debit else "debtor"
    row: Document = {
        **stated(quirks, {"transactionId": transaction_id(visit, entry)}),
        "transactionAmount": {
            "currency": entry.money.currency,
            "amount": amount(quirks, value, position),
        },
        **stated(
            quirks,
            {
                "bookingDate": entry.moment.date().isoformat() if entry.status == "booked" else None,
                "endToEndId": reference,
                "mandateId": entry.mandate,
                "creditorId": entry.creditor_id,
                f"{side}Name": entry.party,
            },
        ),
        "valueDate": entry.value_day.isoformat(),
        "remittanceInformationUnstructured": _remittance(visit, entry),
        "bankTransactionCode": _CODES[entry.kind],
    }
    if entry.status == "booked":
        row["entryReference"] = entry.serial
    if entry.party_account is not None:
        row[f"{side}Account"] = {"iban": entry.party_account}
    if entry.party_bic is not None:
        row[f"{side}Agent"] = entry.party_bic
    if entry.original is not None:
        row["currencyExchange"] = [
            {
                "sourceCurrency": entry.original.currency,
                "targetCurrency": entry.money.currency,
                "unitCurrency": entry.original.currency,
                "exchangeRate": f"{entry.rate}",
                "quotationDate": entry.purchase_day.isoformat(),
                "instructedAmount": {
                    "currency": entry.original.currency,
                    "amount": amount(quirks, abs(entry.original.value)),
                },
            }
        ]
    if entry.balance_after is not None:
        row["balanceAfterTransaction"] = {
            "balanceAmount": {"currency": entry.money.currency, "amount": amount(quirks, entry.balance_after)},
            "balanceType": "interimBooked",
        }
    return row


def _remittance(visit: Visit, entry: Entry) -> str:
    if entry.kind != "card":
        return entry.text
    # Card rows tell the day of the purchase in their text only.
    separator = "<br>" if visit.bank.quirks.remittance_breaks else ", "
    return f"{entry.text}{separator}{entry.purchase_day.strftime('%d.%m.%Y')}"
