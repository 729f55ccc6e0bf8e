"""What is asked, and how: addresses, headers and the query's days.

STET 1.5.0: GET /accounts, /accounts/{accountResourceId}/balances and /transactions. There is no resource of one
account: the list is asked. There is no filter on the status either. A GET can do nothing twice.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import quote, unquote, urlencode
from zoneinfo import ZoneInfo

from adapters.stet.deviations import SPECIFICATION, Deviations
from gateway.contract import BankCall, BankProfile, BankRequest
from gateway.errors import BankResourceUnknown

_GROUP = "accounts"
_EARLIEST, _LATEST = date(1970, 1, 1), date(9998, 12, 31)
_IN_LINK = re.compile(r"(?:^|/)accounts/(?P<id>[^/?#]+)/(?:balances|transactions)(?:[/?#{]|$)")


def deviations(bank: BankProfile) -> Deviations:
    """Where this bank strays from the standard."""
    return bank.deviations if isinstance(bank.deviations, Deviations) else SPECIFICATION


def base_url(bank: BankProfile) -> str:
    """Where the bank's account information begins: `/accounts` is right below."""
    return bank.base_url(_GROUP)


def build_request(call: BankCall) -> BankRequest:
    """The one request of an operation: its first page, or the page that the call goes on with.

    Raises BankResourceUnknown where the bank's list gave the account nothing to ask it by.
    """
    return BankRequest(method="GET", url=call.next_url or _url(call), headers=_headers(call), repeatable=True)


def asks_for_the_list(call: BankCall) -> bool:
    """Whether the list of accounts is what is asked for: an address that holds no id."""
    if call.operation == "balances.list":
        return deviations(call.bank).balances == "accounts"
    return call.operation != "transactions.list"


def _url(call: BankCall) -> str:
    accounts = f"{base_url(call.bank)}/accounts"
    if asks_for_the_list(call):
        return accounts
    account = f"{accounts}/{_account(call)}"
    if call.operation == "balances.list":
        return f"{account}/balances"
    query = _query(call)
    return f"{account}/transactions" + (f"?{urlencode(query, safe=':')}" if query else "")


def _account(call: BankCall) -> str:
    """The account's id as a path segment.

    `resourceId` is optional in the standard, the account's links are not: then the mapping tells one of them instead.
    """
    held = call.account or ""
    link = _IN_LINK.search(held)
    resource = unquote(link["id"]) if link else held
    if not resource:
        raise BankResourceUnknown("The bank's list names no id to ask this account by.")
    return quote(resource, safe="")


def _query(call: BankCall) -> list[tuple[str, str]]:
    """The days, by the bank's own zone; the engine passes over rows of days that were not asked for."""
    settings, zone = deviations(call.bank), ZoneInfo(call.bank.zone)
    first, last = call.from_date, call.to_date
    today = call.now.astimezone(zone).date()
    if first is None and settings.dates_required != "none":
        first = _within_calendar(last or today) - timedelta(days=settings.days_back)
    if last is None and settings.dates_required == "both":
        last = max(today, first) if first else today
    query = []
    if first is not None:
        query.append(("dateFrom", _beginning(_within_calendar(first), settings, zone)))
    if last is not None:
        query.append(("dateTo", _ending(_within_calendar(last), settings, zone)))
    if query and settings.date_type is not None:
        query.append(("dateType", settings.date_type))
    return query


def _within_calendar(day: date) -> date:
    """A day whose neighbours exist and whose midnight has an offset of whole minutes."""
    return min(max(day, _EARLIEST), _LATEST)


def _beginning(day: date, settings: Deviations, zone: ZoneInfo) -> str:
    midnight = datetime.combine(day, time(), zone)
    match settings.date_form:
        case "date":
            return day.isoformat()
        case "offset":
            return midnight.isoformat()
        case "zulu":
            return _zulu(min(midnight, _utc_midnight(day)))


def _ending(day: date, settings: Deviations, zone: ZoneInfo) -> str:
    inclusive = settings.date_to == "inclusive"
    after = day + timedelta(days=1)
    end = datetime.combine(day, time(23, 59, 59), zone) if inclusive else datetime.combine(after, time(), zone)
    match settings.date_form:
        case "date":
            return (day if inclusive else after).isoformat()
        case "offset":
            return end.isoformat()
        case "zulu":
            return _zulu(end if inclusive else max(end, _utc_midnight(after)))


def _utc_midnight(day: date) -> datetime:
    """Where a bank that wants UTC looks at the day alone, nothing of what is asked for may fall out."""
    return datetime.combine(day, time(), UTC)


def _zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _headers(call: BankCall) -> tuple[tuple[str, str], ...]:
    headers = {
        "authorization": ("Authorization", f"Bearer {call.access_token}"),
        "accept": ("Accept", deviations(call.bank).accept),
        "x-request-id": ("X-Request-ID", call.new_id()),
    }
    if call.psu is not None:
        # By custom these say that the person is there; without them the bank counts an unattended access.
        headers["psu-ip-address"] = ("PSU-IP-Address", call.psu.ip_address)
        if call.psu.user_agent is not None:
            headers["psu-user-agent"] = ("PSU-User-Agent", call.psu.user_agent)
    own = {name.lower(): (name, value) for name, value in call.bank.headers}
    return tuple({**headers, **own, "authorization": headers["authorization"]}.values())
