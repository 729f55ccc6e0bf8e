"""One timer that rings for what was set last, and is set in the loop only when it must."""

import asyncio

import pytest

from gateway.alarm import Alarm


class Counting:
    """The running loop, counting the timers that were set in it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.set = 0

    def time(self) -> float:
        return self._loop.time()

    def call_at(self, when, action):
        self.set += 1
        return self._loop.call_at(when, action)


@pytest.fixture
async def rung() -> list[str]:
    return []


async def test_what_was_set_last_rings_and_rings_once(rung: list[str]):
    alarm = Alarm(asyncio.get_running_loop(), lambda: None)
    alarm.set_in(0.02, lambda: rung.append("first"))
    alarm.set_in(0.08, lambda: rung.append("second"))
    await asyncio.sleep(0.2)
    assert rung == ["second"]


async def test_an_earlier_time_goes_before_a_later(rung: list[str]):
    alarm = Alarm(asyncio.get_running_loop(), lambda: None)
    alarm.set_in(30, lambda: rung.append("late"))
    alarm.set_in(0.02, lambda: rung.append("early"))
    await asyncio.sleep(0.1)
    assert rung == ["early"]


async def test_later_times_set_no_timer(rung: list[str]):
    loop = Counting()
    alarm = Alarm(loop, lambda: None)  # type: ignore[arg-type]
    for _ in range(1000):
        alarm.set_in(0.05, lambda: rung.append("rang"))
    assert loop.set == 1
    await asyncio.sleep(0.2)
    assert rung == ["rang"]


async def test_an_alarm_that_has_ended_rings_no_more(rung: list[str]):
    alarm = Alarm(asyncio.get_running_loop(), lambda: None)
    alarm.set_in(0.02, lambda: rung.append("rang"))
    alarm.end()
    await asyncio.sleep(0.1)
    assert rung == []
    alarm.set_in(0.02, lambda: rung.append("again"))
    await asyncio.sleep(0.1)
    assert rung == ["again"]
