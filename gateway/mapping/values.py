"""What the compiler knows of a value that the generated code holds, and what takes it.

The parts of the compiler (`conversions`, `conditions`, `objects`) write lines through an `Emitter`, which `emission`
is; they know each other only by it.
"""

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
    "local_date": "date", "day_first_date": "date", "instant": "instant", "iban": "text", "compact": "text",
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
    at = expression.at
    if value.form == "null":
        return
    if target.kind == "enum":
        if value.words is None:
            words = ", ".join(target.enum)
            emitter.refuse(at, f"any text can stand here, but '{field}' takes only {words}: use 'lookup'")
        for one in value.words or ():
            if one is not None and one not in target.enum:
                known = ", ".join(target.enum)
                emitter.refuse(at, f"'{one}' is not one of '{field}': {known}{near(one, target.enum)}")
    elif target.kind == "patterned":
        if value.words is None or not all(target.takes(one) for one in value.words if one is not None):
            emitter.refuse(at, f"'{field}' has a form of its own that this can not prove: use 'lookup' or 'const'")
    elif target.kind == "text":
        if value.form in {"list", "object", "integer", "boolean"}:
            emitter.refuse(at, f"'{field}' is a text, this is {value.form}")
    elif value.form != target.kind and value.words is None:
        remedy = f"; convert it with 'as: {target.kind}'" if target.kind in FORM_OF.values() else ""
        emitter.refuse(at, f"'{field}' needs {target.kind}, this is {value.form}{remedy}")
