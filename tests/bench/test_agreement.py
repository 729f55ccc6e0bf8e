import json

import pytest

from tests.bench.agreement import Disagreement, compare, settled

SOURCE = {"bank": "b", "mapping": "m@1", "fetched_at": "2026-11-22T10:00:00.000Z", "raw_ref": "r"}


def page(**record):
    return json.dumps({"transactions": [{"id": "a", "source": SOURCE, **record}], "incomplete": None, "next": None})


def test_pages_that_differ_in_the_moment_only_agree():
    later = {**SOURCE, "fetched_at": "2026-11-22T11:00:00.000Z", "raw_ref": "s"}
    compare(settled(page()), settled(page(source=later)))


@pytest.mark.parametrize("name", ["fetched_at", "raw_ref"])
def test_what_is_of_the_moment_must_be_there(name):
    with pytest.raises(Disagreement, match=rf"transactions\[0\]\.source has no {name}"):
        settled(page(source={**SOURCE, name: None}))


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"id": "b"}, "transactions[0].id is 'b' where the gateway says 'a'"),
        ({"fx": None}, "transactions[0] has other members: ['fx']"),
        ({"id": ["a"]}, "transactions[0].id is ['a'] where the gateway says 'a'"),
        ({"source": {**SOURCE, "bank": "c"}}, "transactions[0].source.bank is 'c' where the gateway says 'b'"),
    ],
)
def test_the_first_difference_is_told_with_its_place(record, told):
    with pytest.raises(Disagreement) as caught:
        compare(settled(page()), settled(page(**record)))
    assert str(caught.value) == told


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, True), ([1], [1, 2]), (None, {}), ("1", 1)])
def test_values_of_another_kind_or_number_differ(one, other):
    with pytest.raises(Disagreement):
        compare(one, other)
