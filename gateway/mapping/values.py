"""What the compiler knows of a value that the generated code holds, and what takes it.

The parts of the compiler (`conversions`, `conditions`, `objects`) write lines through an `Emitter`, which `emission`
is; they know each other only by it.
"""

from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias

import msgspec

from gateway.files import Path as Place
from gateway.files import near
from gateway.mapping.language import Expression, Read
from gateway.mapping.scopes import Scope
from gateway.mapping.target import Target

Block: TypeAlias = list[Any]
"""Lines of Python, and nested blocks of them."""
TEXT = Target("text", nullable=True)
TEXTUAL = frozenset({"string", "number", "integer", "boolean"})
FORM_OF = {
    "text": "text", "decimal": "decimal", "grouped_decimal": "decimal", "currency": "currency", "date": "date",
    "local_date": "date", "day_first_date": "date", "instant": "instant", "iban": "iban", "compact": "text",
    "masked_pan": "text", "bic": "bic", "mcc": "mcc", "integer": "integer", "boolean": "boolean",
}  # fmt: skip
"""The form that each conversion proves."""


class Value(msgspec.Struct, frozen=True):
    """Where an expression's value is: a variable or literal, and its form. `words` closes an enum."""

    code: str
    form: str
    words: tuple[Any, ...] | None = None
    null: bool = False
    path: str = ""


NULL = Value("None", "null", null=True)


class Emitter(Protocol):
    """Where lines are written: fresh names, constants, scopes, and expressions within expressions."""

    constants: dict[str, Any]
    names: dict[str, Value]
    settable: frozenset[str]

    def refuse(self, at: Place, message: str) -> None:
        """Notes a problem of the mapping file."""
        ...

    def name(self, stem: str = "x") -> str:
        """A fresh variable."""
        ...

    def constant(self, stem: str, value: Any) -> str:
        """A constant of the generated code."""
        ...

    def scope(self, read: Read) -> Scope:
        """Where a path starts."""
        ...

    def reach(self, read: Read) -> frozenset[str] | None:
        """The kinds that the shape allows at a path; None, and noted, where it has no such place."""
        ...

    def emit(self, expression: Expression, target: Target, field: str, block: Block, *, required: bool) -> Value:
        """Appends the lines that compute an expression for a target; returns where its value is."""
        ...

    def aside(self, expression: Expression, field: str, block: Block) -> Value:
        """As `emit`, for what only steers a value and does not make it."""
        ...


def word(value: object) -> str:
    """A value of a file as codes are compared."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def fit(emitter: Emitter, value: Value, expression: Expression, target: Target, field: str) -> None:
    """Refuses a value whose form the contract's field does not take."""
    if value.form != "null":
        for message in misfits(value, target, field):
            emitter.refuse(expression.at, message)


def misfits(value: Value, target: Target, field: str) -> Iterator[str]:
    """Why the contract's field does not take a value of this form, in words for who wrote it."""
    words = [one for one in value.words or () if one is not None]
    if target.kind == "enum" and value.words is None:
        yield f"any text can stand here, but '{field}' takes only {', '.join(target.enum)}: use 'lookup'"
    elif target.kind == "enum":
        for one in words:
            if one not in target.enum:
                yield f"'{one}' is not one of '{field}': {', '.join(target.enum)}{near(one, target.enum)}"
    elif target.kind == "patterned" and (value.words is None or not all(target.takes(one) for one in words)):
        yield f"'{field}' has a form of its own that this can not prove: use 'lookup' or 'const'"
    elif target.kind == "text" and value.form in {"list", "texts", "object", "boolean"}:
        yield f"'{field}' is a text, this is {value.form}"
    elif target.kind == "list" and value.form == "texts":
        if target.item is None or target.item.kind != "text":
            yield f"'{field}' is a list of objects, these are texts"
    elif value.words is not None:
        for one in words:
            if not target.takes(one):
                yield f"'{one}' is not what '{field}' takes ({target.kind})"
    elif target.kind not in {"text", value.form}:
        remedy = f"; convert it with 'as: {target.kind}'" if target.kind in FORM_OF.values() else ""
        yield f"'{field}' needs {target.kind}, this is {value.form}{remedy}"


def textual(emitter: Emitter, source: Value, expression: Expression) -> bool:
    """Whether a value is a text, or null; refuses anything else where one text is needed."""
    if source.form in {"list", "texts", "object"}:
        emitter.refuse(expression.at, f"one text is needed here, this is {source.form}")
        return False
    return source.form != "null"
