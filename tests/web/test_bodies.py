"""Bodies: bounded before they are read, counted while they are, and never decompressed."""

import asyncio
import gzip

import pytest

from gateway.exchange import Exchange, Response
from gateway.settings import Limits, Seconds, Size
from tests.web.conftest import Calls, Log, Serve, Wire
from tests.web.raw import BROKEN_CHUNKS, TAKEN, request

PATIENT_FOR_A_MOMENT = Limits(header_timeout=Seconds(0.2), body_rate=Size(1024 * 1024))


@pytest.fixture(autouse=True)
def echo(calls: Calls) -> None:
    async def read(exchange: Exchange) -> Response:
        body = await exchange.request.read(exchange.route.body_limit)
        return Response(200, (("Content-Type", "application/octet-stream"),), body)

    calls.handler = read


@pytest.fixture
def streaming(calls: Calls) -> None:
    async def stream(exchange: Exchange) -> Response:
        return Response(200, (), b"".join([piece async for piece in exchange.request.stream()]))

    calls.handler = stream


async def test_a_body_with_a_length_is_read(wire: Wire, calls: Calls):
    answer = await wire.ask(request("POST", "/v1/things", "Content-Length: 5", body="hello"))
    assert answer.body == b"hello"
    assert calls.seen[0].request.has_body
    assert not answer.closing


async def test_a_body_in_chunks_is_read(wire: Wire):
    chunks = "3;extension=x\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
    answer = await wire.ask(request("POST", "/v1/things", "Transfer-Encoding: chunked", body=chunks))
    assert answer.body == b"hello"
    assert (await wire.ask(request("GET", "/v1/things"))).status == 200


@pytest.mark.usefixtures("streaming")
async def test_a_large_body_comes_through_bit_by_bit(wire: Wire):
    wire.say(request("POST", "/v1/things", "Content-Length: 1000"))
    for _ in range(10):
        wire.say("x" * 100)
        await asyncio.sleep(0)
    assert (await wire.answer()).body == b"x" * 1000


async def test_case_33_a_body_is_not_decompressed(wire: Wire):
    bomb = gzip.compress(b"0" * 100_000)
    head = request("POST", "/v1/things", "Content-Encoding: gzip", f"Content-Length: {len(bomb)}")
    assert (await wire.ask(head.encode() + bomb)).body == bomb


async def test_case_32_a_declared_length_beyond_the_limit_is_refused_before_reading(wire: Wire):
    answer = await wire.ask(request("POST", "/v1/things", "Content-Length: 1001"))
    assert (answer.status, answer.problem["code"], answer.closing) == (413, "body_too_large", True)


@pytest.mark.parametrize("mode", ["whole", "streaming"])
async def test_case_32_chunks_beyond_the_limit_are_refused_while_they_come(
    mode: str, wire: Wire, request: pytest.FixtureRequest
):
    if mode == "streaming":
        request.getfixturevalue("streaming")
    wire.say("POST /v1/things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.say(f"{500:x}\r\n{'x' * 500}\r\n" * 3)
    answer = await wire.answer()
    assert (answer.status, answer.closing) == (413, True)


async def test_a_refused_caller_that_goes_on_sending_still_gets_its_answer(wire: Wire):
    wire.say("POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
    for _ in range(30):
        wire.say(b"x" * 100_000)
    assert (await wire.answer()).status == 413
    assert await wire.ended()


@pytest.mark.parametrize("mode", ["whole", "streaming"])
@pytest.mark.parametrize("name", BROKEN_CHUNKS)
async def test_case_24_broken_chunks_are_refused_and_end_the_connection(
    mode: str, name: str, wire: Wire, request: pytest.FixtureRequest
):
    if mode == "streaming":
        request.getfixturevalue("streaming")
    answer = await wire.ask(BROKEN_CHUNKS[name])
    assert (answer.status, answer.problem["code"], answer.closing) == (400, "request_invalid", True)
    assert await wire.ended()


@pytest.mark.parametrize("name", TAKEN)
async def test_case_24_what_only_looks_odd_is_taken(name: str, wire: Wire):
    answer = await wire.ask(TAKEN[name])
    assert answer.status == 200
    assert answer.body in {b"", b"hello"}
    assert (await wire.get()).status == 200


async def test_chunks_that_break_while_they_are_waited_for_are_refused(wire: Wire, calls: Calls):
    wire.say("POST /v1/things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    await calls.begun.wait()
    wire.say("broken\r\n")
    answer = await wire.answer()
    assert (answer.status, answer.problem["code"]) == (400, "request_invalid")
    assert await wire.ended()


async def test_a_caller_that_breaks_off_its_body_is_gone(wire: Wire, calls: Calls, log: Log):
    wire.say("POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
    await calls.begun.wait()
    wire.writer.transport.abort()
    assert await log.line(status=499, error="CallerGone")


async def test_case_32_the_body_is_invited_when_somebody_wants_to_read_it(wire: Wire):
    wire.say(request("POST", "/v1/things", "Expect: 100-continue", "Content-Length: 5"))
    assert (await wire.answer()).status == 100
    wire.say("hello")
    assert (await wire.answer()).body == b"hello"


async def test_case_32_a_body_that_nobody_will_read_is_not_invited(wire: Wire, calls: Calls):
    calls.handler = calls.say_hello
    answer = await wire.ask(request("POST", "/v1/things", "Expect: 100-continue", "Content-Length: 5"))
    assert (answer.status, answer.closing) == (200, True)


async def test_case_32_a_body_beyond_the_limit_is_not_invited(wire: Wire):
    answer = await wire.ask(request("POST", "/v1/things", "Expect: 100-Continue", "Content-Length: 5000"))
    assert answer.status == 413


async def test_case_32_a_body_that_is_there_already_needs_no_invitation(wire: Wire):
    answer = await wire.ask(request("POST", "/v1/things", "Expect: 100-continue", "Content-Length: 5", body="hello"))
    assert answer.body == b"hello"


async def test_a_body_is_read_once(wire: Wire, calls: Calls):
    async def twice(exchange: Exchange) -> Response:
        await exchange.request.read(10)
        return Response(200, (), await exchange.request.read(10))

    calls.handler = twice
    answer = await wire.ask(request("POST", "/v1/things", "Content-Length: 5", body="hello"))
    assert (answer.status, answer.problem["code"]) == (500, "gateway_fault")


async def test_a_body_that_does_not_come_ends_with_the_deadline(wire: Wire, calls: Calls):
    calls.timeout = 0.2
    answer = await wire.ask(request("POST", "/v1/things", "Content-Length: 5", body="hel"))
    assert (answer.status, answer.problem["code"], answer.closing) == (504, "deadline_exceeded", True)


@pytest.mark.usefixtures("streaming")
async def test_a_request_without_a_body_reads_nothing(wire: Wire, calls: Calls):
    answer = await wire.ask(request("POST", "/v1/things"))
    assert (answer.status, answer.body) == (200, b"")
    assert not calls.seen[0].request.has_body
    assert await calls.seen[0].request.read(10) == b""


@pytest.mark.parametrize("mode", ["whole", "streaming"])
@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(("Content-Length: 900", ""), id="nothing of it comes"),
        pytest.param(("Content-Length: 900", "half of it"), id="it stops"),
        pytest.param(("Transfer-Encoding: chunked", "5\r\nhello\r\n"), id="chunks stop"),
        pytest.param(("Transfer-Encoding: chunked", "5;name=" + "v" * 1000), id="an extension of a chunk does not end"),
        pytest.param(("Transfer-Encoding: chunked", "0\r\nX-Trailer: a\r\n"), id="trailers do not end"),
        pytest.param(("Transfer-Encoding: chunked", "ffffffffff\r\nhello"), id="a chunk does not end"),
    ],
)
async def test_case_32_a_body_that_does_not_come_is_given_up(
    mode: str, begin: tuple[str, str], serve: Serve, request: pytest.FixtureRequest
):
    if mode == "streaming":
        request.getfixturevalue("streaming")
    wire = await (await serve(PATIENT_FOR_A_MOMENT)).connect()
    framing, body = begin
    answer = await wire.ask(f"POST /v1/things HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n{body}")
    assert (answer.status, answer.problem["code"], answer.closing) == (408, "body_too_slow", True)
    assert await wire.ended()


async def test_case_32_a_body_that_drips_is_given_up(serve: Serve):
    wire = await (await serve(PATIENT_FOR_A_MOMENT)).connect()
    wire.say(request("POST", "/v1/things", "Content-Length: 1000"))

    async def drip() -> None:
        while True:
            wire.say("x")
            await asyncio.sleep(0.01)

    dripping = asyncio.create_task(drip())
    assert (await wire.answer()).status == 408
    dripping.cancel()


async def test_case_32_what_came_pays_for_what_is_waited_for(serve: Serve):
    # Ten bytes a second are asked for: the first 500 pay for 50 seconds, and a test does not wait so long.
    wire = await (await serve(Limits(header_timeout=Seconds(0.05), body_rate=Size(10)))).connect()
    wire.say(request("POST", "/v1/things", "Content-Length: 1000", body="x" * 500))
    await asyncio.sleep(0.3)
    wire.say("x" * 500)
    assert (await wire.answer()).body == b"x" * 1000


async def test_time_in_which_the_body_is_not_wanted_is_not_the_callers(serve: Serve, calls: Calls):
    async def slowly(exchange: Exchange) -> Response:
        size = 0
        async for piece in exchange.request.stream():
            await asyncio.sleep(0.3)
            size += len(piece)
        return Response(200, (), str(size).encode())

    calls.handler = slowly
    wire = await (await serve(PATIENT_FOR_A_MOMENT)).connect()
    wire.say(request("POST", "/v1/things", "Content-Length: 1000", body="x" * 500))
    await calls.begun.wait()
    wire.say("x" * 500)
    assert (await wire.answer()).body == b"1000"


@pytest.mark.parametrize("trailer", ["Authorization: Bearer canary", "Consent-Id: canary", "X-A: 1\r\nX-B: canary"])
async def test_case_24_a_trailer_never_becomes_a_field_of_the_next_request(trailer: str, wire: Wire, calls: Calls):
    body = f"5\r\nhello\r\n0\r\n{trailer}\r\n\r\n"
    assert (await wire.ask(request("POST", "/v1/things", "Transfer-Encoding: chunked", body=body))).body == b"hello"
    assert (await wire.get()).status == 200
    assert "canary" not in str([list(exchange.request.headers.items()) for exchange in calls.seen])


async def test_case_24_a_trailer_that_comes_piece_by_piece_is_no_field_either(wire: Wire, calls: Calls):
    for byte in request("POST", "/v1/things", "Transfer-Encoding: chunked", body="0\r\nConsent-Id: canary\r\n\r\n"):
        wire.say(byte)
        await asyncio.sleep(0)
    assert (await wire.answer()).status == 200
    assert (await wire.get()).status == 200
    assert "Consent-Id" not in calls.seen[1].request.headers


@pytest.mark.parametrize("behind", [request("GET", "/v1/things"), "GET /v1/th", "GET /v1/things HTTP/1.1\r\nX: y\r\n"])
async def test_what_rides_behind_chunks_is_not_read_from_their_connection(behind: str, wire: Wire, calls: Calls):
    body = "0\r\nConsent-Id: canary\r\n\r\n"
    wire.say(request("POST", "/v1/things", "Transfer-Encoding: chunked", body=body) + behind)
    answer = await wire.answer()
    assert (answer.status, answer.closing) == (200, True)
    assert await wire.ended()
    assert len(calls.seen) == 1


async def test_a_request_in_chunks_behind_others_is_read(wire: Wire, calls: Calls):
    chunked = request("POST", "/v1/things", "Transfer-Encoding: chunked", body="2\r\nhi\r\n0\r\n\r\n")
    wire.say(request("GET", "/v1/things") + chunked)
    assert not (await wire.answer()).closing
    assert (await wire.answer()).body == b"hi"
    assert (await wire.get()).status == 200
    assert len(calls.seen) == 3


@pytest.mark.parametrize(
    "trailers",
    [
        pytest.param("".join(f"X-{number}: a\r\n" for number in range(1000)), id="many"),
        pytest.param(f"X-Large: {'a' * 40_000}\r\n", id="one large"),
    ],
)
async def test_case_32_trailers_are_bounded_as_fields_are(trailers: str, wire: Wire):
    answer = await wire.ask(request("POST", "/v1/things", "Transfer-Encoding: chunked", body=f"0\r\n{trailers}\r\n"))
    assert (answer.status, answer.closing) in {(400, True), (431, True)}
    assert await wire.ended()


async def test_case_32_chunks_without_end_are_refused_at_the_limit(wire: Wire):
    wire.say(request("POST", "/v1/things", "Transfer-Encoding: chunked"))

    async def go_on() -> None:
        while True:
            wire.say("1\r\nx\r\n" * 50)
            await asyncio.sleep(0)

    endless = asyncio.create_task(go_on())
    assert (await wire.answer()).status == 413
    endless.cancel()
