"""Why a bank refuses, told once; each dialect has its own table of statuses and codes for these reasons."""

from typing import Literal, TypeAlias

Reason: TypeAlias = Literal[
    "certificate_refused",
    "signature_missing",
    "signature_malformed",
    "signature_invalid",
    "signature_unexpected",
    "signature_claim_missing",
    "signature_claim_invalid",
    "signer_missing",
    "signer_refused",
    "signer_expired",
    "token_missing",
    "token_unknown",
    "token_expired",
    "token_bound_elsewhere",
    "header_missing",
    "header_invalid",
    "parameter_missing",
    "parameter_invalid",
    "parameter_date_invalid",
    "parameter_unknown",
    "parameter_unsupported",
    "period_invalid",
    "not_acceptable",
    "method_not_allowed",
    "resource_unknown",
    "account_unknown",
    "permission_missing",
    "consent_unknown",
    "consent_expired",
    "consent_revoked",
    "access_exceeded",
    "failed",
]


class Refusal(Exception):
    """A request is refused. `subject` names the header or parameter; `retry_after` is a header's value."""

    def __init__(self, reason: Reason, subject: str = "", *, retry_after: str | None = None) -> None:
        super().__init__(f"{reason} {subject}".strip())
        self.reason: Reason = reason
        self.subject = subject
        self.retry_after = retry_after
