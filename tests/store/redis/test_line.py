"""A Redis that dies, hangs, restarts, changes hands or refuses: what calls are told, and how soon."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from gateway.errors import StoreUnavailable
from gateway.store.counters import Window
from gateway.store.redis import Line, RedisCounters
from gateway.store.redis.line import Script
from tests.store.conftest import Tally
from tests.store.servers import RedisServer

Lines = Callable[..., Awaitable[Line]]
HOUR = Window("hour", 3, 3600)


@pytest.fixture
def fragile(tmp_path) -> Iterator[RedisServer]:
    """A server that a test may harm."""
    started = RedisServer(tmp_path)
    yield started
    started.close()


async def test_a_server_that_is_killed_is_away_at_once_and_back_when_it_is(
    fragile: RedisServer, lines: Lines, tally: Tally
):
    line = await lines(fragile.url)
    counters = RedisCounters(line)
    assert (await counters.take((("a", HOUR),)))[0]
    fragile.kill()
    await tally.until(lambda: not line.there)
    with pytest.raises(StoreUnavailable) as caught:
        await counters.take((("a", HOUR),))
    assert dict(caught.value.headers)["Retry-After"] == "1"
    fragile.start()
    await tally.until(lambda: line.there)
    # It forgot everything, the script too.
    assert (await counters.take((("a", HOUR),)))[1][0].remaining == 2
    assert tally.states == [False, True, False, True]
    assert set(tally.failures) == {"unreachable"}


async def test_a_server_that_hangs_costs_one_timeout_for_all(fragile: RedisServer, lines: Lines, tally: Tally):
    line = await lines(fragile.url, within=0.2)
    fragile.hang()
    begun = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(line.ask("ping", "PING") for _ in range(50)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailable}
    assert asyncio.get_running_loop().time() - begun >= 0.2
    assert not line.there
    with pytest.raises(StoreUnavailable):
        # Nothing is awaited: the refusal is there before the loop turns.
        line.ask("ping", "PING").send(None)
    fragile.wake()
    await tally.until(lambda: line.there)
    assert await line.ask("ping", "PING") == b"PONG"
    assert tally.failures[0] == "timed_out"


async def test_a_hang_is_noticed_though_nobody_asks(fragile: RedisServer, lines: Lines, tally: Tally):
    line = await lines(fragile.url, within=0.1)
    fragile.hang()
    await tally.until(lambda: not line.there)
    assert tally.failures[0] == "timed_out"


async def test_a_call_that_is_given_up_takes_nobody_elses_answer(server: RedisServer, lines: Lines):
    line = await lines(server.url)
    echo = [asyncio.ensure_future(line.ask("echo", "ECHO", str(number))) for number in range(20)]
    await asyncio.sleep(0)
    for given_up in echo[::2]:
        given_up.cancel()
    answers = await asyncio.gather(*echo, return_exceptions=True)
    assert answers[1::2] == [str(number).encode() for number in range(1, 20, 2)]


async def test_a_script_that_was_forgotten_is_told_again(server: RedisServer, lines: Lines):
    line = await lines(server.url)
    script = Script("seven", "return 3 + ARGV[1]")
    assert await line.run(script, (), (4,)) == 7
    server.say("SCRIPT", "FLUSH")
    assert await line.run(script, (), (4,)) == 7


async def test_failover_goes_to_who_takes_writes(tmp_path, tally: Tally, lines: Lines):
    """The address stays and what it leads to changes: as with a service, a balancer or a managed Redis."""
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    first = RedisServer(folders[0])
    second = RedisServer(folders[1], "--replicaof", f"127.0.0.1 {first.port}")
    leads_to = [first.port]
    address = await asyncio.start_server(lambda *ends: _forward(leads_to[0], *ends), "127.0.0.1", 0)
    try:
        line = await lines(f"redis://127.0.0.1:{address.sockets[0].getsockname()[1]}")
        counters = RedisCounters(line)
        assert (await counters.take((("a", HOUR),)))[1][0].remaining == 2
        await line.ask("wait", "WAIT", 1, 4000)
        second.say("REPLICAOF", "NO", "ONE")
        first.say("REPLICAOF", "127.0.0.1", str(second.port))
        with pytest.raises(StoreUnavailable):
            await counters.take((("a", HOUR),))
        await tally.until(lambda: tally.failures.count("read_only") >= 2)
        assert not line.there, "it answers, but takes no writes"
        leads_to[0] = second.port
        await tally.until(lambda: line.there)
        assert (await counters.take((("a", HOUR),)))[1][0].remaining == 1, "what was counted is counted still"
        await line.close()
    finally:
        address.close()
        for one in (first, second):
            one.close()


async def _forward(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        there, back = await asyncio.open_connection("127.0.0.1", port)
    except BaseException:
        writer.close()
        raise

    async def pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
        try:
            while some := await source.read(65536):
                into.write(some)
        except ConnectionError:
            pass
        finally:
            into.close()

    await asyncio.gather(pour(reader, back), pour(there, writer))


async def test_a_server_that_is_full_is_away(fragile: RedisServer, lines: Lines, tally: Tally):
    line = await lines(fragile.url)
    fragile.say("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(StoreUnavailable):
        await RedisCounters(line).take((("a", HOUR),))
    assert not line.there
    fragile.say("CONFIG", "SET", "maxmemory", "0")
    await tally.until(lambda: line.there)
    assert "full" in tally.failures


async def test_what_is_no_redis_is_away(lines: Lines, tally: Tally):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        finally:
            writer.close()

    web = await asyncio.start_server(answer, "127.0.0.1", 0)
    line = await lines(f"redis://127.0.0.1:{web.sockets[0].getsockname()[1]}")
    assert not line.there
    assert tally.failures[0] == "no_redis"
    await line.close()
    web.close()


async def test_a_start_without_redis_is_a_start(lines: Lines, tally: Tally):
    line = await lines("redis://127.0.0.1:1")
    assert not line.there
    assert tally.failures[0] == "unreachable"
