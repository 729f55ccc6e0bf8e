"""Where a bank strays from the standard's text: each setting's default is what the standard says."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

DateForm = Literal["milliseconds", "seconds", "zulu", "date"]


class Deviations(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `deviations` of a bank's file."""

    date_form: Annotated[
        DateForm,
        Meta(
            description="How the bank reads the days of a query: 2026-01-31T00:00:00.000 (milliseconds), ...00 "
            "(seconds), ...00Z (zulu: the Z is wanted, and ignored), or 2026-01-31 (date). "
            "The standard takes them all; most banks read milliseconds."
        ),
    ] = "milliseconds"
    margin_days: Annotated[
        int,
        Meta(
            description="By how many days a query is wider than what was asked, since the bank reads its days in the "
            "account's zone; what is too much is filtered out. 0 where an earlier day is refused.",
            ge=0,
            le=7,
        ),
    ] = 1
    account_resource: Annotated[
        bool,
        Meta(description="Whether one account can be asked for by its id; else the list is asked, and searched."),
    ] = True
    links: Annotated[
        Literal["resolved", "rebased"],
        Meta(
            description="What a link without a host is relative to: the page it stands in (resolved, RFC 3986), or the "
            "bank's base URL, where the path that it names is one behind the bank's own gateway (rebased)."
        ),
    ] = "resolved"


SPECIFICATION = Deviations()
"""A bank that does what the standard says."""
