import pytest

from gateway.mapping.tables import BOOLEANS, UNKNOWN, Table


@pytest.mark.parametrize(
    ("settings", "known", "unknown"),
    [
        ({}, ["Booked"], ["booked", " Booked", "UK.OBIE.Booked", ""]),
        ({"fold_case": True}, ["Booked", "BOOKED", " booked "], ["UK.OBIE.Booked", "book ed"]),
        ({"prefix": "UK.OBIE."}, ["Booked", "UK.OBIE.Booked", " UK.OBIE.Booked"], ["uk.obie.Booked", "booked"]),
        ({"prefix": "UK.OBIE.", "fold_case": True}, ["uk.obie.BOOKED", "booked"], ["UK.Booked"]),
    ],
)
def test_codes_are_equal_as_far_as_the_file_says(settings, known, unknown):
    table = Table({"Booked": "booked"}, **settings)
    assert [table[code] for code in known] == ["booked"] * len(known)
    assert [table[code] for code in unknown] == [UNKNOWN] * len(unknown)


def test_an_absent_code_is_null_and_a_null_word_is_known():
    table = Table({"A": None})
    assert table[None] is None
    assert table["A"] is None
    assert table["B"] is UNKNOWN


def test_a_star_is_any_other_code():
    table = Table({"A": "a", "*": "rest"}, fold_case=True)
    assert [table["a"], table["b"], table["*"], table[None]] == ["a", "rest", "rest", None]


def test_nothing_that_a_bank_sends_is_kept():
    table = Table({"A": "a"}, fold_case=True)
    before = len(table)
    for number in range(100):
        assert table[f"code {number}"] is UNKNOWN
    assert len(table) == before


@pytest.mark.parametrize(("text", "truth"), [("true", True), ("False", False), ("1", True), ("0", False)])
def test_words_for_truth(text, truth):
    assert BOOLEANS[text] is truth
    assert BOOLEANS["maybe"] is UNKNOWN
