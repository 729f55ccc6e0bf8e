"""Heads that two readers could read differently are refused, over the wire, before any route is looked up."""

import pytest

from gateway.settings import Limits
from tests.web.conftest import Calls, Serve, Wire, request

CHUNKED = "1\r\nx\r\n0\r\n\r\n"

REFUSED = {
    # What aiohttp's parser lets through.
    "two authorisations": request("GET", "/v1/things", "Authorization: Bearer a", "Authorization: Bearer b"),
    "two authorisations in other case": request("GET", "/v1/things", "authorization: a", "AUTHORIZATION: b"),
    "two consents": request("GET", "/v1/things", "Consent-Id: a", "Consent-Id: b"),
    "two interaction ids": request("GET", "/v1/things", "x-fapi-interaction-id: a", "X-FAPI-Interaction-ID: a"),
    "two PSU addresses": request("GET", "/v1/things", "PSU-IP-Address: 1.1.1.1", "PSU-IP-Address: 2.2.2.2"),
    "bytes beyond ASCII": request("GET", "/v1/things", "Consent-Id: caf\u00e9"),
    "HTTP/2.0 in the line": "GET /v1/things HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/1.0 with chunks": f"POST /v1/things HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{CHUNKED}",
    "GET with a body": request("GET", "/v1/things", "Content-Length: 1", body="x"),
    "HEAD with a body": request("HEAD", "/v1/things", "Content-Length: 1", body="x"),
    "GET with chunks": request("GET", "/v1/things", "Transfer-Encoding: chunked", body=CHUNKED),
    # What it refuses itself.
    "length beside chunks": request(
        "POST", "/v1/things", "Content-Length: 1", "Transfer-Encoding: chunked", body=CHUNKED
    ),
    "chunks beside length": request(
        "POST", "/v1/things", "Transfer-Encoding: chunked", "Content-Length: 1", body=CHUNKED
    ),
    "two lengths": request("POST", "/v1/things", "Content-Length: 1", "Content-Length: 2", body="xx"),
    "two equal lengths": request("POST", "/v1/things", "Content-Length: 1", "Content-Length: 1", body="x"),
    "a list of lengths": request("POST", "/v1/things", "Content-Length: 1, 1", body="x"),
    "a length with a sign": request("POST", "/v1/things", "Content-Length: +1", body="x"),
    "a length in hexadecimal": request("POST", "/v1/things", "Content-Length: 0x1", body="x"),
    "a negative length": request("POST", "/v1/things", "Content-Length: -1", body="x"),
    "an unknown coding": request("POST", "/v1/things", "Transfer-Encoding: xchunked", body=CHUNKED),
    "chunks not last": request("POST", "/v1/things", "Transfer-Encoding: chunked, identity", body=CHUNKED),
    "two codings": request(
        "POST", "/v1/things", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=CHUNKED
    ),
    "a coding with a control": request("POST", "/v1/things", "Transfer-Encoding: \x0bchunked", body=CHUNKED),
    "a space before the colon": request("GET", "/v1/things", "Consent-Id : a"),
    "a folded line": request("GET", "/v1/things", "Consent-Id: a\r\n b"),
    "a bare line feed": "GET /v1/things HTTP/1.1\nHost: x\n\n",
    "a bare carriage return": request("GET", "/v1/things", "Consent-Id: a\rb"),
    "NUL in a value": request("GET", "/v1/things", "Consent-Id: a\x00b"),
    "no host": "GET /v1/things HTTP/1.1\r\n\r\n",
    "two hosts": request("GET", "/v1/things", "Host: other.example"),
    "no version": "GET /v1/things\r\nHost: x\r\n\r\n",
    "another protocol": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 \r\n\r\n",
    "an empty name": request("GET", "/v1/things", ": a"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_head_with_two_readings_is_refused_and_the_connection_ends(name: str, wire: Wire, calls: Calls):
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


async def test_method_override_headers_change_nothing(wire: Wire, calls: Calls):
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
async def test_a_target_with_two_readings_is_refused_over_the_wire(target: str, wire: Wire, calls: Calls):
    answer = await wire.get(target)
    assert answer.status == 400
    assert answer.problem["code"] in {"path_refused", "request_invalid"}
    assert calls.seen == []


@pytest.mark.parametrize("method", ["CONNECT evil.example:443", "CONNECT /v1/things"])
async def test_nobody_tunnels_through(method: str, wire: Wire, calls: Calls):
    answer = await wire.ask(f"{method} HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.status == 400
    assert calls.seen == []
    assert await wire.ended()


async def test_an_unknown_method_is_a_501(wire: Wire):
    answer = await wire.ask(request("FROBNICATE", "/v1/things"))
    assert (answer.status, answer.problem["code"]) == (501, "method_unknown")
