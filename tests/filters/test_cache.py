import asyncio

import pytest

from gateway.errors import BankFailed, ConsentMissing, DeadlineExceeded, RequestInvalid
from gateway.exchange import Consent, Response
from tests.filters.calling import DEFAULTS, ROUTE, Consents, a_record

PRESENT = {"PSU-IP-Address": "192.0.2.9"}


def policy(settings="keep: 60s"):
    return DEFAULTS + ROUTE.replace("[{name: consent}]", f"[{{name: consent}}, {{name: cache, {settings}}}]")


def numbered(gateway):
    """Answers 1, 2, 3 and so on."""

    async def answer(_exchange):
        return Response(200, (("Content-Type", "application/json"),), b"%d" % len(gateway.innermost.exchanges))

    gateway.innermost.answer = answer


async def test_a_kept_answer_tells_its_age(gateway_of):
    gateway, record = gateway_of(policy()), a_record()
    numbered(gateway)
    first = await gateway.call(headers=gateway.authorised())
    assert (first.body, dict(first.headers).get("Age")) == (b"1", None)
    gateway.clock.passed = 42.7
    second = await gateway.call(headers=gateway.authorised(), record=record)
    assert (second.body, dict(second.headers)["Age"]) == (b"1", "42")
    assert dict(second.headers)["Content-Type"] == "application/json"
    assert record.cached
    gateway.clock.passed = 60
    assert (await gateway.call(headers=gateway.authorised())).body == b"2"


async def test_the_ids_of_a_call_are_its_own(gateway_of):
    gateway = gateway_of(policy())
    await gateway.call(headers=gateway.authorised())
    own = "11111111-2222-4333-8444-555555555555"
    response = await gateway.call(headers={**gateway.authorised(), "x-fapi-interaction-id": own})
    assert [value for name, value in response.headers if name == "x-fapi-interaction-id"] == [own]


async def test_case_42_nobody_gets_what_was_kept_for_another(gateway_of):
    consents = Consents(
        Consent(id="consent-1", tenant="acme", bank="havel"),
        Consent(id="consent-2", tenant="acme", bank="havel"),
        Consent(id="consent-1", tenant="umbrella", bank="havel"),
    )
    gateway = gateway_of(policy(), consents=consents)
    numbered(gateway)
    calls = [
        {"headers": gateway.authorised()},
        {"headers": {**gateway.authorised(), "Consent-Id": "consent-2"}},
        {"headers": gateway.authorised(tenant="umbrella")},
        {"headers": gateway.authorised(client_id="ledger")},
        {"headers": gateway.authorised(sub="another")},
        {"headers": gateway.authorised(), "query": "from=2026-01-01"},
        {"headers": gateway.authorised(), "query": "from=2026-01-02"},
        {"headers": gateway.authorised(), "query": ""},
    ]
    for _ in range(2):
        assert [(await gateway.call(**call)).body for call in calls] == [b"%d" % n for n in range(1, 9)]


async def test_only_a_psu_who_is_present_may_ask_for_what_is_new(gateway_of):
    gateway = gateway_of(policy())
    numbered(gateway)
    sent = {**gateway.authorised(), "Cache-Control": "max-age=0, No-Cache"}
    assert (await gateway.call(headers=sent)).body == b"1"
    assert (await gateway.call(headers=sent)).body == b"1", "background work has no budget to waste"
    assert (await gateway.call(headers={**sent, **PRESENT})).body == b"2"
    assert (await gateway.call(headers=sent)).body == b"2", "what is new is kept in turn"


@pytest.mark.parametrize(
    "answer", [BankFailed(), ConsentMissing(), RequestInvalid(), Response(404, (), b"{}"), Response(204, (), b"")]
)
async def test_only_successes_are_kept(gateway_of, answer):
    gateway = gateway_of(policy())
    gateway.innermost.answer = answer
    for _ in range(2):
        if isinstance(answer, Response):
            await gateway.call(headers=gateway.authorised())
        else:
            with pytest.raises(type(answer)):
                await gateway.call(headers=gateway.authorised())
    assert len(gateway.innermost.exchanges) == 2


async def together(gateway, answer, count=10):
    """Calls that are all under way before the first is answered."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def held(exchange):
        entered.set()
        await go_on.wait()
        return await answer(exchange)

    gateway.innermost.answer = held
    first = asyncio.create_task(gateway.call(headers=gateway.authorised()))
    await entered.wait()
    rest = [asyncio.create_task(gateway.call(headers=gateway.authorised())) for _ in range(count - 1)]
    for _ in range(20):
        await asyncio.sleep(0)
    return first, rest, go_on


async def ok(_exchange):
    return Response(200, (), b"shared")


async def test_equal_calls_at_one_time_are_one_call(gateway_of):
    gateway = gateway_of(policy())
    first, rest, go_on = await together(gateway, ok)
    go_on.set()
    assert {response.body for response in await asyncio.gather(first, *rest)} == {b"shared"}
    assert len(gateway.innermost.exchanges) == 1


async def test_a_failure_of_the_bank_is_shared_but_each_has_its_own_problem(gateway_of):
    gateway = gateway_of(policy())

    async def fail(_exchange):
        raise BankFailed("It failed.", bank_status=500)

    first, rest, go_on = await together(gateway, fail)
    go_on.set()
    failures = await asyncio.gather(first, *rest, return_exceptions=True)
    assert len({id(failure) for failure in failures}) == len(failures)
    assert len(gateway.innermost.exchanges) == 1
    for failure in failures:
        assert (type(failure), failure.detail, failure.members) == (BankFailed, "It failed.", {"bank_status": 500})
        assert len([name for name, _ in failure.headers if name == "x-request-id"]) == 1


async def test_who_waited_goes_on_alone_when_the_first_caller_is_gone_or_late(gateway_of):
    async def late(exchange):
        if exchange is gateway.innermost.exchanges[0]:
            raise DeadlineExceeded
        return await ok(exchange)

    gateway = gateway_of(policy())
    first, rest, go_on = await together(gateway, late, count=3)
    go_on.set()
    outcomes = await asyncio.gather(first, *rest, return_exceptions=True)
    assert isinstance(outcomes[0], DeadlineExceeded)
    assert [response.body for response in outcomes[1:]] == [b"shared"] * 2
    gone = gateway_of(policy())
    first, rest, go_on = await together(gone, ok, count=3)
    first.cancel()
    go_on.set()
    outcomes = await asyncio.gather(first, *rest, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert [response.body for response in outcomes[1:]] == [b"shared"] * 2


async def asked(gateway, *queries):
    """How many of the queries, in their order, reached the bank."""
    before = len(gateway.innermost.exchanges)
    for query in queries:
        await gateway.call(headers=gateway.authorised(), query=query)
    return len(gateway.innermost.exchanges) - before


async def test_the_least_used_goes_first_when_there_are_too_many(gateway_of):
    gateway = gateway_of(policy("keep: 60s, entries: 2"))
    numbered(gateway)
    assert await asked(gateway, "a", "b", "a", "c") == 3
    assert await asked(gateway, "a", "c") == 0
    assert await asked(gateway, "b") == 1


async def test_bytes_are_bounded_and_what_is_too_large_is_not_kept(gateway_of):
    gateway = gateway_of(policy("keep: 60s, bytes: 1KiB"))
    gateway.innermost.answer = Response(200, (), b"x" * 400)
    assert await asked(gateway, "a", "b", "a") == 2
    assert await asked(gateway, "c", "b") == 2
    gateway.innermost.answer = Response(200, (), b"x" * 2000)
    assert await asked(gateway, "huge", "huge") == 2
    assert await asked(gateway, "b") == 0
