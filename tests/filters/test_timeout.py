import asyncio

import pytest

from gateway.errors import BankTimedOut, BankUnreachable, DeadlineExceeded, UpstreamTimedOut
from gateway.exchange import Attempt, Response
from tests.filters.calling import ROUTE, a_record

POLICY = "defaults: {timeout: %s, filters: [{name: timeout, after: %s}]}\n" + ROUTE.replace(
    "operation: accounts.list", "operation: banks.list\n    public: true"
).replace("    filters: [{name: consent}]\n", "")
PLAIN = POLICY.replace("operation: banks.list", "upstream: {url: 'http://reports.test'}")


async def never(_exchange):
    await asyncio.Event().wait()


async def test_the_deadline_is_shortened(gateway_of):
    gateway = gateway_of(POLICY % ("30s", "5s"))
    before = asyncio.get_running_loop().time()
    await gateway.call()
    assert before + 4.9 < gateway.innermost.exchanges[0].deadline < before + 6


async def test_the_deadline_is_never_lengthened(gateway_of):
    gateway = gateway_of(POLICY % ("5s", "30s"))
    before = asyncio.get_running_loop().time()
    await gateway.call()
    assert gateway.innermost.exchanges[0].deadline < before + 6


async def test_what_goes_on_too_long_is_ended(gateway_of):
    gateway = gateway_of(POLICY % ("30s", "10ms"))
    gateway.innermost.answer = never
    with pytest.raises(DeadlineExceeded):
        await gateway.call()


@pytest.mark.parametrize(("policy", "kind"), [(POLICY, BankTimedOut), (PLAIN, UpstreamTimedOut)])
async def test_once_something_was_sent_the_outcome_is_unknown(gateway_of, policy, kind):
    gateway, record = gateway_of(policy % ("30s", "10ms")), a_record()
    gateway.innermost.answer = never
    record.attempts.append(Attempt("x", "x", "GET", "https://x.test", "1" * 16, "1", 0, 1))
    with pytest.raises(kind):
        await gateway.call(record=record)


async def test_what_ends_in_time_is_left_alone(gateway_of):
    gateway = gateway_of(POLICY % ("30s", "1s"))
    assert (await gateway.call()).status == 200
    for failure in (BankUnreachable(), TimeoutError("not ours")):
        gateway.innermost.answer = failure
        with pytest.raises(type(failure)):
            await gateway.call()
    gateway.innermost.answer = Response(204, (), b"")
    assert (await gateway.call()).status == 204
