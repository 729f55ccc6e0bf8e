"""What an answer that is no success means, by its status and its code; nothing else of it is told.

Read/Write Data API profile, error codes: 3.1 `UK.OBIE.*`, 4.0 `U0nn`; gateways in front of banks have forms of their
own. In 3.1 a 401 or 403 may only mean that the person must authenticate again; in both an unknown id is a 400.
"""

import re
from collections.abc import Iterator
from typing import Any

from adapters.refusals import by_status, challenged, read_object, texts
from gateway.contract import BankCall, BankResponse
from gateway.errors import (
    AuthenticationDue,
    BankMisconfigured,
    BankResourceUnknown,
    ConsentExpired,
    ConsentMissing,
    GatewayError,
)

_CODE = re.compile(r"[A-Za-z]{1,40}[0-9]{0,3}(?:[._-][A-Za-z]{1,40}[0-9]{0,3}){0,6}")

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
    if response.status in {400, 401, 403}:
        found = _by_code(call, known, members)
        if found is not None:
            return found
    spent = AuthenticationDue("The bank no longer takes the consent's token.", **members)
    return by_status(call, response, members, unauthenticated=spent, of_account=call.account is not None)


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


def _codes(response: BankResponse) -> Iterator[str]:
    """Whatever stands where codes stand: OBErrorResponse1, OAuth 2.0 (RFC 6750), API gateways; the best first."""
    body = read_object(response.body)
    errors = body.get("Errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            yield from texts(error.get("ErrorCode"))
    fault = body.get("fault")
    detail = fault.get("detail") if isinstance(fault, dict) else None
    deepest = detail.get("errorcode") if isinstance(detail, dict) else None
    yield from texts(body.get("Code"), body.get("code"), body.get("error"), deepest)
    yield from challenged(response)
