"""Lookup tables: a bank's code to the contract's word, in one dictionary access; what is not in it is UNKNOWN.

An absent code is null. `*` in a file's table is any other code. Nothing that a bank sends is ever added to a table.
"""

from collections.abc import Callable
from typing import Any


class Unknown:
    """The answer for a code that is not in a table; a type of its own, since null may stand in a table."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
_BOOLEANS = {
    "true": True,
    "false": False,
    "True": True,
    "False": False,
    "TRUE": True,
    "FALSE": False,
    "1": True,
    "0": False,
}


class Table(dict[str | None, Any]):
    """A lookup table; `prefix` is dropped and case ignored where the file says so, after the exact code missed."""

    def __init__(self, table: dict[str, Any], *, prefix: str | None = None, fold_case: bool = False) -> None:
        super().__init__({code: word for code, word in table.items() if code != "*"})
        self[None] = None
        self.open_ended = ("*",) if "*" in table else None
        self._rest = table.get("*", UNKNOWN)
        self._prefix = prefix.casefold() if prefix and fold_case else prefix
        self._fold_case = fold_case
        self._folded = {self._fold(code): word for code, word in table.items() if code != "*"}

    def read(self, constant: Callable[[str, Any], str], code: str, out: str) -> list[Any]:
        """The lines that look a code up: in a plain dictionary first, and as the file folds it where that misses."""
        get = constant("get", dict(self).get)
        if self._prefix or self._fold_case:
            return [
                f"{out} = {get}({code}, UNKNOWN)",
                f"if {out} is UNKNOWN: {out} = {constant('table', self)}[{code}]",
            ]
        rest = "UNKNOWN" if self._rest is UNKNOWN else repr(self._rest)
        return [f"{out} = {get}({code}, {rest})"]

    def _fold(self, code: str) -> str:
        code = code.strip()
        if self._fold_case:
            code = code.casefold()
        return code.removeprefix(self._prefix) if self._prefix else code

    def __missing__(self, code: str) -> Any:
        if self._prefix or self._fold_case:
            return self._folded.get(self._fold(code), self._rest)
        return self._rest


BOOLEANS = Table(_BOOLEANS)
