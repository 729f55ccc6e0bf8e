"""The corpus' requests that readers read differently, sent to the gateway alone, behind proxies and before them.

Alone, on both of aiohttp's parsers, and before a proxy: what is ambiguous or an attack is turned away and seen by
nobody behind; what is harmless is taken, unless `desync.yaml` says why not. Behind a proxy, which has its own reading
first: each request that reaches the upstream has its own answer, and none is seen that nobody sent.
"""

from collections.abc import Mapping

import pytest

from tests.corpus import CORPUS, NEEDED
from tests.corpus.desync import Case, cases, stricter
from tests.e2e.chains import PROXIES, Chain
from tests.e2e.conversations import SMUGGLED, Talk, all_of, talk, unaccounted

pytestmark = pytest.mark.skipif(CORPUS is None, reason=NEEDED)

_HARMLESS = ("Compliant", "Acceptable")


def chain_of(chains: Mapping[str, Chain], name: str) -> Chain:
    if name not in chains:
        pytest.skip(f"{name.rsplit(maxsplit=1)[-1]} is not on this machine")
    return chains[name]


async def talks_of(chain: Chain, asked: list[Case]) -> dict[str, Talk]:
    """The talk of each case, by its name."""

    async def one(case: Case) -> Talk:
        called = f"{chain.name}/desync/{case.place}"
        return await talk(chain, called, case.request(called), nameless=case.nameless)

    named, nameless = ([case for case in asked if case.nameless is which] for which in (False, True))
    talks = dict(zip((case.name for case in named), await all_of([one(case) for case in named]), strict=True))
    return talks | {case.name: await one(case) for case in nameless}


async def told_apart(chain: Chain, talks: Mapping[str, Talk]) -> None:
    """A last request, on a connection of its own, is answered as itself; then nothing is left over."""
    called = f"{chain.name}/desync/last"
    last = await talk(chain, called, b"")
    assert last.wrongs() == []
    assert len(last.seen) == 2
    assert unaccounted(chain, [*talks.values(), last], below="desync") == []


@pytest.mark.parametrize("name", ["alone", "other parser", *(f"before {kind}" for kind in PROXIES)])
async def test_what_readers_read_differently_is_turned_away(name: str, chains: Mapping[str, Chain]) -> None:
    chain, reasons = chain_of(chains, name), stricter()
    asked = list(cases())
    assert len(asked) > 150
    talks = await talks_of(chain, asked)
    wrong: dict[str, object] = {}
    for case in asked:
        told = talks[case.name]
        if told.wrongs(*case.targets):
            wrong[case.name] = told.wrongs(*case.targets)
        elif case.tier not in _HARMLESS:
            if not told.turned_away:
                wrong[case.name] = f"{case.tier}, answered with {told.first.status}"
        elif told.taken == (case.place in reasons):
            wrong[case.name] = f"{case.tier}, answered with {told.first.status}, listed: {case.place in reasons}"
    assert wrong == {}
    await told_apart(chain, talks)


@pytest.mark.parametrize("kind", PROXIES)
async def test_whatever_a_proxy_makes_of_it_no_answer_goes_astray(kind: str, chains: Mapping[str, Chain]) -> None:
    chain = chain_of(chains, f"behind {kind}")
    asked = [case for case in cases() if not case.endless]
    talks = await talks_of(chain, asked)
    # To a proxy that passes over a length, what hides in the body is a request, which it answers.
    wrong = {case.name: talks[case.name].wrongs(*case.targets, SMUGGLED) for case in asked}
    assert {name: found for name, found in wrong.items() if found} == {}
    assert sum(one.taken for one in talks.values()) > 10
    await told_apart(chain, talks)
