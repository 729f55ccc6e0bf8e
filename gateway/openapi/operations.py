"""What each operation takes and answers, and what each filter adds to the routes that list it: the one place for both.

Parameters and headers are named here and spelled in `fields`; answers are references into the contract's schemas.
"""

from typing import TypeAlias

import msgspec

from gateway import errors
from gateway.errors import GatewayError

Kinds: TypeAlias = tuple[type[GatewayError], ...]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one filter adds to the routes that list it; `security` names a security scheme."""

    parameters: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    problems: Kinds = ()
    security: str | None = None


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What one operation takes and answers."""

    summary: str
    description: str
    answers: str
    parameters: tuple[str, ...] = ()
    problems: Kinds = ()


DOOR: Kinds = (
    errors.RequestInvalid,
    errors.PathRefused,
    errors.ExpectationFailed,
    errors.HeadersTooLarge,
    errors.GatewayFault,
    errors.Overloaded,
    errors.DeadlineExceeded,
)
_BANK: Kinds = (
    errors.ConsentMissing,
    errors.ConsentExpired,
    errors.AuthenticationDue,
    errors.BankRefused,
    errors.BankResourceUnknown,
    errors.BankMisconfigured,
    errors.BankLimited,
    errors.BankUnreachable,
    errors.BankFailed,
    errors.BankTimedOut,
    errors.BankNonsense,
)

OPERATIONS: dict[str, Operation] = {
    "banks.list": Operation(
        summary="The banks that can be reached",
        description="The catalogue: what each bank is, which calls it answers, what it never gives, how it fares.",
        answers="page.schema.json#/$defs/catalogue",
    ),
    "banks.get": Operation(
        summary="One bank",
        description="One bank of the catalogue.",
        answers="bank.schema.json",
        problems=(errors.NotFound,),
    ),
    "accounts.list": Operation(
        summary="The accounts of a consent",
        description="Every account that the consent covers, one page of the bank at a time.",
        answers="page.schema.json#/$defs/accounts_page",
        parameters=("cursor",),
        problems=(*_BANK, errors.CursorExpired),
    ),
    "accounts.get": Operation(
        summary="One account",
        description="A page of one account. Where its record could not be normalised the page is empty and says why.",
        answers="page.schema.json#/$defs/accounts_page",
        problems=(*_BANK, errors.NotFound),
    ),
    "balances.list": Operation(
        summary="The balances of an account",
        description="Every balance that the bank gives for the account: several types, none chosen.",
        answers="page.schema.json#/$defs/balances_page",
        parameters=("cursor",),
        problems=(*_BANK, errors.NotFound, errors.CursorExpired),
    ),
    "transactions.list": Operation(
        summary="The transactions of an account",
        description="The account's transactions in the bank's order, one page of the bank at a time.",
        answers="page.schema.json#/$defs/transactions_page",
        parameters=("from", "to", "status", "cursor"),
        problems=(*_BANK, errors.NotFound, errors.CursorExpired),
    ),
}

FILTERS: dict[str, Part] = {
    "headers": Part(
        parameters=("x-fapi-interaction-id", "x-request-id"), headers=("x-fapi-interaction-id", "x-request-id")
    ),
    "mtls": Part(problems=(errors.Unauthenticated, errors.Forbidden), security="mutual_tls"),
    "jwt": Part(problems=(errors.Unauthenticated, errors.KeysUnavailable), security="bearer"),
    "signature": Part(
        parameters=("Signature-Input", "Signature", "Content-Digest"),
        headers=("Content-Digest", "Signature-Input", "Signature"),
        problems=(
            errors.RequestSignatureRefused,
            errors.BodyTooLarge,
            errors.KeysUnavailable,
            errors.SigningUnavailable,
            errors.StoreUnavailable,
        ),
    ),
    "scopes": Part(problems=(errors.ScopeMissing,)),
    "consent": Part(
        parameters=("Consent-Id", "PSU-IP-Address", "PSU-User-Agent"), problems=(errors.NotFound, errors.ConsentExpired)
    ),
    "rate_limit": Part(headers=("RateLimit-Policy", "RateLimit"), problems=(errors.RateLimited,)),
    "timeout": Part(),
    "json_body": Part(problems=(errors.BodyTooLarge, errors.MediaTypeUnsupported)),
    "cache": Part(parameters=("Cache-Control",), headers=("Age",)),
}
