import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.simulator.configuration import Paging
from gateway.simulator.data_file import read_banks
from gateway.simulator.paging import cut, fold, unfold
from gateway.simulator.refusal import Refusal

WORD = some.text(min_size=1, max_size=12)
BANK = read_banks()["albion"]


@given(
    style=some.sampled_from(["page", "token", "offset"]),
    first=some.sampled_from([0, 1]),
    size=some.integers(1, 100),
    page=some.integers(0, 50),
    parameters=some.dictionaries(WORD.filter(lambda word: word not in {"at", "limit"}), WORD, max_size=4),
)
def test_what_is_folded_unfolds(style: str, first: int, size: int, page: int, parameters: dict[str, str]) -> None:
    paging = Paging(style=style, parameter="at", first=first, size=size)  # type: ignore[arg-type]
    query = fold("albion", paging, tuple(parameters.items()), page, size)
    assert unfold("albion", paging, query) == (tuple(parameters.items()), page, size)


def test_a_token_is_good_at_its_own_bank_only() -> None:
    paging = Paging(style="token", parameter="at")
    query = fold("albion", paging, (), 3, 25)
    with pytest.raises(Refusal, match="parameter_invalid at"):
        unfold("havel", paging, query)


@pytest.mark.parametrize(
    "query", ["page=0", "page=%2B1", "page=%D9%A1", "page=1e1", "page=", "page=12345678", "page=1&page=1"]
)
def test_a_page_is_a_plain_number_from_the_first(query: str) -> None:
    with pytest.raises(Refusal):
        unfold("albion", Paging(), query)


def test_a_list_is_cut_whole() -> None:
    assert [list(page) for page in cut(BANK, list(range(7)), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [list(page) for page in cut(BANK, [], 3)] == [[]]
