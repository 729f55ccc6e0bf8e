"""A cursor is good for one list of one caller under one consent, for an hour, and never shows what it holds."""

import base64

import msgspec
import pytest

from gateway.calls.query import LONGEST_CURSOR
from gateway.errors import CursorExpired, RequestInvalid
from gateway.exchange import Grant
from tests.calls.counter import CONSENT
from tests.calls.test_reading import ROW, page

OTHER = Grant("acc_2", "r2")
LIST = "transactions.list"


@pytest.fixture
def first(counter, request):
    """A counter of three pages, and what asks its first."""
    del request
    return counter(
        (Grant("acc_1", "r1"), OTHER),
        r1=page({"id": "1"}, next="two"),
        r2=page({"id": "9"}, next="two"),
        two=page({"id": "2"}, next="three"),
        three=page({"id": "3"}),
    )


async def test_a_list_goes_on_where_it_ended(first):
    one = await first.ask(LIST, "acc_1", "from=2026-01-01&status=all")
    two = await first.ask(LIST, "acc_1", f"cursor={one['next']}")
    three = await first.ask(LIST, "acc_1", f"cursor={two['next']}&from=2026-01-01&status=all")
    assert [len(each["transactions"]) for each in (one, two, three)] == [1, 1, 1]
    assert three["next"] is None
    assert first.asked == ["/transactions.list/r1", "/transactions.list/two", "/transactions.list/three"]
    assert [(str(call.from_date), call.status) for call in first.dialect.calls] == [("2026-01-01", "all")] * 3


async def test_a_cursor_shows_nothing(first):
    one = await first.ask(LIST, "acc_1")
    raw = base64.urlsafe_b64decode(one["next"] + "==")
    assert b"two" not in raw
    assert b"bank.example" not in raw
    assert one["next"] != (await first.ask(LIST, "acc_1"))["next"]


async def test_each_way_to_misuse_a_cursor_is_answered_alike(first):
    cursor = (await first.ask(LIST, "acc_1"))["next"]
    asked = len(first.asked)
    other_consent = msgspec.structs.replace(CONSENT, id="consent-2")
    first.consents._grants["consent-2"] = first.consents._grants["consent-1"]
    misuses = [
        (LIST, "acc_2", cursor, {}),
        ("balances.list", "acc_1", cursor, {}),
        ("accounts.list", None, cursor, {}),
        (LIST, "acc_1", cursor, {"client": "another service"}),
        (LIST, "acc_1", cursor, {"tenant": "other"}),
        (LIST, "acc_1", cursor, {"consent": other_consent}),
        (LIST, "acc_1", cursor[:-1], {}),
        (LIST, "acc_1", cursor[:30] + ("A" if cursor[30] != "A" else "B") + cursor[31:], {}),
        (LIST, "acc_1", "AAAA", {}),
        (LIST, "acc_1", "https://bank.example/api/two", {}),
    ]
    for operation, account, text, changes in misuses:
        with pytest.raises(CursorExpired) as caught:
            await first.ask(operation, account, f"cursor={text}", **changes)
        assert caught.value.detail == "The cursor is not of this list: start the list again."
        assert caught.value.status == 410
    assert len(first.asked) == asked


async def test_a_cursor_ends_after_an_hour(first):
    cursor = (await first.ask(LIST, "acc_1"))["next"]
    first.later(minutes=59)
    await first.ask(LIST, "acc_1", f"cursor={cursor}")
    first.later(minutes=2)
    with pytest.raises(CursorExpired, match="past its time"):
        await first.ask(LIST, "acc_1", f"cursor={cursor}")


async def test_a_cursor_of_another_version_of_the_mapping_has_ended(first, monkeypatch):
    cursor = (await first.ask(LIST, "acc_1"))["next"]
    monkeypatch.setattr(first.desk.mappings[LIST], "name", "testing/transactions.list@2")
    with pytest.raises(CursorExpired, match="past its time"):
        await first.ask(LIST, "acc_1", f"cursor={cursor}")


@pytest.mark.parametrize("query", ["from=2026-01-02", "to=2026-12-31", "status=booked"])
async def test_a_cursor_and_a_query_that_contradict_each_other(first, query):
    cursor = (await first.ask(LIST, "acc_1", "from=2026-01-01"))["next"]
    with pytest.raises(RequestInvalid) as caught:
        await first.ask(LIST, "acc_1", f"cursor={cursor}&{query}")
    assert [one["name"] for one in caught.value.members["errors"]] == ["cursor"]


async def test_equal_rows_are_told_apart_over_pages(counter):
    twin = {"id": None}
    whole = await counter(r1=page(twin, twin, twin)).ask(LIST, "acc_1")
    parted = counter(r1=page(twin, twin, next="two"), two=page(twin))
    one = await parted.ask(LIST, "acc_1")
    two = await parted.ask(LIST, "acc_1", f"cursor={one['next']}")
    ids = [record["id"] for each in (one, two) for record in each["transactions"]]
    assert ids == [record["id"] for record in whole["transactions"]]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("length", [10, 2000, 2800])
async def test_a_cursor_that_is_given_is_taken_however_long_the_banks_link(counter, length):
    link = "a" * length
    rows = [{**ROW, "id": None, "text": str(number)} for number in range(100)]
    asked = counter(r1={"rows": rows, "next": link}, **{link: page({"id": "2"})})
    one = await asked.ask(LIST, "acc_1")
    assert len(one["next"]) <= LONGEST_CURSOR
    two = await asked.ask(LIST, "acc_1", f"cursor={one['next']}")
    assert len(two["transactions"]) == 1


async def test_a_link_that_fits_no_cursor_is_a_gap(counter):
    one = await counter(r1=page({}, next="a" * 4000)).ask(LIST, "acc_1")
    assert (one["next"], one["incomplete"]["gap"]) == (None, "next_link_malformed")
