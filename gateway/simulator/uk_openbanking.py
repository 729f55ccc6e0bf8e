"""UK Open Banking account information as a bank reads it: version 3.1.11, and 4.0 with its renamed fields and codes.

Sources: Read/Write Data API profile and Account and Transaction API profile of both versions.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from gateway.simulator import admission
from gateway.simulator.configuration import Access, Bank, QueryDate
from gateway.simulator.dialect import Dialect, Window, json_answer
from gateway.simulator.ledger import Status
from gateway.simulator.received import Answer, Received, Visit
from gateway.simulator.refusal import Reason, Refusal
from gateway.simulator.uk_documents import accounts, balances, transactions

_JSON = "application/json; charset=utf-8"
_FROM, _TO = "fromBookingDateTime", "toBookingDateTime"

_DAY = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"T\d{2}:\d{2}:\d{2}"
_FORMS: dict[QueryDate, re.Pattern[str]] = {
    "date": re.compile(_DAY),
    "seconds": re.compile(_DAY + _CLOCK),
    "milliseconds": re.compile(_DAY + _CLOCK + r"\.\d{1,6}"),
    "zoned": re.compile(_DAY + _CLOCK + r"(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})"),
}
_ZONE = re.compile(r"(Z|[+-]\d{2}:\d{2})$")

# Status, and the code of 3.1 and 4.0; without a code the answer has no body. Of the 4.0 codes the profile's text shows
# U004 alone; the others follow the published code set.
_REFUSALS: dict[Reason, tuple[int, str, str]] = {
    "certificate_refused": (403, "UK.OBIE.Header.Invalid", "U006"),
    "signature_missing": (400, "UK.OBIE.Signature.Missing", "U023"),
    "signature_malformed": (400, "UK.OBIE.Signature.Malformed", "U022"),
    "signature_invalid": (400, "UK.OBIE.Signature.Invalid", "U019"),
    "signature_unexpected": (400, "UK.OBIE.Signature.Unexpected", "U024"),
    "signature_claim_missing": (400, "UK.OBIE.Signature.MissingClaim", "U021"),
    "signature_claim_invalid": (400, "UK.OBIE.Signature.InvalidClaim", "U020"),
    "signer_missing": (400, "UK.OBIE.Signature.Invalid", "U019"),
    "signer_refused": (400, "UK.OBIE.Signature.Invalid", "U019"),
    "signer_expired": (400, "UK.OBIE.Signature.Invalid", "U019"),
    "token_missing": (401, "", "U007"),
    "token_unknown": (401, "", "U006"),
    "token_expired": (401, "", "U006"),
    "token_bound_elsewhere": (401, "", "U006"),
    "header_missing": (400, "UK.OBIE.Header.Missing", "U007"),
    "header_invalid": (400, "UK.OBIE.Header.Invalid", "U006"),
    "parameter_missing": (400, "UK.OBIE.Field.Missing", "U004"),
    "parameter_invalid": (400, "UK.OBIE.Field.Invalid", "U002"),
    "parameter_date_invalid": (400, "UK.OBIE.Field.InvalidDate", "U003"),
    "parameter_unknown": (400, "UK.OBIE.Field.Unexpected", "U005"),
    "parameter_unsupported": (400, "UK.OBIE.Field.Invalid", "U002"),
    "period_invalid": (400, "UK.OBIE.Field.InvalidDate", "U003"),
    "not_acceptable": (406, "", ""),
    "method_not_allowed": (405, "", ""),
    "resource_unknown": (404, "", ""),
    "account_unknown": (400, "UK.OBIE.Resource.NotFound", "U011"),
    "permission_missing": (403, "UK.OBIE.Resource.ConsentMismatch", "U008"),
    "consent_unknown": (403, "UK.OBIE.Resource.ConsentMismatch", "U008"),
    "consent_expired": (403, "UK.OBIE.Reauthenticate", "U028"),
    "consent_revoked": (400, "UK.OBIE.Resource.InvalidConsentStatus", "U009"),
    "access_exceeded": (429, "", ""),
    "failed": (500, "UK.OBIE.UnexpectedError", "U000"),
}


def _check_headers(bank: Bank, received: Received) -> None:
    admission.check_uuid(received, "x-fapi-interaction-id", required=bank.requires.interaction_id)
    wanted = bank.requires.financial_id
    given = received.header("x-fapi-financial-id")
    if wanted is not None and given != wanted:
        raise Refusal("header_missing" if given is None else "header_invalid", "x-fapi-financial-id")


def _check_access(_bank: Bank, _received: Received, access: Access) -> None:
    """The consent is in the token: there is no header for it."""
    admission.check_alive(access, "Authorization")


def _window(visit: Visit) -> Window:
    """Any zone in the value is ignored: the bank reads it as the account's own wall time."""
    given = dict(visit.parameters)
    earliest = _instant(visit.bank, _FROM, given.get(_FROM))
    latest = _instant(visit.bank, _TO, given.get(_TO))
    if earliest is not None and latest is not None and earliest > latest:
        raise Refusal("period_invalid", _TO)
    statuses: frozenset[Status] = frozenset({"booked", "pending", "future", "information"})
    if visit.bank.version.startswith("3."):
        # Version 3.1 knows Booked, Pending and Rejected only; what is merely announced has no place there.
        statuses = frozenset({"booked", "pending", "future", "rejected"})
    return Window(earliest=earliest, latest=latest, statuses=statuses)


def _instant(bank: Bank, name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    if not any(_FORMS[form].fullmatch(text) for form in bank.requires.query_dates):
        raise Refusal("parameter_date_invalid", name)
    try:
        moment = datetime.fromisoformat(_ZONE.sub("", text))
    except ValueError:
        raise Refusal("parameter_date_invalid", name) from None
    # A second that is asked for is meant whole; what the bank knows has fractions.
    return moment + timedelta(seconds=1, microseconds=-1) if name == _TO and "T" in text and "." not in text else moment


def _refuse(bank: Bank, received: Received, refusal: Refusal) -> Answer:
    status, code, later_code = _REFUSALS[refusal.reason]
    headers: list[tuple[str, str]] = []
    if status == 401:
        headers.append(("WWW-Authenticate", 'Bearer error="invalid_token"'))
    if refusal.retry_after is not None:
        headers.append(("Retry-After", refusal.retry_after))
    if bank.version.startswith("4."):
        code = later_code
    if not code:
        return Answer(status=status, headers=tuple(headers))
    error: dict[str, Any] = {"ErrorCode": code, "Message": f"Refused: {refusal.reason.replace('_', ' ')}"}
    if refusal.subject:
        error["Path"] = refusal.subject
    document: dict[str, Any] = {"Errors": [error]}
    if bank.version.startswith("3."):
        interaction = received.header("x-fapi-interaction-id") or "none"
        document = {"Code": f"{status}", "Id": interaction[:40], "Message": "The request was refused", **document}
    return json_answer(status, _JSON, document, (), *headers)


DIALECT = Dialect(
    media_types=("application/json",),
    psu_address="x-fapi-customer-ip-address",
    parameters={"transactions.list": frozenset({_FROM, _TO})},
    echoed=("x-fapi-interaction-id",),
    check_headers=_check_headers,
    check_access=_check_access,
    window=_window,
    accounts=accounts,
    balances=balances,
    transactions=transactions,
    refuse=_refuse,
)
