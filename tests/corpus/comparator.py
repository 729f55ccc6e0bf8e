"""Compares what the mappings made of the corpus with what the corpus expects, value by value, and keeps the figures.

Every expected value ends in exactly one place: it agrees, it disagrees, or an entry of exclusions.yaml names it with a
reason. A value that no judge knows and no entry names disagrees. An entry that excludes nothing is itself a fault.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
import yaml
from rich.table import Table

from tests.corpus.account_judges import account_judge
from tests.corpus.cases import Case
from tests.corpus.comparison import Facts, Tally, same
from tests.corpus.transaction_judges import TRANSACTION, names_own_side
from tests.corpus.walk import PageCount, ReadAccount, ReadRecord, RunMapping, Walk, walk


class Exclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which expected values are not compared, and why.

    `file` and `field` may hold `*`; `case`, `account` and `transaction` count from 0 in their lists, and an absent one
    means any. `where: own_side` narrows to fields of the account holder's own side of a row, `where: in_review`
    to rows that lack what the contract never guesses (amount, currency, direction or status).
    """

    file: str
    field: str
    reason: str
    case: int | None = None
    account: int | None = None
    transaction: int | None = None
    where: str | None = None


class Place(msgspec.Struct, frozen=True):
    """Where an expected value stands; `account` and `transaction` are None for values of the case or account itself."""

    file: str
    case: int
    field: str
    account: int | None = None
    transaction: int | None = None

    def __str__(self) -> str:
        account = "" if self.account is None else f" account {self.account}"
        row = "" if self.transaction is None else f" transaction {self.transaction}"
        return f"{self.file}#{self.case}{account}{row} {self.field}"


class Disagreement(msgspec.Struct, frozen=True):
    """An expected value, and the record that was held against it."""

    place: Place
    expected: Any
    tally: Tally
    record: Mapping[str, Any] | None


class Figures:
    """One bank's figures, growing while its cases are compared."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, str | None], PageCount] = {}
        self.agree: Counter[Tally] = Counter()
        self.excluded: Counter[tuple[str, str, str]] = Counter()
        self.disagreements: list[Disagreement] = []

    @property
    def read(self) -> int:
        """The records that the harness itself counted, a page once however many cases rest on it."""
        return sum(count.read for count in self.counts.values())

    @property
    def normalised(self) -> int:
        return sum(count.normalised for count in self.counts.values())

    @property
    def left_over(self) -> int:
        return self.read - self.normalised

    @property
    def refused(self) -> dict[str, str]:
        """The pages that could not be read at all, with the reason."""
        return {count.call[0]: count.refused for count in self.counts.values() if count.refused}

    def disagree(self, tally: Tally) -> int:
        return sum(found.tally == tally for found in self.disagreements)

    @property
    def expected(self) -> int:
        """The expected values without those that are tallied apart."""
        return self.agree["values"] + self.disagree("values") + self.excluded.total()


class Comparator:
    """Holds the exclusions and the figures per bank; `facts` gives a case's bank (by its file's name) and its zone."""

    def __init__(self, exclusions: Sequence[Exclusion], facts: Callable[[Case], tuple[str | None, Facts]]) -> None:
        self._exclusions = exclusions
        self._used: set[int] = set()
        self._facts = facts
        self.figures: dict[str, Figures] = {}

    def compare(self, case: Case, run_mapping: RunMapping) -> None:
        """Walks a case through the mappings and settles each of its expected values."""
        bank, facts = self._facts(case)
        walked = walk(case, bank, run_mapping)
        figures = self.figures.setdefault(case.bank, Figures())
        figures.counts.update({count.call: count for count in walked.counts})
        if case.accounts_count is not None:
            place = Place(case.file, case.number, "accountsCount")
            counted = sum(account.account is not None for account in walked.accounts)
            self._settle(figures, place, case.accounts_count, "values", None, agrees=counted == case.accounts_count)
        for number, expected in enumerate(case.accounts):
            self._compare_account(figures, case, number, expected, walked, facts)

    def unused(self) -> list[Exclusion]:
        """The entries that excluded nothing, once every case was compared."""
        return [entry for number, entry in enumerate(self._exclusions) if number not in self._used]

    def _compare_account(
        self, figures: Figures, case: Case, number: int, expected: Mapping[str, Any], walked: Walk, facts: Facts
    ) -> None:
        account = _find_account(expected, walked.accounts, facts)
        record = account.account.record if account is not None and account.account is not None else None
        for field, value in _fields(expected, ("find", "transactions", "recordedIn", "detail")):
            place = Place(case.file, case.number, field, number)
            found = account_judge(field)
            tally: Tally = found[0] if found else "values"
            agrees = account is not None and found is not None and found[1](account, value, facts)
            self._settle(figures, place, value, tally, record, agrees=agrees)
        left = list(account.transactions) if account is not None else []
        for position, row in enumerate(expected.get("transactions", ())):
            in_review = _goes_to_review(row)
            read = None if in_review else _take_transaction(row, left, account.transactions if account else (), facts)
            for field, value in _fields(row, ("find", "recordedIn", "detail")):
                place = Place(case.file, case.number, field, number, position)
                judge = TRANSACTION.get(field)
                agrees = read is not None and judge is not None and judge[1](read, value, facts)
                own = read is not None and names_own_side(field, read)
                aspects = frozenset([*(["in_review"] if in_review else []), *(["own_side"] if own else [])])
                tally = judge[0] if judge else "values"
                row_record = read.record if read is not None else None
                self._settle(figures, place, value, tally, row_record, agrees=agrees, aspects=aspects)

    def _settle(
        self,
        figures: Figures,
        place: Place,
        value: Any,
        tally: Tally,
        record: Mapping[str, Any] | None,
        *,
        agrees: bool,
        aspects: frozenset[str] = frozenset(),
    ) -> None:
        for number, entry in enumerate(self._exclusions):
            if _covers(entry, place, aspects):
                self._used.add(number)
                figures.excluded[place.file, entry.field, entry.reason] += 1
                return
        if agrees:
            figures.agree[tally] += 1
        else:
            figures.disagreements.append(Disagreement(place, value, tally, record))

    def table(self) -> Table:
        """The figures per bank, texts and the choice of balances apart, a total below."""
        heads = ("bank", "read", "normalised", "left over", "expected", "agree", "disagree", "excluded")
        table = Table(*heads, "texts", "balances", title="expected values", show_footer=False)
        total: Counter[int] = Counter()
        for bank, figures in sorted(self.figures.items()):
            row = _row(figures)
            total.update(dict(enumerate(row)))
            table.add_row(bank, *_cells(row))
        table.add_section()
        table.add_row("all", *_cells([total[column] for column in range(11)]))
        return table

    def excluded_table(self) -> Table:
        """What was excluded, by file and field, with the reason."""
        table = Table("file", "field", "values", "reason", title="excluded")
        for figures in self.figures.values():
            for (file, field, reason), count in sorted(figures.excluded.items()):
                table.add_row(file, field, str(count), reason)
        return table


def read_exclusions(path: Path) -> tuple[Exclusion, ...]:
    """Reads exclusions.yaml. Raises msgspec.ValidationError for an entry that is not one."""
    return msgspec.convert(yaml.safe_load(path.read_text()), tuple[Exclusion, ...])


def _covers(entry: Exclusion, place: Place, aspects: frozenset[str]) -> bool:
    numbers = ((entry.case, place.case), (entry.account, place.account), (entry.transaction, place.transaction))
    return (
        fnmatchcase(place.file, entry.file)
        and fnmatchcase(place.field, entry.field.replace("[", "[[]"))
        and all(wanted is None or wanted == number for wanted, number in numbers)
        and (entry.where is None or entry.where in aspects)
    )


def _fields(expected: Mapping[str, Any], apart: Iterable[str]) -> list[tuple[str, Any]]:
    detail = {f"detail.{name}": value for name, value in expected.get("detail", {}).items()}
    return [(name, value) for name, value in expected.items() if name not in apart] + list(detail.items())


def _goes_to_review(row: Mapping[str, Any]) -> bool:
    """Whether the corpus says that the bank did not tell something of a row that the contract never guesses."""
    detail = row.get("detail", {})
    money = [detail.get(f"transactionAmount.{part}", "") for part in ("amount", "currency")]
    return None in (*money, *(row.get(name, "") for name in ("amount", "direction", "status")))


def _find_account(expected: Mapping[str, Any], accounts: Sequence[ReadAccount], facts: Facts) -> ReadAccount | None:
    """By the id or number that is expected, else by position: a tie goes to the position, else to the first."""
    named = {
        **expected["find"],
        **{name: expected[name] for name in ("accountId", "identification") if name in expected},
    }
    position = named.pop("position", None)

    def score(place: int) -> tuple[int, bool]:
        judges = [(account_judge(name), value) for name, value in named.items()]
        held = sum(judge[1](accounts[place], value, facts) for judge, value in judges if judge is not None)
        return held, place == position

    best = max(range(len(accounts)), key=score, default=None)
    return accounts[best] if best is not None and score(best) > (0, False) else None


def _take_transaction(
    expected: Mapping[str, Any], left: list[ReadRecord], order: Sequence[ReadRecord], facts: Facts
) -> ReadRecord | None:
    """Takes the record that agrees most out of those left: what finds a row weighs most, its position least."""
    find = expected["find"]

    def score(row: ReadRecord) -> int:
        weight = 64 * sum(_finds(name, value, row, facts) for name, value in find.items() if name != "position")
        weights = {"externalId": 32, "amount": 8, "direction": 4, "status": 2, "dateTime": 2, "description": 2}
        for name, points in weights.items():
            if name in expected and TRANSACTION[name][1](row, expected[name], facts):
                weight += points
        same_place = find.get("position") is not None and order[find["position"] :][:1] == (row,)
        return weight + same_place

    best = max(left, key=score, default=None)
    if best is None or score(best) == 0:
        return None
    left.remove(best)
    return best


def _finds(name: str, value: Any, row: ReadRecord, facts: Facts) -> bool:
    if name == "externalId":
        return same(row.bank_id, value)
    return TRANSACTION[name][1](row, value, facts)


def _row(figures: Figures) -> list[int]:
    agree = figures.agree
    return [
        figures.read,
        figures.normalised,
        figures.left_over,
        figures.expected,
        agree["values"],
        figures.disagree("values"),
        figures.excluded.total(),
        agree["texts"],
        agree["texts"] + figures.disagree("texts"),
        agree["balances"],
        agree["balances"] + figures.disagree("balances"),
    ]


def _cells(row: Sequence[int]) -> list[str]:
    return [*map(str, row[:7]), f"{row[7]}/{row[8]}", f"{row[9]}/{row[10]}"]
