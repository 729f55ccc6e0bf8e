"""Where a bank strays from the standard's text: each setting's default is what the standard says."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Kind = Literal["booked", "pending", "both", "information", "all"]


class CountedPages(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pages that are asked for by number, and counted in a header of the answer."""

    header: Annotated[str, Meta(description="The answer's header with the number of pages.")] = "cpaas-total-pages"
    size: Annotated[int, Meta(description="How many records a page is to have.", ge=1, le=1000)] = 100


class Deviations(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `deviations` of a bank's file."""

    credential_header: Annotated[
        str | None,
        Meta(
            description="The header that carries the access token, `Bearer` before it only in Authorization; null "
            "where the bank wants none: the consent's id alone then names the person."
        ),
    ] = "Authorization"
    credential_of: Annotated[
        Literal["person", "client"],
        Meta(description="Whose the token is: the person's, or our own (client credentials): who must act on a 401."),
    ] = "person"
    consent_header: Annotated[
        bool, Meta(description="Whether Consent-ID is sent; not where the token itself is the consent.")
    ] = True
    client_id_header: Annotated[
        str | None, Meta(description="A header that carries the file's `client_id`, such as X-IBM-Client-Id.")
    ] = None
    accept: Annotated[str, Meta(description="The media types that are asked for.")] = "application/json"
    accept_transactions: Annotated[
        str | None,
        Meta(description="The same for lists of transactions where they differ: application/xml brings camt.05x."),
    ] = None
    content_type: Annotated[
        str | None, Meta(description="A Content-Type that the bank wants even of a request without a body.")
    ] = None
    date_header: Annotated[
        Literal["GMT", "UTC"] | None,
        Meta(
            description="A Date header, ending in the zone's name as the bank reads it; the standard wants none "
            "since the errata of 1.3."
        ),
    ] = None
    with_balance: Annotated[
        bool | None, Meta(description="`withBalance` of account lists; null where it is not sent.")
    ] = None
    balances_in_accounts: Annotated[
        bool,
        Meta(description="Balances stand in the account list and nowhere else: there is no resource of their own."),
    ] = False
    account_resource: Annotated[
        bool,
        Meta(description="Whether one account can be asked for by its id; else the list is asked, and searched."),
    ] = True
    card_accounts: Annotated[
        Literal["none", "also", "only"],
        Meta(
            description="Whether /card-accounts is read: not at all, after the list of accounts (which then must have "
            "one page), or instead of it."
        ),
    ] = "none"
    card_balances: Annotated[
        Literal["card-accounts", "accounts"],
        Meta(description="The resource that balances of card accounts stand under."),
    ] = "card-accounts"
    booking_statuses: Annotated[
        tuple[Kind, ...],
        Meta(
            description="The values of `bookingStatus` that the bank takes: only `booked` must be supported. "
            "Empty where the parameter is not sent, and everything comes."
        ),
    ] = ("booked",)
    history_days: Annotated[
        int,
        Meta(
            description="How far back a list reaches where the caller names no first day, since `dateFrom` is "
            "required. 90 days is what banks open without fresh authentication (RTS (EU) 2018/389 article 10).",
            ge=0,
            le=3660,
        ),
    ] = 90
    date_from: Annotated[
        bool, Meta(description="Whether `dateFrom` is sent; without it, everything comes and the days are filtered.")
    ] = True
    date_to: Annotated[
        Literal["optional", "required", "refused"],
        Meta(description="Whether `dateTo` may be sent, must be, or must not; the last day is filtered in any case."),
    ] = "optional"
    date_to_included: Annotated[bool, Meta(description="Whether the day named in `dateTo` is part of the list.")] = True
    query_style: Annotated[
        Literal["camel", "snake"], Meta(description="How the query spells its names: bookingStatus or booking_status.")
    ] = "camel"
    transactions_query: Annotated[
        dict[str, str], Meta(description="More parameters for the first page of every list of transactions.")
    ] = {}
    counted_pages: Annotated[
        CountedPages | None,
        Meta(description="Lists of accounts and transactions go on by a page's number, not by a link."),
    ] = None
    links: Annotated[
        Literal["resolved", "prefixed"],
        Meta(
            description="What a link without a host is relative to: the page it stands in (resolved, RFC 3986), or "
            "what stands in the page's own path before the link's first segment (prefixed): a hub cuts its own "
            "part of the path off."
        ),
    ] = "resolved"


SPECIFICATION = Deviations()
"""A bank that does what the standard says."""
