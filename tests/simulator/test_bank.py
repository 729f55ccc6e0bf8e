from datetime import datetime
from typing import Any


async def test_a_page_is_built_once_a_day(simulate: Any, written: Any) -> None:
    now = [datetime.fromisoformat("2026-03-18T12:00:00+00:00")]
    resource = "/accounts/c%2F1/transactions?bookingStatus=both&dateFrom=2026-01-01"
    async with simulate(written(), clock=lambda: now[0]) as caller:
        state = caller.simulation.banks["corbel"].state
        first = await caller.get("corbel", resource)
        built = dict(state._built)
        assert (await caller.get("corbel", resource)).body == first.body
        assert {key: id(answer) for key, answer in state._built.items()} == {k: id(v) for k, v in built.items()}
        now[0] = datetime.fromisoformat("2026-03-20T12:00:00+00:00")
        later = await caller.get("corbel", resource)
    assert len(state._built) == 1
    before = first.json["transactions"]["booked"]
    assert later.json["transactions"]["booked"] != before
    assert {row["transactionId"] for row in before[:5]} < {
        row["transactionId"] for row in later.json["transactions"]["booked"]
    }


async def test_a_row_that_was_pending_is_booked_some_days_later(simulate: Any, written: Any) -> None:
    now = [datetime.fromisoformat("2026-03-18T12:00:00+00:00")]
    resource = "/accounts/c%2F1/transactions?bookingStatus=both&dateFrom=2026-01-01"
    async with simulate(written(), clock=lambda: now[0]) as caller:
        pending = (await caller.get("corbel", resource)).json["transactions"]["pending"]
        now[0] = datetime.fromisoformat("2026-03-23T12:00:00+00:00")
        booked = (await caller.get("corbel", resource)).json["transactions"]["booked"]
    assert pending
    assert {row["transactionId"] for row in pending} <= {row["transactionId"] for row in booked}


async def test_what_is_built_is_not_shared_between_consents(simulate: Any, written: Any) -> None:
    wide = {"token": "simulator-only.wide", "consent": "one"}
    narrow = {"token": "simulator-only.narrow", "consent": "two", "accounts": ["c-2"]}
    async with simulate(written(accesses=[wide, narrow])) as caller:
        counts = [
            len((await caller.get("corbel", "/accounts", token=one["token"])).json["accounts"])
            for one in (wide, narrow, wide)
        ]
    assert counts == [2, 1, 2]
