"""Where a bank strays from the standard's text: each setting's default is what the standard says."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

DateForm = Literal["offset", "zulu", "date"]


class Deviations(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `deviations` of a bank's file."""

    accept: Annotated[
        str,
        Meta(
            description="The `Accept` header. The standard answers application/hal+json; some banks serve that as "
            "application/json only.",
            pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
        ),
    ] = "application/hal+json, application/json"
    date_form: Annotated[
        DateForm,
        Meta(
            description="How a day is written in a query: 2026-01-31T00:00:00+01:00 in the bank's zone (offset: the "
            "standard's date-time), 2026-01-30T23:00:00Z (zulu: only UTC is taken), or 2026-01-31 (date)."
        ),
    ] = "offset"
    date_to: Annotated[
        Literal["exclusive", "inclusive"],
        Meta(
            description="Whether rows of the day of `dateTo` are left out, as the standard says, or belong to the "
            "answer. The same day twice asks for nothing at a bank that leaves them out."
        ),
    ] = "exclusive"
    date_type: Annotated[
        Literal["bookingDate", "transactionDate"] | None,
        Meta(
            description="`dateType` (1.5): the day that the query is about. Left out, as the standard allows: the "
            "bank's own choice."
        ),
    ] = None
    dates_required: Annotated[
        Literal["none", "from", "both"],
        Meta(
            description="Which of `dateFrom` and `dateTo` the bank refuses to go without. What a caller left open is "
            "then filled in: from `days_back` ago, until today."
        ),
    ] = "none"
    days_back: Annotated[
        int,
        Meta(
            description="How far back a list begins where the bank wants a `dateFrom` and the caller names none. More "
            "than 90 days need a wider scope of the token (extended_transaction_history).",
            ge=1,
            le=3660,
        ),
    ] = 90
    balances: Annotated[
        Literal["resource", "accounts"],
        Meta(
            description="Where balances are: in a resource of their own, or only inside the list of accounts, which "
            "is then asked instead."
        ),
    ] = "resource"
    links: Annotated[
        Literal["resolved", "rebased"],
        Meta(
            description="What a link without a host is relative to: the page it stands in (resolved, RFC 3986), or the "
            "bank's base URL, where the bank writes only what comes below it (rebased)."
        ),
    ] = "resolved"
    no_accounts: Annotated[
        tuple[str, ...],
        Meta(description="Codes of a 404 that mean that the person has no account there, which is no error."),
    ] = ()


SPECIFICATION = Deviations()
"""A bank that does what the standard says."""
