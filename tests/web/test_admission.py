"""Heads that two readers could read differently are refused, over the wire, before any route is looked up."""

import pytest

from gateway.settings import Limits
from tests.web.conftest import Calls, Serve, Wire
from tests.web.raw import REFUSED, request


@pytest.mark.parametrize("name", REFUSED)
async def test_case_24_a_head_with_two_readings_is_refused_and_the_connection_ends(name: str, wire: Wire, calls: Calls):
    # A second request rides behind: it must never be read from a connection whose framing is in doubt.
    wire.say(REFUSED[name] + request("GET", "/v1/things/smuggled"))
    answer = await wire.answer(to_head=name.startswith("HEAD"))
    assert (answer.status, answer.closing) == (400, True)
    if not name.startswith("HEAD"):
        assert answer.problem["code"] == "request_invalid"
    assert await wire.ended()
    assert calls.seen == []


async def test_a_refusal_names_the_field_and_never_its_value(wire: Wire):
    answer = await wire.get("/v1/things", "Authorization: canary-one", "Authorization: canary-two")
    assert answer.problem["errors"] == [{"name": "authorization", "in": "header", "message": "must stand once"}]
    assert b"canary" not in answer.body


async def test_fields_that_are_lists_may_stand_twice(wire: Wire):
    answer = await wire.get("/v1/things", "Accept: application/json", "Accept: */*", "Via: a", "Via: b")
    assert answer.status == 200


async def test_case_30_method_override_headers_change_nothing(wire: Wire, calls: Calls):
    await wire.get("/v1/things", "X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE")
    assert calls.seen[0].request.method == "GET"


async def test_a_length_of_nothing_is_no_body(wire: Wire, calls: Calls):
    assert (await wire.get("/v1/things", "Content-Length: 0")).status == 200
    assert not calls.seen[0].request.has_body


async def test_http_1_0_is_answered_and_closed(wire: Wire):
    answer = await wire.ask("GET /v1/things HTTP/1.0\r\n\r\n")
    assert (answer.status, answer.closing) == (200, True)
    assert await wire.ended()


async def test_another_expectation_is_refused(wire: Wire):
    answer = await wire.get("/v1/things", "Expect: 200-maybe")
    assert (answer.status, answer.problem["code"]) == (417, "expectation_failed")


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([f"X-{number}: a" for number in range(101)], id="many"),
        pytest.param([f"X-Large: {'a' * 17_000}"], id="one large"),
        pytest.param([f"X-{number}: {'a' * 1000}" for number in range(20)], id="large together"),
        pytest.param([f"{'x' * 17_000}: a"], id="a large name"),
    ],
)
async def test_a_head_beyond_the_limits_is_a_431(lines: list[str], wire: Wire, calls: Calls):
    answer = await wire.get("/v1/things", *lines)
    assert (answer.status, answer.problem["code"]) == (431, "headers_too_large")
    assert calls.seen == []


async def test_a_head_within_the_limits_is_taken(serve: Serve):
    wire = await (await serve(Limits(headers=1000))).connect()
    assert (await wire.get("/v1/things", *[f"X-{number}: {'a' * 50}" for number in range(200)])).status == 200


async def test_a_request_line_beyond_the_limits_is_refused(wire: Wire):
    answer = await wire.get("/v1/things?" + "a" * 9000)
    assert (answer.status, answer.problem["code"]) == (400, "path_refused")


@pytest.mark.parametrize(
    "target",
    ["http://evil.example/v1/things", "//evil.example/v1/things", "/v1/things#x", "/v1/%zz", "/v1/%2e%2e/things", "*"],
)
async def test_case_29_a_target_with_two_readings_is_refused_over_the_wire(target: str, wire: Wire, calls: Calls):
    answer = await wire.get(target)
    assert answer.status == 400
    assert answer.problem["code"] in {"path_refused", "request_invalid"}
    assert calls.seen == []


@pytest.mark.parametrize("method", ["CONNECT evil.example:443", "CONNECT /v1/things"])
async def test_case_24_nobody_tunnels_through(method: str, wire: Wire, calls: Calls):
    answer = await wire.ask(f"{method} HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.status == 400
    assert calls.seen == []
    assert await wire.ended()


async def test_case_30_an_unknown_method_is_a_501(wire: Wire):
    answer = await wire.ask(request("FROBNICATE", "/v1/things"))
    assert (answer.status, answer.problem["code"]) == (501, "method_unknown")
