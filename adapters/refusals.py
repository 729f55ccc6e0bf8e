"""What refusals have in common, whatever the dialect: statuses, Retry-After, where codes are sought.

Each dialect's `failures` says what its own codes mean; nothing of a bank's text is ever told on.
"""

import email.utils
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from gateway.contract import BankCall, BankResponse
from gateway.errors import (
    BankFailed,
    BankLimited,
    BankMisconfigured,
    BankNonsense,
    BankRefused,
    BankResourceUnknown,
    ConsentMissing,
    GatewayError,
)

LONGEST_BODY = 64 * 1024
_CHALLENGE = re.compile(r'error\s*=\s*"?([A-Za-z_]+)')


def by_status(
    call: BankCall,
    response: BankResponse,
    members: dict[str, Any],
    *,
    unauthenticated: GatewayError,
    of_account: bool,
) -> GatewayError:
    """What a status alone says, where no code said more.

    `unauthenticated` is the dialect's meaning of a 401; `of_account` says whether the request named an account.
    """
    status = response.status
    match status:
        case 429:
            return limited(call, response, members)
        case 401 | 403 if is_html(response):
            return BankMisconfigured("What guards the bank's interface turned the gateway away.", **members)
        case 401:
            return unauthenticated
        case 403:
            return ConsentMissing("The bank does not let the consent read this.", **members)
        case 404 | 410:
            return not_found(call, members, of_account=of_account)
        case 405 | 406 | 415:
            return BankMisconfigured("The bank does not take requests of this form.", **members)
        case 408:
            return BankFailed("The bank gave up waiting for the request.", **members)
        case _ if status >= 500:
            return BankFailed("The bank failed to answer.", **members)
        case _ if status >= 400:
            return BankRefused("The bank refused the request.", **members)
        case _:
            return BankNonsense("The bank answered with a status that the standard does not have.", **members)


def not_found(call: BankCall, members: dict[str, Any], *, of_account: bool) -> GatewayError:
    """What it means that something is not there: the bank's own link, the account, or the address of its file."""
    if call.next_url is not None:
        return BankNonsense("The bank's own link to the next page leads nowhere.", **members)
    if of_account:
        return BankResourceUnknown("The bank does not know the account.", **members)
    return BankMisconfigured("The bank has no accounts at the address of its file.", **members)


def limited(call: BankCall, response: BankResponse, members: dict[str, Any]) -> GatewayError:
    """The bank's own limit, with the wait that it named."""
    wait = _retry_after(response.headers.get("Retry-After"), call.now)
    said = "The bank's own limit is reached."
    if wait is None:
        return BankLimited(said, **members)
    return BankLimited(said, headers=(("Retry-After", str(wait)),), retry_after=wait, **members)


def is_html(response: BankResponse) -> bool:
    """Whether it was not the interface that answered, but something in front of it."""
    return "html" in response.headers.get("Content-Type", "").lower()


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a refusal; empty where it is text, HTML, too large, or nothing at all."""
    if len(body) > LONGEST_BODY:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def texts(*values: object) -> Iterator[str]:
    """Those of some values that are texts."""
    return (value for value in values if isinstance(value, str))


def challenged(response: BankResponse) -> Iterator[str]:
    """The error codes of a `WWW-Authenticate` header (RFC 6750 section 3)."""
    yield from _CHALLENGE.findall(response.headers.get("WWW-Authenticate", ""))


def _retry_after(value: str | None, now: datetime) -> int | None:
    """Whole seconds from now (RFC 9110 section 10.2.3: seconds or a date), None where it can not be read."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, round((moment - now).total_seconds()))
