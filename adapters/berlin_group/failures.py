"""What an answer that is no success means, by its status and its code; nothing else of it is told.

NextGenPSD2 1.3.11 section 14.11 (message codes) in `tppMessages`, or as `application/problem+json`; CBI Globe's
`errorManagement`; and what API gateways in front of banks answer on their own.
"""

import re
from collections.abc import Iterator
from typing import Any

from adapters.berlin_group.requests import deviations
from adapters.refusals import by_status, challenged, limited, not_found, read_object, texts
from gateway.contract import BankCall, BankResponse
from gateway.errors import (
    AuthenticationDue,
    BankMisconfigured,
    ConsentExpired,
    ConsentMissing,
    GatewayError,
)

# Words with underscores; CBI Globe's numbers. Nothing that could be a name with blanks, an account or a text.
_CODE = re.compile(r"[A-Za-z]{2,40}(?:_[A-Za-z]{1,40}){0,6}|PSD2_[0-9]{2}\.[0-9]{3}\.[A-Z][0-9]{4}")

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
    if response.status < 500 and known & _LIMITED:
        return limited(call, response, members)
    found = _by_code(call, known, members) if 400 <= response.status < 500 and response.status != 429 else None
    if found is not None:
        return found
    refused = _token_refused(call, members)
    return by_status(call, response, members, unauthenticated=refused, of_account=call.account is not None)


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
        return not_found(call, members, of_account=call.account is not None)
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


def _codes(response: BankResponse) -> Iterator[str]:
    """Whatever stands where codes stand, the best first."""
    body = read_object(response.body)
    for messages in (body.get("tppMessages"), [body], body.get("additionalErrors"), body.get("errors")):
        for message in messages if isinstance(messages, list) else ():
            if isinstance(message, dict):
                yield from texts(message.get("code"), message.get("error"))
    management = body.get("errorManagement")
    if isinstance(management, dict):
        yield from texts(management.get("errorCode"))
    yield from challenged(response)
