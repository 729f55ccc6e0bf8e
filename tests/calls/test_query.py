from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.query import LONGEST_CURSOR, Query, read_query
from gateway.errors import RequestInvalid

ALL = ("from", "to", "status", "cursor")


def test_what_a_list_may_be_asked():
    query = read_query("from=2026-01-02&to=2026-01-02&status=pending&cursor=a%2Db", ALL)
    assert query == Query(date(2026, 1, 2), date(2026, 1, 2), "pending", "a-b")
    assert read_query("", ALL) == Query()


@pytest.mark.parametrize(
    ("raw", "name", "message"),
    [
        (
            "form=2026-01-02",
            "a parameter",
            "is not known here (did you mean 'from'?). It takes: from, to, status, cursor.",
        ),
        ("&", "a parameter", "is not known here. It takes: from, to, status, cursor."),
        ("from=2026-01-02&from=2026-01-02", "from", "must stand once."),
        ("from=2026-02-30", "from", "must be a date: YYYY-MM-DD."),
        ("to=2026-1-2", "to", "must be a date: YYYY-MM-DD."),
        ("to=20260102", "to", "must be a date: YYYY-MM-DD."),
        ("to=2026-W01-1", "to", "must be a date: YYYY-MM-DD."),
        ("to=", "to", "must be a date: YYYY-MM-DD."),
        ("to=2026-01-02T00:00:00Z", "to", "must be a date: YYYY-MM-DD."),
        ("from=2026-01-03&to=2026-01-02", "from", "must not be after 'to'."),
        ("status=Booked", "status", "must be one of booked, pending, all."),
        ("cursor=", "cursor", "is not a cursor of this gateway."),
        (f"cursor={'a' * (LONGEST_CURSOR + 1)}", "cursor", "is not a cursor of this gateway."),
    ],
)
def test_anything_else_is_refused(raw, name, message):
    with pytest.raises(RequestInvalid) as caught:
        read_query(raw, ALL)
    wrong = [one for one in caught.value.members["errors"] if one["message"] == message]
    assert wrong[:1] == [{"name": name, "in": "query", "message": message}]


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(RequestInvalid) as caught:
        read_query("from=x&to=y&status=z&limit=5&cursor=", ALL)
    names = [one["name"] for one in caught.value.members["errors"]]
    assert names == ["a parameter", "from", "to", "status", "cursor"]


def test_a_list_without_parameters_says_that_it_takes_none():
    with pytest.raises(RequestInvalid) as caught:
        read_query("a=b", ())
    assert [one["message"] for one in caught.value.members["errors"]] == ["is not known here. It takes none."]


@given(st.text(max_size=60))
def test_whatever_is_asked_is_a_query_or_refused_without_an_echo(raw):
    try:
        read_query(raw, ALL)
    except RequestInvalid as refused:
        assert refused.members["errors"]  # noqa: PT017 - either way is right
