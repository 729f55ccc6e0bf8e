"""From a head to a handler and back: what a handler sees, and what each of its endings becomes."""

import asyncio
import json
import re
import uuid

import pytest

from gateway.errors import BankUnreachable, GatewayFault, RateLimited, Unauthenticated
from gateway.exchange import Attempt, Exchange, Response
from gateway.web.door import CALLER_GONE
from tests.web.conftest import Calls, Log, Serve, Wire, request

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def failing(error: BaseException):
    async def fail(_exchange: Exchange) -> Response:
        raise error

    return fail


async def test_a_handler_sees_the_request_as_it_came(wire: Wire, calls: Calls):
    before = asyncio.get_running_loop().time()
    await wire.get("/v1/things/a%20b?from=%2F&a=1", "X-Odd-Case: kept", "Accept: a", "Accept: b")
    exchange = calls.seen[0]
    assert (exchange.request.path, exchange.request.query) == ("/v1/things/a%20b", "from=%2F&a=1")
    assert exchange.request.method == "GET"
    assert exchange.request.headers.getall("accept", []) == ["a", "b"]
    assert ("X-Odd-Case", "kept") in list(exchange.request.headers.items())
    assert exchange.request.peer.address == "127.0.0.1"
    assert exchange.request.peer.identity is None
    assert 0 <= exchange.deadline - before - exchange.route.timeout < 1
    assert exchange.record.route is exchange.route


async def test_the_callers_trace_reaches_the_record(wire: Wire, calls: Calls, log: Log):
    await wire.get("/v1/things", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    line = await log.line(event="call")
    assert line["trace_id"] == calls.seen[0].record.trace_id


async def test_an_answer_of_the_contract_is_private_and_names_no_server(wire: Wire):
    answer = await wire.get()
    assert (answer.status, answer.body) == (200, b'{"hello":"there"}')
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    assert not answer.closing


async def test_an_answer_of_a_plain_upstream_keeps_its_own_caching(wire: Wire, calls: Calls):
    async def cached(_exchange: Exchange) -> Response:
        return Response(200, (("Cache-Control", "max-age=60"), ("Server", "secretd/1.2"), ("Date", "then")), b"")

    calls.handler = cached
    answer = await wire.get("/plain")
    assert answer.headers["cache-control"] == "max-age=60"
    assert "server" not in answer.headers
    assert answer.headers["date"] != "then"
    calls.handler = calls.say_hello
    assert "cache-control" not in (await wire.get("/plain")).headers


async def test_a_failure_becomes_a_problem_with_its_headers(wire: Wire, calls: Calls, log: Log):
    calls.handler = failing(RateLimited("Slowly.", headers=(("Retry-After", "7"),), **{"violated-policies": ["burst"]}))
    answer = await wire.get()
    problem = answer.problem
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert answer.headers["x-fapi-interaction-id"] == problem["instance"].removeprefix("urn:uuid:")
    assert UUID4.fullmatch(answer.headers["x-fapi-interaction-id"])
    assert problem["violated-policies"] == ["burst"]
    assert problem["detail"] == "Slowly."
    line = await log.line(event="call", status=429)
    assert line["problem"] == "rate_limited"
    assert line["trace_id"] == problem["trace_id"]
    assert line["sent"] > len(answer.body)


async def test_the_callers_interaction_id_names_a_problem_that_came_before_any_filter(wire: Wire):
    mine = str(uuid.uuid4())
    answer = await wire.get("/nowhere", f"x-fapi-interaction-id: {mine}")
    assert (answer.status, answer.problem["code"]) == (404, "not_found")
    assert answer.problem["instance"] == f"urn:uuid:{mine}"
    other = await wire.get("/nowhere", "x-fapi-interaction-id: canary")
    assert b"canary" not in other.body
    assert UUID4.fullmatch(other.headers["x-fapi-interaction-id"])


async def test_an_unauthenticated_caller_is_told_how(wire: Wire, calls: Calls):
    calls.handler = failing(Unauthenticated())
    assert (await wire.get()).headers["www-authenticate"] == "Bearer"
    calls.handler = failing(Unauthenticated(headers=(("WWW-Authenticate", 'Bearer error="invalid_token"'),)))
    assert (await wire.get()).headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_what_a_bank_did_is_the_banks(wire: Wire, calls: Calls, log: Log):
    calls.handler = failing(BankUnreachable())
    problem = (await wire.get()).problem
    assert (problem["origin"], problem["safe_to_repeat"]) == ("bank", True)
    assert (await log.line(event="call"))["error"] == "BankUnreachable"


@pytest.mark.parametrize(
    "error", [ValueError("canary"), TimeoutError("canary"), asyncio.CancelledError("canary"), GatewayFault("canary")]
)
async def test_what_nobody_foresaw_is_logged_and_told_without_its_text(
    error: BaseException, wire: Wire, calls: Calls, log: Log
):
    calls.handler = failing(error)
    answer = await wire.get()
    assert (answer.status, answer.problem["code"], answer.problem["origin"]) == (500, "gateway_fault", "gateway")
    if not isinstance(error, GatewayFault):
        assert b"canary" not in answer.body
    logged = await log.line(level="error", route="things", trace_id=answer.problem["trace_id"])
    assert "test_door.py" in json.dumps(logged) or isinstance(error, asyncio.CancelledError)
    assert (await wire.get("/nowhere")).status == 404


async def test_a_fault_that_a_filter_wrapped_is_logged_as_what_it_was(wire: Wire, calls: Calls, log: Log):
    fault = GatewayFault()
    fault.__cause__ = KeyError("canary")
    calls.handler = failing(fault)
    await wire.get()
    assert (await log.line(event="call"))["error"] == "KeyError"


async def test_the_deadline_ends_a_handler_that_does_not(wire: Wire, calls: Calls):
    cancelled = asyncio.Event()

    async def wait(_exchange: Exchange) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    calls.timeout, calls.handler = 0.1, wait
    answer = await wire.get()
    assert (answer.status, answer.problem["code"], answer.problem["safe_to_repeat"]) == (504, "deadline_exceeded", True)
    assert cancelled.is_set()
    calls.timeout, calls.handler = 5.0, calls.say_hello
    assert (await wire.get()).status == 200


@pytest.mark.parametrize(
    ("bank", "method", "code", "safe"),
    [
        ("albion", "GET", "bank_timed_out", True),
        ("albion", "POST", "bank_timed_out", False),
        ("", "POST", "upstream_timed_out", False),
    ],
)
async def test_after_something_was_sent_the_outcome_is_unknown(
    bank: str, method: str, code: str, *, safe: bool, wire: Wire, calls: Calls
):
    async def wait(exchange: Exchange) -> Response:
        exchange.record.bank = bank
        exchange.record.attempts.append(Attempt("a", "b", "GET", "https://a.example", "c", "d", 0, 1))
        await asyncio.Event().wait()
        raise AssertionError

    calls.timeout, calls.handler = 0.1, wait
    answer = await wire.ask(request(method, "/v1/things"))
    assert (answer.status, answer.problem["code"], answer.problem["safe_to_repeat"]) == (504, code, safe)


async def test_what_a_handler_says_of_its_deadline_goes_before_the_doors(wire: Wire, calls: Calls):
    async def wait(exchange: Exchange) -> Response:
        await asyncio.sleep(exchange.deadline - asyncio.get_running_loop().time())
        raise BankUnreachable

    calls.timeout, calls.handler = 0.1, wait
    assert (await wire.get()).problem["code"] == "bank_unreachable"


async def test_a_handler_that_passes_over_its_cancellation_still_answers(wire: Wire, calls: Calls):
    async def stubborn(_exchange: Exchange) -> Response:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return Response(200, (), b"late")
        raise AssertionError

    calls.timeout, calls.handler = 0.1, stubborn
    assert (await wire.get()).body == b"late"
    calls.handler = calls.say_hello
    assert (await wire.get()).status == 200


async def test_a_header_that_can_not_be_sent_becomes_a_problem(wire: Wire, calls: Calls, log: Log):
    async def split(_exchange: Exchange) -> Response:
        return Response(200, (("X-A", "a\r\nSet-Cookie: canary"),), b"")

    calls.handler = split
    answer = await wire.get()
    assert (answer.status, answer.problem["code"]) == (500, "gateway_fault")
    assert "set-cookie" not in answer.headers
    await log.line(level="error")


async def test_every_call_is_finished_once_whatever_happens(serve: Serve, calls: Calls, telemetry, log: Log):
    place = await serve()

    async def hang(_exchange: Exchange) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    wire = await place.connect()
    await wire.get()
    await wire.get("/nowhere")
    await wire.get("/v1/../things")
    await (await place.connect()).ask("nonsense\r\n\r\n")
    calls.handler = failing(ValueError())
    await wire.get()
    calls.handler = hang
    calls.begun.clear()
    wire.say(request("GET", "/v1/things"))
    await calls.begun.wait()
    place.listener.take_no_more()
    await place.listener.empty(0)
    await log.line(error="Cancelled", status=CALLER_GONE)
    metrics = telemetry.metrics_text().decode()
    assert re.search(r"^gateway_\w*active\w* 0(\.0)?$", metrics, re.MULTILINE), metrics
