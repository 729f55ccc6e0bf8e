"""What an answer that is no success means, by its status and its code; nothing else of it is told.

NextGenPSD2 1.3.11 section 14.11 (message codes) in `tppMessages`, or as `application/problem+json`; CBI Globe's
`errorManagement`; and what API gateways in front of banks answer on their own.
"""

import email.utils
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from adapters.berlin_group.requests import deviations
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
# Words with underscores; CBI Globe's numbers. Nothing that could be a name with blanks, an account or a text.
_CODE = re.compile(r"[A-Za-z]{2,40}(?:_[A-Za-z]{1,40}){0,6}|PSD2_[0-9]{2}\.[0-9]{3}\.[A-Z][0-9]{4}")
_CHALLENGE = re.compile(r'error\s*=\s*"?([A-Za-z_]+)')

# CONSENT_UNKNOWN: "can not be matched by the ASPSP": nothing that we could still use it for.
_CONSENT_ENDED = frozenset({"CONSENT_EXPIRED", "CONSENT_UNKNOWN", "CONSENT_REVOKED", "RESOURCE_EXPIRED"})
_CONSENT_LACKS = frozenset({"SERVICE_BLOCKED", "INSUFFICIENT_SCOPE", "RESOURCE_BLOCKED"})
_REAUTHENTICATE = frozenset({"PSU_CREDENTIALS_INVALID", "SCA_INVALID", "SCA_REQUIRED"})
_TOKEN = frozenset({"TOKEN_UNKNOWN", "TOKEN_INVALID", "TOKEN_EXPIRED", "INVALID_TOKEN"})
_NOT_OURS = (
    *("CERTIFICATE_", "SIGNATURE_", "ROLE_", "CORPORATE_ID_", "PARAMETER_"),
    *("INVALID_CLIENT", "UNAUTHORIZED_CLIENT", "SERVICE_INVALID", "REQUESTED_FORMATS_INVALID", "PRODUCT_"),
)
_LIMITED = frozenset({"ACCESS_EXCEEDED", "TOO_MANY_REQUESTS"})


def failure(call: BankCall, response: BankResponse) -> GatewayError:
    """The failure of our tree that an answer is; `bank_status` and, where it has the form of a code, `bank_code`."""
    codes = [code for code in _codes(response) if _CODE.fullmatch(code)]
    members: dict[str, Any] = {"bank_status": response.status}
    if codes:
        members["bank_code"] = codes[0]
    known = frozenset(code.upper() for code in codes)
    status = response.status
    if status == 429 or (status < 500 and known & _LIMITED):
        return _limited(call, response, members)
    if status >= 500:
        return BankFailed("The bank failed to answer.", **members)
    if status < 400:
        return BankNonsense("The bank answered with a status that the standard does not have.", **members)
    found = _by_code(call, known, members)
    if found is not None:
        return found
    match status:
        case 401 | 403 if "html" in response.headers.get("Content-Type", "").lower():
            return BankMisconfigured("What guards the bank's interface turned the gateway away.", **members)
        case 401:
            return _token_refused(call, members)
        case 403:
            return ConsentMissing("The bank does not let the consent read this.", **members)
        case 404:
            return _not_found(call, members)
        case 405 | 406 | 415:
            return BankMisconfigured("The bank does not take requests of this form.", **members)
        case _:
            return BankRefused("The bank refused the request.", **members)


def _by_code(call: BankCall, known: frozenset[str], members: dict[str, Any]) -> GatewayError | None:
    if known & _CONSENT_ENDED:
        return ConsentExpired("The consent no longer holds at the bank.", **members)
    if "CONSENT_INVALID" in known:
        # "Not valid for the addressed resource". Every consent is valid for the list of accounts: there, it has ended.
        if call.operation == "accounts.list":
            return ConsentExpired("The consent no longer holds at the bank.", **members)
        return ConsentMissing("The consent does not cover this at the bank.", **members)
    if known & _REAUTHENTICATE:
        return AuthenticationDue("The bank asks the person to authenticate again.", **members)
    if known & _TOKEN:
        return _token_refused(call, members)
    if known & _CONSENT_LACKS:
        return ConsentMissing("The bank does not let the consent read this.", **members)
    if "RESOURCE_UNKNOWN" in known:
        return _not_found(call, members)
    if any(code.startswith(_NOT_OURS) for code in known):
        return BankMisconfigured("The bank does not accept how the gateway asks.", **members)
    return None


def _token_refused(call: BankCall, members: dict[str, Any]) -> GatewayError:
    settings = deviations(call.bank)
    if settings.credential_header is None:
        return ConsentExpired("The bank no longer takes the consent.", **members)
    if settings.credential_of == "client":
        return BankMisconfigured("The bank does not take the gateway's own token.", **members)
    return AuthenticationDue("The bank no longer takes the consent's token.", **members)


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
    """Whatever stands where codes stand, the best first."""
    body = _object(response.body)
    for messages in (body.get("tppMessages"), [body], body.get("additionalErrors"), body.get("errors")):
        for message in messages if isinstance(messages, list) else ():
            if isinstance(message, dict):
                yield from _texts(message.get("code"), message.get("error"))
    management = body.get("errorManagement")
    if isinstance(management, dict):
        yield from _texts(management.get("errorCode"))
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
