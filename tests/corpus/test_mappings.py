"""The mappings on recorded payloads that nobody here wrote: what was read, what was left over, what agrees."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.corpus import CORPUS, NEEDED
from tests.corpus.cases import read_bare_cases, read_cases
from tests.corpus.comparator import Comparator, read_exclusions
from tests.corpus.engine import Engine
from tests.corpus.report_cases import read_report_cases

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(CORPUS is None, reason=NEEDED)


@pytest.fixture(scope="module")
def comparator() -> Iterator[Comparator]:
    assert CORPUS is not None
    engine = Engine()
    comparator = Comparator(read_exclusions(HERE / "exclusions.yaml"), engine.facts)
    for case in [*read_cases(CORPUS, HERE / "cases.yaml"), *read_report_cases(CORPUS), *read_bare_cases(CORPUS)]:
        comparator.compare(case, engine.run_mapping)
    return comparator


def test_every_expected_value_agrees_or_is_excluded_by_name(comparator: Comparator) -> None:
    console = Console(width=200)
    console.print(comparator.table())
    console.print(comparator.excluded_table())
    disagreements = [
        f"{found.place}: expected {found.expected!r}"
        for _, figures in sorted(comparator.figures.items())
        for found in figures.disagreements
        if found.tally == "values"
    ]
    assert disagreements == []


def test_no_exclusion_is_left_that_excludes_nothing(comparator: Comparator) -> None:
    assert [str(entry) for entry in comparator.unused()] == []


def test_no_page_is_refused(comparator: Comparator) -> None:
    refused = {
        f"{bank}:{file}": reason
        for bank, figures in comparator.figures.items()
        for file, reason in figures.refused.items()
    }
    assert refused == {}
