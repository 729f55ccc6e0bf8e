"""Requests with two readings, sent to the gateway alone, before proxies, and behind them, where callers share ways.

What the gateway gets first is turned away, on both of aiohttp's parsers. What a proxy has read first is what the proxy
made of it: each request that reaches the upstream has its own answer, and none is seen that nobody sent.
"""

from collections.abc import Mapping

import pytest

from tests.e2e.chains import PROXIES, Chain
from tests.e2e.conversations import Talk, all_of, line, talk, unaccounted
from tests.web.raw import BROKEN_CHUNKS, REFUSED, TAKEN, request

GATEWAY_FIRST = ("alone", "other parser", *(f"before {kind}" for kind in PROXIES))
TARGETS = ("/v1/things", "*", "/")


def chain_of(chains: Mapping[str, Chain], name: str) -> Chain:
    if name not in chains:
        pytest.skip(f"{name.rsplit(maxsplit=1)[-1]} is not on this machine")
    return chains[name]


async def talks_of(chain: Chain, below: str, asked: Mapping[str, str]) -> dict[str, Talk]:
    """The talk of each request; those whose fields are lost, and their name with them, are sent one by one."""

    async def one(name: str, *, nameless: bool = False) -> Talk:
        called = f"{chain.name}/{below}/{name.replace(' ', '-')}"
        head, end, rest = asked[name].encode("latin-1").partition(b"\r\n\r\n")
        return await talk(chain, called, head + b"\r\n" + line(called) + end[2:] + rest, nameless=nameless)

    named = [name for name in asked if "\r\n\r\n" in asked[name] and name != "no version"]
    talks = dict(zip(named, await all_of([one(name) for name in named]), strict=True))
    return talks | {name: await one(name, nameless=True) for name in asked if name not in talks}


def unlike(talks: Mapping[str, Talk], *targets: str) -> dict[str, list[str]]:
    """What is wrong, by the request's name."""
    return {name: wrongs for name, one in talks.items() if (wrongs := one.wrongs(*targets))}


@pytest.mark.parametrize("name", GATEWAY_FIRST)
async def test_case_24_two_readings_are_turned_away(name: str, chains: Mapping[str, Chain]) -> None:
    chain = chain_of(chains, name)
    talks = await talks_of(chain, "refused", REFUSED | BROKEN_CHUNKS)
    assert {name: one.first.status for name, one in talks.items() if not one.turned_away} == {}
    assert {one.first.status for one in talks.values()} == {400}
    assert unaccounted(chain, talks.values(), below="refused") == []


@pytest.mark.parametrize("name", GATEWAY_FIRST)
async def test_case_24_what_only_looks_odd_is_taken(name: str, chains: Mapping[str, Chain]) -> None:
    chain = chain_of(chains, name)
    talks = await talks_of(chain, "taken", TAKEN)
    assert unlike(talks, *TARGETS) == {}
    assert {name: one.first.status for name, one in talks.items() if not one.taken} == {}
    bodies = {name: one.seen[0].body for name, one in talks.items()}
    assert {name for name, body in bodies.items() if body == b"hello"} == {
        name for name, raw in TAKEN.items() if "hello" in raw
    }


@pytest.mark.parametrize("kind", PROXIES)
async def test_case_24_behind_a_proxy_no_answer_goes_astray(kind: str, chains: Mapping[str, Chain]) -> None:
    chain = chain_of(chains, f"behind {kind}")
    talks = await talks_of(chain, "all", REFUSED | BROKEN_CHUNKS | TAKEN)
    assert unlike(talks, *TARGETS) == {}
    assert unaccounted(chain, talks.values(), below="all") == []


@pytest.mark.parametrize("name", ["alone", "other parser", *(f"behind {kind}" for kind in PROXIES)])
async def test_case_24_a_trailer_of_one_is_no_field_of_another(name: str, chains: Mapping[str, Chain]) -> None:
    chain = chain_of(chains, name)
    called = f"{chain.name}/trailers/first"
    fields = ("Transfer-Encoding: chunked", "Trailer: X-Canary", line(called).decode().strip())
    first = request("POST", "/v1/things", *fields, body="5\r\nhello\r\n0\r\nX-Canary: leaked\r\n\r\n").encode()
    # Without the end of its connection: a proxy gives what it asked the gateway over to the next caller.
    talks = [await talk(chain, called, first)]
    for number in range(4):
        other = f"{chain.name}/trailers/{number}"
        talks.append(await talk(chain, other, request("GET", "/v1/things", line(other).decode().strip()).encode()))
    seen = [one for each in talks for one in each.seen]
    assert [each.first.status for each in talks] == [200] * 5
    assert [one.get("x-canary") for one in seen] == [""] * len(seen)
