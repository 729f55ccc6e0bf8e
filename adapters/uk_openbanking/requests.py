"""What is asked, and how: addresses, headers and the query's days.

Account and Transaction API profile 3.1.11 and 4.0: resources, and the filter on booking dates; Read/Write Data API
profile: headers. Every request is a GET, which can do nothing twice.
"""

from urllib.parse import quote, urlencode

from adapters.days import shifted
from adapters.uk_openbanking.deviations import SPECIFICATION, DateForm, Deviations
from gateway.contract import BankCall, BankProfile, BankRequest

_GROUP = "accounts"
_FIRST = {"seconds": "T00:00:00", "milliseconds": "T00:00:00.000", "zulu": "T00:00:00Z", "date": ""}
_LAST = {"seconds": "T23:59:59", "milliseconds": "T23:59:59.999", "zulu": "T23:59:59Z", "date": ""}


def deviations(bank: BankProfile) -> Deviations:
    """Where this bank strays from the standard."""
    return bank.deviations if isinstance(bank.deviations, Deviations) else SPECIFICATION


def base_url(bank: BankProfile) -> str:
    """Where the bank's account information begins: `/accounts` is right below."""
    return bank.base_url(_GROUP)


def build_request(call: BankCall) -> BankRequest:
    """The one request of an operation: its first page, or the page that the call goes on with."""
    return BankRequest(method="GET", url=call.next_url or _url(call), headers=_headers(call), repeatable=True)


def _url(call: BankCall) -> str:
    accounts = f"{base_url(call.bank)}/accounts"
    if call.operation == "accounts.list":
        return accounts
    assert call.account is not None, "the engine names the account of every other operation"
    account = f"{accounts}/{quote(call.account, safe='')}"
    match call.operation:
        case "accounts.get":
            return account if deviations(call.bank).account_resource else accounts
        case "balances.list":
            return f"{account}/balances"
        case "transactions.list":
            query = _booked_between(call)
            return f"{account}/transactions" + (f"?{urlencode(query, safe=':')}" if query else "")


def _booked_between(call: BankCall) -> list[tuple[str, str]]:
    """The filter on `BookingDateTime`: there is none on the status.

    Any zone in a value is ignored by the bank, which reads it as the account's wall time; so none is sent.
    """
    settings = deviations(call.bank)
    query = []
    if call.from_date is not None:
        day = shifted(call.from_date, -settings.margin_days)
        query.append(("fromBookingDateTime", day.isoformat() + _FIRST[settings.date_form]))
    if call.to_date is not None:
        day = shifted(call.to_date, _margin_after(settings.date_form, settings.margin_days))
        query.append(("toBookingDateTime", day.isoformat() + _LAST[settings.date_form]))
    return query


def _margin_after(form: DateForm, margin: int) -> int:
    # A day without a time is read as its first moment: the last day asked for needs the one after it.
    return max(margin, 1) if form == "date" else margin


def _headers(call: BankCall) -> tuple[tuple[str, str], ...]:
    headers = {
        "authorization": ("Authorization", f"Bearer {call.access_token}"),
        "accept": ("Accept", "application/json"),
        "x-fapi-interaction-id": ("x-fapi-interaction-id", call.interaction_id),
    }
    if call.psu is not None:
        # The address says that the person is there; without it the bank counts an unattended access.
        headers["x-fapi-customer-ip-address"] = ("x-fapi-customer-ip-address", call.psu.ip_address)
        if call.psu.user_agent is not None:
            headers["x-customer-user-agent"] = ("x-customer-user-agent", call.psu.user_agent)
    own = {name.lower(): (name, value) for name, value in call.bank.headers}
    return tuple({**headers, **own, "authorization": headers["authorization"]}.values())
