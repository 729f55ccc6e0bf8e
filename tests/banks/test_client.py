import asyncio
import contextlib
import gzip
import re
import zlib

import pytest

from gateway.errors import (
    BankNonsense,
    BankTimedOut,
    BankUnreachable,
    DeadlineExceeded,
    GatewayFault,
)
from tests.banks.answers import OK, answer


async def test_a_request_goes_out_as_it_was_built_and_its_answer_comes_back_whole(listen, reach, outgoing, tally):
    bank = await listen(answer(b'{"Data":{}}', "X-Fapi-Interaction-Id: one"))
    way = reach(bank.base_url)
    sent = outgoing(
        f"{bank.base_url}/v3.1/aisp/accounts/a%2Fb?from=2026-01-01T00%3A00", headers=(("Authorization", "Bearer t"),)
    )
    response = await way.send(sent)
    assert (response.status, response.body, response.url) == (200, b'{"Data":{}}', sent.request.url)
    assert response.headers["x-fapi-interaction-id"] == "one"
    lines = bank.requests[0].decode().split("\r\n")
    assert lines[0] == "GET /v3.1/aisp/accounts/a%2Fb?from=2026-01-01T00%3A00 HTTP/1.1"
    assert "Authorization: Bearer t" in lines
    assert f"Host: {bank.base_url.removeprefix('http://')}" in lines
    assert tally.calls[0][:3] == ("albion", "accounts.list", "2xx")


async def test_the_bank_sees_the_span_of_the_attempt_and_nothing_of_the_caller(listen, reach, outgoing):
    bank = await listen(OK)
    sent = outgoing(f"{bank.base_url}/accounts")
    response = await reach(bank.base_url).send(sent)
    (attempt,) = sent.record.attempts
    head = bank.requests[0].decode().lower()
    assert f"traceparent: 00-{'ab' * 16}-{attempt.span_id}-01\r\n" in head
    assert attempt.span_id == response.request_id
    assert {line.partition(":")[0] for line in head.strip().split("\r\n")[1:]} == {
        "host",
        "accept-encoding",
        "user-agent",
        "traceparent",
    }
    assert (attempt.status, attempt.error, attempt.resend) == (200, None, 0)
    assert 0 < attempt.started <= attempt.ended


async def test_a_body_goes_out_with_its_length(listen, reach, outgoing):
    bank = await listen(answer(b"", status="201 Created"))
    response = await reach(bank.base_url).send(outgoing(f"{bank.base_url}/consents", method="POST", body=b'{"a": 1}'))
    assert response.status == 201
    assert b"Content-Length: 8\r\n" in bank.requests[0]
    assert bank.requests[0].endswith(b'\r\n\r\n{"a": 1}')


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "404 Not Found", "503 Away", "302 Found"])
async def test_every_whole_answer_is_an_answer(listen, reach, outgoing, status):
    bank = await listen(
        f"HTTP/1.1 {status}\r\nLocation: http://127.0.0.1:1/\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n".encode()
    )
    way = reach(bank.base_url)
    for _ in range(2):
        response = await way.send(outgoing(f"{bank.base_url}/accounts"))
        assert response.status == int(status[:3])
        assert response.body == b""
    assert len(bank.requests) == 2
    assert b"cookie" not in bank.requests[1].lower()


@pytest.mark.parametrize(
    ("coding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes), ("X-GZIP", gzip.compress)],
)
async def test_an_answer_is_decompressed(listen, reach, outgoing, coding, encode):
    bank = await listen(answer(encode(b"[1]" * 100), f"Content-Encoding: {coding}"))
    assert (await reach(bank.base_url).send(outgoing(f"{bank.base_url}/a"))).body == b"[1]" * 100


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
async def test_a_bank_that_stops_answering_times_out(listen, reach, outgoing, said):
    gone = asyncio.Event()

    async def talk(reader, writer):
        await bank.request(reader)
        writer.write(said)
        await writer.drain()
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        gone.set()

    bank = await listen(talk=talk)
    with pytest.raises(BankTimedOut) as caught:
        await reach(bank.base_url, answer=0.1).send(outgoing(f"{bank.base_url}/a"))
    assert type(caught.value) is BankTimedOut
    # The connection is closed at once; a bank that answers late answers nobody.
    await gone.wait()


async def test_a_slow_drip_ends_with_the_time_for_the_answer(listen, reach, outgoing):
    async def talk(reader, writer):
        await bank.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    bank = await listen(talk=talk)
    started = asyncio.get_running_loop().time()
    with pytest.raises(BankTimedOut):
        await reach(bank.base_url, answer=0.2).send(outgoing(f"{bank.base_url}/a"))
    assert asyncio.get_running_loop().time() - started < 1


async def test_the_deadline_of_the_call_ends_before_the_bank_s_own_time(listen, reach, outgoing):
    async def talk(reader, _writer):
        await bank.request(reader)
        await reader.read()

    bank = await listen(talk=talk)
    sent = outgoing(f"{bank.base_url}/a", within=0.2)
    with pytest.raises(BankTimedOut):
        await reach(bank.base_url, answer=30).send(sent)
    # The caller still gets the problem: the client ends before the deadline does.
    assert asyncio.get_running_loop().time() < sent.deadline


async def test_nothing_is_sent_after_the_deadline(listen, reach, outgoing):
    bank = await listen(OK)
    with pytest.raises(DeadlineExceeded):
        await reach(bank.base_url).send(outgoing(f"{bank.base_url}/a", within=0))
    assert bank.connections == 0


async def test_a_refused_connection_sent_nothing(listen, reach, outgoing):
    bank = await listen(OK)
    way = reach("http://127.0.0.1:1")
    with pytest.raises(BankUnreachable) as caught:
        await way.send(outgoing("http://127.0.0.1:1/a", method="POST", body=b"{}"))
    assert caught.value.safe_to_repeat is True
    assert bank.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/accounts",
        "https://bank.example.evil.example/accounts",
        "http://user@127.0.0.1/accounts",
        "file:///etc/passwd",
        "/accounts",
    ],
)
async def test_a_url_outside_of_the_bank_is_not_asked(listen, reach, outgoing, url):
    bank = await listen(OK)
    with pytest.raises(BankNonsense):
        await reach(bank.base_url).send(outgoing(url))
    assert bank.connections == 0


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"])
async def test_a_header_can_not_begin_another_line(listen, reach, outgoing, value):
    bank = await listen(OK)
    with pytest.raises(GatewayFault):
        await reach(bank.base_url).send(outgoing(f"{bank.base_url}/a", headers=(("X-Ours", value),)))
    assert bank.requests == []


async def test_a_call_that_is_given_up_leaves_no_connection_behind(listen, reach, outgoing, tally):
    asked, gone = asyncio.Event(), asyncio.Event()

    async def talk(reader, _writer):
        await bank.request(reader)
        asked.set()
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        gone.set()

    bank = await listen(talk=talk)
    sent = outgoing(f"{bank.base_url}/a")
    task = asyncio.create_task(reach(bank.base_url).send(sent))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone.wait()
    assert sent.record.attempts[0].error == tally.calls[0][2] == "cancelled"


async def test_no_text_of_the_bank_or_the_request_is_in_a_failure(listen, reach, outgoing):
    bank = await listen(b"HTTP/1.1 200 OK\r\nX: canary-of-the-bank" + b"y" * 20_000 + b"\r\n\r\n")
    sent = outgoing(f"{bank.base_url}/a?iban=canary-of-ours", headers=(("Authorization", "Bearer canary-token"),))
    with pytest.raises(BankNonsense) as caught:
        await reach(bank.base_url).send(sent)
    assert not re.search("canary", f"{caught.value} {caught.value.detail} {caught.value.members}")
