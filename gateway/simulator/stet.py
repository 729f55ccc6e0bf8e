"""STET 1.5.0 account information as a bank reads it: the token is the consent, and `dateTo` is exclusive."""

import re
from datetime import datetime, timedelta
from http import HTTPStatus

from gateway.simulator import admission
from gateway.simulator.configuration import Access, Bank
from gateway.simulator.dialect import Dialect, Window, json_answer
from gateway.simulator.received import Answer, Received, Visit
from gateway.simulator.refusal import Reason, Refusal
from gateway.simulator.stet_documents import accounts, balances, transactions

_JSON = "application/json;charset=UTF-8"
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?")
_ZONE = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")
_MOST_REQUEST_ID = 70

_REFUSALS: dict[Reason, tuple[int, str]] = {
    "certificate_refused": (401, "The certificate is not that of a registered third party"),
    "signature_missing": (400, "The signature is missing"),
    "signature_malformed": (400, "The signature is malformed"),
    "signature_invalid": (401, "The signature is not valid"),
    "signature_unexpected": (400, "A signature was not expected"),
    "signature_claim_missing": (400, "The signature lacks a claim"),
    "signature_claim_invalid": (401, "A claim of the signature is not valid"),
    "signer_missing": (400, "The certificate of the signature is missing"),
    "signer_refused": (403, "The certificate of the signature is not registered"),
    "signer_expired": (403, "The certificate of the signature has expired"),
    "token_missing": (401, "The access token is missing"),
    "token_unknown": (401, "The access token is not known"),
    "token_expired": (401, "The access token has expired"),
    "token_bound_elsewhere": (401, "The access token is bound to another certificate"),
    "header_missing": (400, "A header is missing"),
    "header_invalid": (400, "A header is malformed"),
    "parameter_missing": (400, "A parameter is missing"),
    "parameter_invalid": (400, "A parameter is malformed"),
    "parameter_date_invalid": (400, "A date is malformed"),
    "parameter_unknown": (400, "A parameter is not known"),
    "parameter_unsupported": (400, "A parameter's value is not supported"),
    "period_invalid": (400, "The period ends before it begins"),
    "not_acceptable": (406, "None of the accepted formats is written here"),
    "method_not_allowed": (405, "The method is not allowed"),
    "resource_unknown": (404, "This page does not exist"),
    "account_unknown": (404, "The account is not known"),
    "permission_missing": (403, "The customer did not allow this access"),
    "consent_unknown": (401, "The access token is not known"),
    "consent_expired": (401, "The access has ended"),
    "consent_revoked": (403, "The customer has withdrawn the access"),
    "access_exceeded": (429, "The calls of this day are spent"),
    "failed": (500, "Something went wrong"),
}


def _check_headers(_bank: Bank, received: Received) -> None:
    request_id = received.header("x-request-id")
    if request_id is None:
        raise Refusal("header_missing", "X-Request-ID")
    if not 0 < len(request_id) <= _MOST_REQUEST_ID:
        raise Refusal("header_invalid", "X-Request-ID")


def _check_access(_bank: Bank, _received: Received, access: Access) -> None:
    admission.check_alive(access, "Authorization")


def _window(visit: Visit) -> Window:
    """`dateFrom` is inclusive, `dateTo` exclusive, on the day that `dateType` names (default: the booking's)."""
    given = dict(visit.parameters)
    kind = given.get("dateType", "bookingDate")
    if kind not in {"bookingDate", "transactionDate"}:
        raise Refusal("parameter_invalid", "dateType")
    earliest, until = _moment("dateFrom", given.get("dateFrom")), _moment("dateTo", given.get("dateTo"))
    if earliest is not None and until is not None and earliest > until:
        raise Refusal("period_invalid", "dateTo")
    return Window(
        earliest=earliest,
        latest=None if until is None else until - timedelta(microseconds=1),
        statuses=frozenset({"booked", "pending", "future", "information", "rejected"}),
        by_purchase=kind == "transactionDate",
    )


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(_ZONE.sub("", text))
    except ValueError:
        pass
    raise Refusal("parameter_date_invalid", name)


def _refuse(_bank: Bank, received: Received, refusal: Refusal) -> Answer:
    status, message = _REFUSALS[refusal.reason]
    document = {
        "timestamp": received.at.isoformat(timespec="milliseconds"),
        "status": status,
        "error": HTTPStatus(status).phrase,
        "message": f"{message}: {refusal.subject}" if refusal.subject else message,
        "path": received.path[:140],
    }
    retry = () if refusal.retry_after is None else (("Retry-After", refusal.retry_after),)
    return json_answer(status, _JSON, document, (), *retry)


DIALECT = Dialect(
    media_types=("application/hal+json", "application/json"),
    psu_address="PSU-IP-Address",
    parameters={"transactions.list": frozenset({"dateFrom", "dateTo", "dateType"})},
    echoed=("x-request-id",),
    check_headers=_check_headers,
    check_access=_check_access,
    window=_window,
    accounts=accounts,
    balances=balances,
    transactions=transactions,
    refuse=_refuse,
)
