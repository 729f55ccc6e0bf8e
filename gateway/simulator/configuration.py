"""A data file of simulated banks, checked whole before anything starts: values, or every problem with its place.

Structs are the file's only description: their JSON Schema checks the file, their decoder builds the values.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec

Word: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
Currency: TypeAlias = Annotated[
    str, msgspec.Meta(pattern="^[A-Z]{3}$", extra_json_schema={"x-says": "a currency's three capital letters"})
]
Amount: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$", extra_json_schema={"x-says": "a quoted decimal amount"})
]
BasePath: TypeAlias = Annotated[
    str, msgspec.Meta(pattern="^(/[A-Za-z0-9._-]+)+$", extra_json_schema={"x-says": "a path without a trailing slash"})
]
Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
NotNegative: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]

DialectName: TypeAlias = Literal["uk_openbanking", "berlin_group", "stet"]
Operation: TypeAlias = Literal["accounts.list", "accounts.get", "balances.list", "transactions.list"]
Permission: TypeAlias = Literal["accounts", "numbers", "balances", "transactions", "details"]
QueryDate: TypeAlias = Literal["date", "seconds", "milliseconds", "zoned"]
BookingStatus: TypeAlias = Literal["booked", "pending", "both", "information", "all"]
EntryKind: TypeAlias = Literal[
    "card", "transfer_in", "transfer_out", "direct_debit", "standing_order", "salary", "interest", "fee", "cash"
]
FaultKind: TypeAlias = Literal[
    "latency", "429", "500", "reset", "half_body", "malformed_record", "slow_drip", "bad_signature"
]
MessageAlgorithm: TypeAlias = Literal[
    "rsa-pss-sha512", "rsa-v1_5-sha256", "ecdsa-p256-sha256", "ecdsa-p384-sha384", "ed25519"
]
_FIELD_PATTERN = "[!#$%&'*+.^_`|~0-9a-z-]+"
FieldName: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=f"^{_FIELD_PATTERN}$", extra_json_schema={"x-says": "a field's name in small letters"})
]
Component: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^(@method|@target-uri|@authority|@scheme|@request-target|@path|@query|{_FIELD_PATTERN})$",
        extra_json_schema={"x-says": "a component of RFC 9421: a field's name in small letters, '@method', ..."},
    ),
]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any part of the file: closed, so that a misspelling is a problem and never a default."""


class Identification(Part, frozen=True):
    """One number of an account."""

    scheme: Literal["scan", "iban", "bban", "pan_masked", "other"]
    value: Word


class Account(Part, frozen=True):
    """One account. `balances` holds the booked balance of each currency, the first currency being the main one.

    `credit_line` is in the main currency; `credit_included` adds it to the available balance. `days` is the length of
    the history that `habits` (names of the bank's groups) have written.
    """

    id: Word
    name: Word
    kind: Literal["current", "savings", "card", "wallet", "prepaid"]
    holder: Word
    balances: Annotated[dict[Currency, Amount], msgspec.Meta(min_length=1)]
    usage: Literal["personal", "business"] = "personal"
    status: Literal["enabled", "blocked", "closed"] = "enabled"
    identifications: tuple[Identification, ...] = ()
    credit_line: Amount | None = None
    credit_included: bool = False
    habits: tuple[str, ...] = ()
    days: Annotated[int, msgspec.Meta(ge=0, le=730)] = 120
    linked_account: str | None = None

    @property
    def currency(self) -> str:
        """The main currency."""
        return next(iter(self.balances))


class Original(Part, frozen=True):
    """What was paid abroad, in another currency: one unit of it costs `rate` of the account's."""

    currency: Currency
    rate: Amount


class Habit(Part, frozen=True):
    """Something that happens again and again on an account: every so many days, or on a day of the month.

    `between` bounds the signed amount. `reference` may hold `{n}`, a number of the occasion. The oddities are of the
    row: a `rejected_twin` repeats its reference; a `sign_conflict` has a minus beside a credit indicator.
    """

    kind: EntryKind
    party: Word
    text: Word
    between: tuple[Amount, Amount]
    every_days: Positive | None = None
    monthly: Annotated[int, msgspec.Meta(ge=1, le=31)] | None = None
    currency: Currency | None = None
    account: str | None = None
    bic: str | None = None
    reference: str | None = None
    mandate: str | None = None
    creditor_id: str | None = None
    merchant_code: str | None = None
    original: Original | None = None
    oddity: Literal["rejected_twin", "sign_conflict", "three_decimals", "zero"] | None = None


class Paging(Part, frozen=True):
    """How a bank cuts lists of transactions. `first` is the number of the first page of style `page`."""

    style: Literal["page", "token", "offset"] = "page"
    parameter: Word = "page"
    size: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 25
    first: Literal[0, 1] = 1


class SignedRequests(Part, frozen=True):
    """How a bank of Berlin Group or STET wants requests signed: what must be covered, and who vouches for the key.

    With `certificate_header` the certificate comes along and keyId is its serial number and issuer; without, keyId is
    the URL of a certificate that was registered here.
    """

    covered: Annotated[tuple[Word, ...], msgspec.Meta(min_length=1)] = ("digest", "x-request-id")
    certificate_header: bool = True


class BodySignature(Part, frozen=True):
    """How messages with a body are signed in the UK, by either side: `era` of the standard, `kid`, `iss`, `tan`."""

    key_id: Word
    issuer: Word
    era: Literal["unencoded", "encoded"] = "encoded"
    trust_anchor: Word = "openbanking.org.uk"


class SignedMessages(Part, frozen=True):
    """How a bank wants requests signed by RFC 9421: by the key that it knows as `key_id`, for the one `algorithm`.

    `covered` must be covered, `covered_when_sent` where a request has it, `content-digest` where it has a body. Of the
    signatures the one with `tag` counts, for so many seconds.
    """

    key_id: Word
    algorithm: MessageAlgorithm = "rsa-pss-sha512"
    covered: Annotated[tuple[Component, ...], msgspec.Meta(min_length=1)] = ("@method", "@target-uri", "authorization")
    covered_when_sent: tuple[FieldName, ...] = ()
    tag: Word = "fapi-2-request"
    max_age_seconds: Positive = 60


class MessageSignature(Part, frozen=True):
    """How a bank signs what it answers by RFC 9421: its status, the digest of its body, and what is named.

    `covered` are fields of the answer, `of_request` components of the request (`;req`), each where it is there.
    """

    key_id: Word
    algorithm: Literal["rsa-pss-sha512", "rsa-v1_5-sha256"] = "rsa-pss-sha512"
    covered: tuple[FieldName, ...] = ()
    of_request: tuple[Component, ...] = ("@method", "@target-uri", "content-digest", "signature", "signature-input")
    tag: Word = "fapi-2-response"


class Requirements(Part, frozen=True):
    """What a bank wants of a request besides its standard; see `admission.py` and the dialects.

    `client_*` pin the subject of the client certificate. `query_dates` are the forms of a date-time that it reads.
    The `signed_...` hold where the simulator was started with what signatures stand on.
    `unattended_per_day` is how often one resource may be read without the PSU (RTS article 36(5)(b)); null: unlimited.
    """

    client_common_name: str | None = None
    client_organisation: str | None = None
    financial_id: str | None = None
    interaction_id: bool = False
    query_dates: Annotated[tuple[QueryDate, ...], msgspec.Meta(min_length=1)] = (
        "date",
        "seconds",
        "milliseconds",
        "zoned",
    )
    booking_statuses: tuple[BookingStatus, ...] = ("booked", "pending", "both")
    unattended_per_day: NotNegative | None = None
    signed_requests: SignedRequests | None = None
    signed_bodies: BodySignature | None = None
    signed_messages: SignedMessages | None = None


class Quirks(Part, frozen=True):
    """Where a bank strays from its standard, or uses its freedom; every default is the standard's own way.

    Of all dialects: amounts, absent fields, ids, links and pages. The rest belong to one dialect (`OF_DIALECT`).
    """

    amounts: Literal["text", "number", "mixed"] = "text"
    thousands_separator: bool = False
    explicit_plus: bool = False
    shortest_decimals: bool = False
    absent: Literal["omitted", "null", "empty"] = "omitted"
    transaction_ids: Literal["plain", "odd", "none", "none_for_cards", "placeholder_for_cards"] = "plain"
    pending_ids_change: bool = False
    account_ids_per_consent: bool = False
    links: Literal["absolute", "path", "below_base"] = "absolute"
    repeat_last_row: bool = False
    empty_page: bool = False
    midnight_bookings: bool = False
    fractional_seconds: bool = False
    absent_list: bool = False
    signs: Literal["minus", "none", "minus_when_pending"] = "minus"
    text_links: bool = False
    naive_instants: bool = False
    end_to_end_placeholder: bool = False
    remittance_breaks: bool = False
    minus_with_debit: bool = False
    remittance_list: bool = False
    empty_is_204: bool = False
    offset_without_colon: bool = False


OF_DIALECT: dict[str, DialectName] = {
    "midnight_bookings": "uk_openbanking",
    "fractional_seconds": "uk_openbanking",
    "absent_list": "uk_openbanking",
    "signs": "berlin_group",
    "text_links": "berlin_group",
    "naive_instants": "berlin_group",
    "end_to_end_placeholder": "berlin_group",
    "remittance_breaks": "berlin_group",
    "minus_with_debit": "stet",
    "remittance_list": "stet",
    "empty_is_204": "stet",
    "offset_without_colon": "stet",
}


class Access(Part, frozen=True):
    """One ready-made access: a token, the consent behind it, and what it opens. No accounts named: all of them.

    `token_expires_in` counts seconds from the start of the simulator; 0: it has expired. A bound token is good only
    with a client certificate of that common name, or that SHA-256 thumbprint (RFC 8705 section 3, base64url).
    """

    token: Word
    consent: Word
    status: Literal["valid", "expired", "revoked"] = "valid"
    accounts: tuple[str, ...] = ()
    permissions: tuple[Permission, ...] = ("accounts", "numbers", "balances", "transactions", "details")
    token_expires_in: NotNegative = 90 * 86400
    bound_to_common_name: str | None = None
    bound_to_thumbprint: str | None = None


class Fault(Part, frozen=True):
    """Something that goes wrong on demand, for the next `count` calls (null: all), of one operation (null: any).

    `milliseconds` is the delay of `latency`, and the pause between the drops of `slow_drip`; `drop_bytes` their size.
    `retry_after` goes with `429`, as seconds or as an HTTP date (RFC 9110 section 10.2.3).
    """

    kind: FaultKind
    operation: Operation | None = None
    count: Positive | None = None
    milliseconds: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 200
    drop_bytes: Positive = 64
    retry_after: str = "2"


class Bank(Part, frozen=True):
    """One simulated bank. `port` serves when fixed ports are asked for.

    `signs` and `signs_messages` are how it signs what it answers: its bodies, or its messages.
    """

    title: Word
    dialect: DialectName
    version: Word
    zone: Word
    bic: Word
    base_path: BasePath
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    accounts: Annotated[tuple[Account, ...], msgspec.Meta(min_length=1)]
    accesses: Annotated[tuple[Access, ...], msgspec.Meta(min_length=1)]
    paging: Paging = Paging()
    requires: Requirements = Requirements()
    signs: BodySignature | None = None
    signs_messages: MessageSignature | None = None
    quirks: Quirks = Quirks()
    habits: dict[str, tuple[Habit, ...]] = {}
    faults: tuple[Fault, ...] = ()


class Simulated(Part, frozen=True):
    """The whole file: banks by name."""

    banks: Annotated[dict[str, Bank], msgspec.Meta(min_length=1)]
