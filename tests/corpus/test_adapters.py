"""The adapters on recorded banks: the gateway, called through its door, asks as those banks were asked, page by page.

`pytest tests/corpus/test_adapters.py -s` prints what was asked and matched, bank by bank.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from tests.corpus import CORPUS, NEEDED
from tests.corpus.cases import read_pages
from tests.corpus.engine import DIALECTS
from tests.corpus.recorded_walks import read_walks, unexplained, walk_names
from tests.corpus.replay import describe
from tests.corpus.walking import Walked, walk_all

WALKS = Path(__file__).with_name("walks.yaml")
pytestmark = pytest.mark.skipif(CORPUS is None, reason=NEEDED)
each_walk = pytest.mark.parametrize("name", walk_names(WALKS))


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Walked]:
    assert CORPUS is not None
    walks = asyncio.run(walk_all(read_walks(CORPUS, WALKS), tmp_path_factory.mktemp("walks") / "gateway"))
    console = Console(width=180)
    console.print(_table(walks))
    console.print(_not_enforced(walks))
    return {walk.conversation.name: walk for walk in walks}


@each_walk
def test_requests_that_match_nothing_are_explained(walked: dict[str, Walked], name: str) -> None:
    found = walked[name].unmatched
    left, unused = unexplained(found, walked[name].conversation.walk.unmatched)
    assert not left, describe([found[one] for one in left])
    assert not unused, "every request matched, or another entry explains it"


@each_walk
def test_every_recorded_page_is_asked_for_or_explained(walked: dict[str, Walked], name: str) -> None:
    assert unexplained(walked[name].unasked, walked[name].conversation.walk.unasked) == ([], [])


@each_walk
def test_a_list_ends_early_only_where_the_recording_does(walked: dict[str, Walked], name: str) -> None:
    assert unexplained(walked[name].gaps, walked[name].conversation.walk.gaps) == ([], [])


@each_walk
def test_every_record_is_told_or_said_to_be_left_out(walked: dict[str, Walked], name: str) -> None:
    walk = walked[name]
    assert walk.failures == [], "the bank answered, the gateway did not"
    for kind in ("accounts", "balances", "transactions"):
        outside = walk.conversation.walk.outside if kind == "transactions" else 0
        assert walk.records(kind) + walk.left_out(kind) + outside == walk.recorded(kind), kind
    least = walk.conversation.walk.at_least
    assert walk.counts.reaches(least), f"{walk.counts} is less than {least}"


def test_every_happy_flow_of_a_dialect_is_walked() -> None:
    assert CORPUS is not None
    pages: dict[str, set[str]] = {}
    for one in read_walks(CORPUS, WALKS):
        pages.setdefault(one.walk.recorded, set()).update(page.file for page in one.pages)
    recorded = [folder for folder in (CORPUS / "recorded").glob("*/*") if folder.name in DIALECTS]
    assert {f"{folder.parent.name}/{folder.name}" for folder in recorded} == set(pages)
    for folder in recorded:
        happy = {page.file for page in read_pages(folder, ("",)) if "happy" in page.file or "/" not in page.file}
        assert happy <= pages[f"{folder.parent.name}/{folder.name}"]


def _table(walks: list[Walked]) -> Table:
    numbers = ("requests", "matched", "explained", "calls", "accounts", "balances", "transactions", "pages of them")
    table = Table("walk", "recorded", *numbers, "left out", "other days", title="recorded banks, through the door")
    for column in table.columns[2:]:
        column.justify = "right"
    rows = [_numbers(walk) for walk in walks]
    for walk, row in zip(walks, rows, strict=True):
        table.add_row(walk.conversation.name, walk.conversation.walk.recorded, *map(str, row))
    table.add_section()
    table.add_row("all", "", *(str(sum(column)) for column in zip(*rows, strict=True)))
    return table


def _numbers(walk: Walked) -> tuple[int, ...]:
    matched = sum(exchange.file is not None for exchange in walk.exchanges)
    left, _ = unexplained(walk.unmatched, walk.conversation.walk.unmatched)
    counts = walk.counts
    return (
        len(walk.exchanges),
        matched,
        len(walk.unmatched) - len(left),
        len(walk.calls),
        counts.accounts,
        counts.balances,
        counts.transactions,
        counts.pages,
        sum(walk.left_out(kind) for kind in ("accounts", "balances", "transactions")),
        walk.conversation.walk.outside,
    )


def _not_enforced(walks: list[Walked]) -> Table:
    table = Table("matcher", "why it is not enforced", "times", title="waived")
    for (about, why), times in sorted(_waived(walks).items()):
        table.add_row(about, why, str(times))
    return table


def _waived(walks: list[Walked]) -> Counter[tuple[str, str]]:
    def each() -> Iterator[tuple[str, str]]:
        for walk in walks:
            for exchange in walk.exchanges:
                for finding in exchange.waived:
                    about = " ".join(finding.about.split()[:2]) if finding.about.startswith("header") else "url"
                    yield about, finding.waived

    return Counter(each())
