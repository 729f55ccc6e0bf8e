"""What an answer that is no success means, by its status and its code; nothing else of it is told.

Read/Write Data API profile, error codes: 3.1 `UK.OBIE.*`, 4.0 `U0nn`; gateways in front of banks have forms of their
own. In 3.1 a 401 or 403 may only mean that the person must authenticate again; in both an unknown id is a 400.
"""

import email.utils
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from gateway.contract import BankCall, BankResponse
from gateway.errors import (
    AuthenticationDue,
    BankFailed,
    BankLimited,
    BankMisconfigured,
    BankNonsense,
    BankRefused,
    BankResourceUnknown,
    ConsentExpired,
    ConsentMissing,
    GatewayError,
)

_LONGEST_BODY = 64 * 1024
_CODE = re.compile(r"[A-Za-z]{1,40}[0-9]{0,3}(?:[._-][A-Za-z]{1,40}[0-9]{0,3}){0,6}")
_CHALLENGE = re.compile(r'error\s*=\s*"?([A-Za-z_]+)')

_REAUTHENTICATE = frozenset({"reauthenticate", "u028"})
_CONSENT_ENDED = frozenset({"resource.invalidconsentstatus", "u009"})
_CONSENT_LACKS = frozenset({"resource.consentmismatch", "u008", "insufficient_scope"})
_UNKNOWN = frozenset({"resource.notfound", "u011"})
_NOT_OURS = frozenset({"header.invalid", "header.missing", "u006", "u007", "invalid_client", "unauthorized_client"})


def failure(call: BankCall, response: BankResponse) -> GatewayError:
    """The failure of our tree that an answer is; `bank_status` and, where it has the form of a code, `bank_code`."""
    codes = [code for code in _codes(response) if _CODE.fullmatch(code) and len(code) <= 64]
    members: dict[str, Any] = {"bank_status": response.status}
    if codes:
        members["bank_code"] = codes[0]
    known = frozenset(code.casefold().removeprefix("uk.obie.") for code in codes)
    status = response.status
    if status == 429:
        return _limited(call, response, members)
    if status >= 500:
        return BankFailed("The bank failed to answer.", **members)
    if status in {400, 401, 403}:
        found = _by_code(call, known, members)
        if found is not None:
            return found
    match status:
        case 401 | 403 if "html" in response.headers.get("Content-Type", "").lower():
            return BankMisconfigured("What guards the bank's interface turned the gateway away.", **members)
        case 401:
            return AuthenticationDue("The bank no longer takes the consent's token.", **members)
        case 403:
            return ConsentMissing("The bank does not let the consent read this.", **members)
        case 404:
            return _not_found(call, members)
        case 405 | 406 | 415:
            return BankMisconfigured("The bank does not take requests of this form.", **members)
        case _ if 400 <= status < 500:
            return BankRefused("The bank refused the request.", **members)
        case _:
            return BankNonsense("The bank answered with a status that the standard does not have.", **members)


def _by_code(call: BankCall, known: frozenset[str], members: dict[str, Any]) -> GatewayError | None:
    if known & _REAUTHENTICATE:
        return AuthenticationDue("The bank asks the person to authenticate again.", **members)
    if known & _CONSENT_ENDED:
        return ConsentExpired("The consent no longer holds at the bank.", **members)
    if known & _CONSENT_LACKS:
        return ConsentMissing("The bank does not let the consent read this.", **members)
    if known & _UNKNOWN and call.account is not None:
        return BankResourceUnknown("The bank does not know the account.", **members)
    if known & _NOT_OURS:
        return BankMisconfigured("The bank does not accept how the gateway asks.", **members)
    return None


def _not_found(call: BankCall, members: dict[str, Any]) -> GatewayError:
    if call.next_url is not None:
        return BankNonsense("The bank's own link to the next page leads nowhere.", **members)
    if call.account is not None:
        return BankResourceUnknown("The bank does not know the account.", **members)
    return BankMisconfigured("The bank has no accounts at the address of its file.", **members)


def _limited(call: BankCall, response: BankResponse, members: dict[str, Any]) -> GatewayError:
    wait = _retry_after(response.headers.get("Retry-After"), call.now)
    if wait is None:
        return BankLimited("The bank's own limit is reached.", **members)
    return BankLimited(
        "The bank's own limit is reached.", headers=(("Retry-After", str(wait)),), retry_after=wait, **members
    )


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


def _codes(response: BankResponse) -> Iterator[str]:
    """Whatever stands where codes stand: OBErrorResponse1, OAuth 2.0 (RFC 6750), API gateways; the best first."""
    body = _object(response.body)
    errors = body.get("Errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            yield from _texts(error.get("ErrorCode"))
    fault = body.get("fault")
    detail = fault.get("detail") if isinstance(fault, dict) else None
    deepest = detail.get("errorcode") if isinstance(detail, dict) else None
    yield from _texts(body.get("Code"), body.get("code"), body.get("error"), deepest)
    challenge = _CHALLENGE.search(response.headers.get("WWW-Authenticate", ""))
    if challenge is not None:
        yield challenge[1]


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > _LONGEST_BODY:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):  # text, HTML, nothing at all
        return {}
    return value if isinstance(value, dict) else {}


def _texts(*values: object) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
