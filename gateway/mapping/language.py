"""The mapping language: what a mapping file says, as frozen values, each with its place in the file.

An expression reads a value, converts it, and may be null. Its forms, by the key that makes them:

    $.A.B                           short for {path: $.A.B}
    path (of)                       a value of the record; of: record | document | header | call
    const                           a fixed value
    let                             a value named in the file's `let`
    first                           the first of several that is not null
    list                            a list of those that are not null
    each (where) + value | fields   a list, an element for each of the source's
    pick (where) + value | fields   the first element of the source's that fits
    join (with)                     texts in one, nulls left out
    fields                          an object, where `when` or `first` needs one
  and then, in this order, on what was read:
    split (at)                      one part of a text, by a separator; parts count from 0
    lookup (fold, else) | as        a table, or a conversion to one of the contract's forms
    sign                            the sign of an amount, where an indicator says it
    when                            else null

A mapping from field names to expressions is an object. A condition of `when` and `where` is a mapping from a name
(`let`, or a field above) to the value or values it must have, to {present: ...} or {negative: ...}; or it is a path
with one of is (fold), present, own, same_as, differs_from. A list of conditions holds when all do.
"""

from typing import Literal, TypeAlias

import msgspec

from gateway.files import Path as Place
from gateway.mapping.paths import Path

Root: TypeAlias = Literal["here", "record", "document", "header", "call"]
CONVERSIONS = (
    "text", "decimal", "grouped_decimal", "currency", "date", "local_date", "day_first_date", "instant",
    "iban", "compact", "masked_pan", "bic", "mcc", "integer", "boolean",
)  # fmt: skip


class Read(msgspec.Struct, frozen=True):
    """A value at a path."""

    at: Place
    root: Root
    path: Path


class Const(msgspec.Struct, frozen=True):
    """A fixed text, number or truth value."""

    at: Place
    value: str | int | bool | None


class Local(msgspec.Struct, frozen=True):
    """A value named in `let`."""

    at: Place
    name: str


class First(msgspec.Struct, frozen=True):
    """The first of several that is not null."""

    at: Place
    options: tuple["Expression", ...]


class Listed(msgspec.Struct, frozen=True):
    """A list of those that are not null."""

    at: Place
    items: tuple["Expression", ...]


class Each(msgspec.Struct, frozen=True):
    """A list, or with `only_first` the first element, made of the elements at a path that fit."""

    at: Place
    source: Read
    where: tuple["Condition", ...]
    body: "Expression"
    only_first: bool


class Joined(msgspec.Struct, frozen=True):
    """Texts in one."""

    at: Place
    parts: tuple["Expression", ...]
    separator: str


class Split(msgspec.Struct, frozen=True):
    """One part of a text; null where it has no such part."""

    at: Place
    source: "Expression"
    separator: str
    index: int


class Fold(msgspec.Struct, frozen=True):
    """What is passed over when codes are compared: a prefix, and case."""

    prefix: str | None = None
    case: bool = False


class Lookup(msgspec.Struct, frozen=True):
    """A table from a bank's codes to the contract's; `fold` widens what counts as equal."""

    at: Place
    source: "Expression"
    table: dict[str, str | int | bool | None]
    fold: Fold
    has_else: bool
    otherwise: str | int | bool | None


class Convert(msgspec.Struct, frozen=True):
    """A conversion to one of the contract's forms."""

    at: Place
    source: "Expression"
    kind: str


class Sign(msgspec.Struct, frozen=True):
    """The sign of an amount by an indicator.

    A minus that the indicator agrees with is fine; a minus where it says positive is a `conflict`: `review` leaves the
    record out, `indicator` trusts the indicator. Where the indicator is absent, `missing` says whether the amount's
    own sign holds (`as_is`) or the record is left out (`review`).
    """

    at: Place
    source: "Expression"
    by: "Expression"
    negative: tuple[str, ...]
    positive: tuple[str, ...]
    conflict: Literal["review", "indicator"]
    missing: Literal["as_is", "review"]


class Conditional(msgspec.Struct, frozen=True):
    """Null unless all conditions hold."""

    at: Place
    conditions: tuple["Condition", ...]
    then: "Expression"


class Fields(msgspec.Struct, frozen=True):
    """An object of the contract."""

    at: Place
    fields: dict[str, "Expression"]


Expression: TypeAlias = (
    Read | Const | Local | First | Listed | Each | Joined | Split | Lookup | Convert | Sign | Conditional | Fields
)


class Condition(msgspec.Struct, frozen=True):
    """A test of a named value (`name`) or of a path (`read`).

    `values` holds what it must be one of; `present` whether it must be there; `negative` whether it must be below zero;
    `own` whether it must be, or must not be, one of the account's own numbers; `other` and `same` another path that it
    must, or must not, be equal to.
    """

    at: Place
    name: str | None = None
    read: Read | None = None
    values: tuple[str, ...] | None = None
    present: bool | None = None
    negative: bool | None = None
    own: bool | None = None
    fold: Fold = Fold()
    other: Read | None = None
    same: bool = True


class Source(msgspec.Struct, frozen=True):
    """One container of records: where they are, and what it alone says (`set`).

    The path ends in [*], or names the only record. With a second [*] the records lie within others: `within` is the
    path, in those around them, of the bank's id that must be the one that was asked for.
    """

    at: Place
    path: Path
    within: Path | None
    settings: dict[str, Expression]


class MappingFile(msgspec.Struct, frozen=True):
    """A whole mapping file, read and checked as far as it can be without its shapes and the contract."""

    name: str
    dialect: str
    operation: str
    version: int
    shapes: tuple[tuple[Place, str], ...]
    target: str
    zone: str
    empty: frozenset[str]
    sources: tuple[Source, ...]
    skip: tuple[tuple["Condition", ...], ...]
    let: dict[str, Expression]
    fields: dict[str, Expression]
    identity: dict[str, Expression]
    identity_with: tuple[str, ...]
    weak: tuple["Condition", ...]
    next: Expression | None
