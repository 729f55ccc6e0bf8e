"""A problem names its place as an editor does (`file:line:column`), what is wrong, and where known, the remedy."""

import difflib
from collections.abc import Iterable

import msgspec

_LONGEST_SHOWN = 60


class Problem(msgspec.Struct, frozen=True, order=True):
    """One thing wrong in one file; lines and columns count from 1. `where` is the path inside the file."""

    file: str
    line: int
    column: int
    where: str
    message: str

    def __str__(self) -> str:
        """`policies/payments.yaml:14:9 routes[create-payment].filters[jwt]: 'issuer' is required`; always one line."""
        where = f" {self.where}:" if self.where else ""
        return _on_one_line(f"{self.file}:{self.line}:{self.column}{where} {self.message}")


class Refused(Exception):
    """A set of files is refused; `problems` are sorted and free of duplicates."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = report(problems)
        count = len(self.problems)
        super().__init__(f"{count} problem{'' if count == 1 else 's'}: {self.problems[0] if self.problems else ''}")


def report(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sorted by file, line and column, each once."""
    return tuple(sorted(set(problems)))


def near(word: object, words: Iterable[object]) -> str:
    """` (did you mean 'x'?)` where a known word is near, else nothing."""
    matches = difflib.get_close_matches(str(word), [str(known) for known in words], n=1, cutoff=0.6)
    return f" (did you mean '{matches[0]}'?)" if matches else ""


def shown(value: object) -> str:
    """What was refused, as a problem shows it: long values are cut."""
    text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _on_one_line(text: str) -> str:
    """Line ends, and whatever else a terminal would obey, as escapes."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
