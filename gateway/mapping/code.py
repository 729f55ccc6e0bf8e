"""Compiled code, and what it calls while it runs: bound once for each bank, with the bank's zone."""

import functools
from types import CodeType
from typing import Any

import msgspec

from gateway.mapping import functions
from gateway.mapping.language import MappingFile
from gateway.mapping.pages import Review
from gateway.mapping.tables import BOOLEANS, UNKNOWN

NOTHING: functions.Moment | tuple[None, None] = (None, None)
MALFORMED = (None, None, "malformed")
BETWEEN = "\n\n"
"""What stands between the functions of a source, and nowhere within one."""


class Code(msgspec.Struct, frozen=True):
    """One variant of a mapping's code, bound by `exec`; see `projection` for why there are two.

    `document` decodes a whole document; `shell` one whose containers of records are left as bytes, and `records` one
    such record, per container. `tail` decodes what the link to the next page needs, whatever the records are like.
    """

    source: str
    constants: dict[str, Any]
    document: Any
    shell: Any
    tail: Any
    records: tuple[Any, ...]


class CompiledMapping(msgspec.Struct, frozen=True):
    """A mapping file's code: the quick variant, and the exact one where they differ."""

    file: MappingFile
    quick: Code
    exact: Code


def token(raw: msgspec.Raw) -> str | None:
    """The text of a JSON string, or the digits of a number as they stand in the document; nothing else is a text."""
    held = bytes(raw)
    if held[:1] == b'"':
        text: str = msgspec.json.decode(held)
        return text
    return None if held[:1] in b"[{" or held == b"null" else held.decode("ascii")


def plain_text(value: Any) -> str | None:
    """The text of a value whose type the shape leaves open."""
    if value.__class__ is str:
        return str(value)
    if value.__class__ is bool:
        return "true" if value else "false"
    return str(value) if value.__class__ is int else None


def compacted(value: str | None) -> str | None:
    """A number of an account as numbers are compared: without blanks, in upper case."""
    return None if value is None else "".join(value.split()).upper()


def vocabulary() -> dict[str, Any]:
    """The names that all generated code knows; each compilation adds its own constants."""
    return {
        "BOOLEANS": BOOLEANS, "CURRENCIES": functions.CURRENCIES, "HELD": frozenset({list, msgspec.Raw}),
        "MALFORMED": MALFORMED, "NOTHING": NOTHING, "PLAIN": frozenset({str, list, bool, int, float, type(None)}),
        "Review": Review, "UNKNOWN": UNKNOWN, "UNREADABLE": (UnicodeDecodeError, msgspec.DecodeError),
        "compacted": compacted, "is_plain": functions.is_plain, "plain_text": plain_text, "token": token,
    }  # fmt: skip


@functools.lru_cache(maxsize=4096)
def _program(function: str) -> CodeType:
    """The code object of one function's source: the same for all banks, and wherever mappings say the same."""
    return compile(function, "<mapping>", "exec")


def bind(code: Code, zone: str) -> dict[str, Any]:
    """Executes a variant's code for a bank in a zone; the functions by name."""
    space: dict[str, Any] = {**code.constants, "moment": functions.moments(zone, MALFORMED)}
    # One by one: nothing else of the process runs while a source is compiled, and seven lists of records are long.
    for function in code.source.split(BETWEEN):
        exec(_program(function), space)  # noqa: S102 - our own code, made from checked files
    return space
