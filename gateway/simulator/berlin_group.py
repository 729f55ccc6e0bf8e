"""Berlin Group NextGenPSD2 1.3.11 account information as a bank reads it (Implementation Guidelines, 4 and 6)."""

import re
from datetime import date, datetime, time

from gateway.simulator import admission
from gateway.simulator.berlin_documents import accounts, balances, transactions
from gateway.simulator.configuration import Access, Bank, BookingStatus
from gateway.simulator.dialect import Dialect, Window, json_answer
from gateway.simulator.ledger import Status
from gateway.simulator.received import Answer, Received, Visit
from gateway.simulator.refusal import Reason, Refusal

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WITH_BALANCE = "withBalance"

# Section 6.3.4.1 of the guidelines; what a bank writes no list of (`future`, `rejected`) is never shown.
_STATUSES: dict[BookingStatus, frozenset[Status]] = {
    "booked": frozenset({"booked"}),
    "pending": frozenset({"pending"}),
    "both": frozenset({"booked", "pending"}),
    "information": frozenset({"information"}),
    "all": frozenset({"booked", "pending", "information"}),
}

# Message codes of the guidelines, section 14.11.
_REFUSALS: dict[Reason, tuple[int, str]] = {
    "certificate_refused": (401, "CERTIFICATE_INVALID"),
    "signature_missing": (401, "SIGNATURE_MISSING"),
    "signature_malformed": (400, "SIGNATURE_INVALID"),
    "signature_invalid": (401, "SIGNATURE_INVALID"),
    "signature_unexpected": (401, "SIGNATURE_INVALID"),
    "signature_claim_missing": (401, "SIGNATURE_INVALID"),
    "signature_claim_invalid": (401, "SIGNATURE_INVALID"),
    "signer_missing": (401, "CERTIFICATE_MISSING"),
    "signer_refused": (401, "CERTIFICATE_INVALID"),
    "signer_expired": (401, "CERTIFICATE_EXPIRED"),
    "token_missing": (401, "TOKEN_UNKNOWN"),
    "token_unknown": (401, "TOKEN_UNKNOWN"),
    "token_expired": (401, "TOKEN_EXPIRED"),
    "token_bound_elsewhere": (401, "TOKEN_INVALID"),
    "header_missing": (400, "FORMAT_ERROR"),
    "header_invalid": (400, "FORMAT_ERROR"),
    "parameter_missing": (400, "FORMAT_ERROR"),
    "parameter_invalid": (400, "FORMAT_ERROR"),
    "parameter_date_invalid": (400, "FORMAT_ERROR"),
    "parameter_unknown": (400, "PARAMETER_NOT_SUPPORTED"),
    "parameter_unsupported": (400, "PARAMETER_NOT_SUPPORTED"),
    "period_invalid": (400, "PERIOD_INVALID"),
    "not_acceptable": (406, "REQUESTED_FORMATS_INVALID"),
    "method_not_allowed": (405, "SERVICE_INVALID"),
    "resource_unknown": (404, "RESOURCE_UNKNOWN"),
    "account_unknown": (404, "RESOURCE_UNKNOWN"),
    "permission_missing": (401, "CONSENT_INVALID"),
    "consent_unknown": (403, "CONSENT_UNKNOWN"),
    "consent_expired": (401, "CONSENT_EXPIRED"),
    "consent_revoked": (401, "CONSENT_INVALID"),
    "access_exceeded": (429, "ACCESS_EXCEEDED"),
    "failed": (500, "INTERNAL_SERVER_ERROR"),
}


def _check_headers(_bank: Bank, received: Received) -> None:
    admission.check_uuid(received, "X-Request-ID", required=True)
    if received.header("consent-id") is None:
        raise Refusal("header_missing", "Consent-ID")


def _check_access(_bank: Bank, received: Received, access: Access) -> None:
    """The token and the `Consent-ID` must belong together, and the consent must be alive."""
    if received.header("consent-id") != access.consent:
        raise Refusal("consent_unknown", "Consent-ID")
    admission.check_alive(access, "Consent-ID")


def _window(visit: Visit) -> Window:
    """Both dates are inclusive; `dateFrom` is required except for information rows."""
    given = dict(visit.parameters)
    if "bookingStatus" not in given:
        raise Refusal("parameter_missing", "bookingStatus")
    taken = next((status for status in visit.bank.requires.booking_statuses if status == given["bookingStatus"]), None)
    if taken is None:
        known = given["bookingStatus"] in _STATUSES
        raise Refusal("parameter_unsupported" if known else "parameter_invalid", "bookingStatus")
    first, last = _day("dateFrom", given.get("dateFrom")), _day("dateTo", given.get("dateTo"))
    if first is None and taken != "information":
        raise Refusal("parameter_missing", "dateFrom")
    if first is not None and last is not None and first > last:
        raise Refusal("period_invalid", "dateTo")
    return Window(
        earliest=None if first is None else datetime.combine(first, time.min),
        latest=None if last is None else datetime.combine(last, time.max),
        statuses=_STATUSES[taken],
    )


def _day(name: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Refusal("parameter_date_invalid", name)


def _refuse(_bank: Bank, _received: Received, refusal: Refusal) -> Answer:
    status, code = _REFUSALS[refusal.reason]
    message = {"category": "ERROR", "code": code, "text": f"Refused: {refusal.reason.replace('_', ' ')}"}
    if refusal.subject:
        message["path"] = refusal.subject
    retry = () if refusal.retry_after is None else (("Retry-After", refusal.retry_after),)
    return json_answer(status, "application/json", {"tppMessages": [message]}, (), *retry)


DIALECT = Dialect(
    media_types=("application/json",),
    psu_address="PSU-IP-Address",
    parameters={
        "accounts.list": frozenset({_WITH_BALANCE}),
        "accounts.get": frozenset({_WITH_BALANCE}),
        "transactions.list": frozenset({"bookingStatus", "dateFrom", "dateTo"}),
    },
    echoed=("x-request-id",),
    check_headers=_check_headers,
    check_access=_check_access,
    window=_window,
    accounts=accounts,
    balances=balances,
    transactions=transactions,
    refuse=_refuse,
)
