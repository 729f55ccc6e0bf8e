import asyncio
import contextlib
import gzip
import re
import ssl
import zlib

import pytest
import trustme

from gateway.banks.translation import AnswerLost
from gateway.errors import (
    BankNonsense,
    BankTimedOut,
    BankUnreachable,
    DeadlineExceeded,
    GatewayFault,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


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


async def test_connections_are_used_again(listen, reach, outgoing):
    bank = await listen(OK)
    way = reach(bank.base_url)
    for _ in range(5):
        await way.send(outgoing(f"{bank.base_url}/accounts"))
    assert (bank.connections, len(bank.requests)) == (1, 5)


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


async def test_an_answer_may_end_with_its_connection(listen, reach, outgoing):
    bank = await listen(b"HTTP/1.1 200 OK\r\n\r\n[1, 2]", closing=True)
    assert (await reach(bank.base_url).send(outgoing(f"{bank.base_url}/a"))).body == b"[1, 2]"


async def test_chunks_are_joined(listen, reach, outgoing):
    bank = await listen(answer(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nLater: yes\r\n\r\n", "Transfer-Encoding: chunked"))
    way = reach(bank.base_url)
    for _ in range(2):
        assert (await way.send(outgoing(f"{bank.base_url}/a"))).body == b"abcde"
    assert bank.connections == 1


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_answer_comes_whole(listen, reach, outgoing, chunked):
    body = b"0123456789abcdef" * 250_000
    chunks = b"".join(b"%x\r\n%s\r\n" % (8000, body[at : at + 8000]) for at in range(0, len(body), 8000))
    bank = await listen(answer(chunks + b"0\r\n\r\n", "Transfer-Encoding: chunked") if chunked else answer(body))
    way = reach(bank.base_url, answer_bytes=len(body))
    for _ in range(2):
        assert (await way.send(outgoing(f"{bank.base_url}/a"))).body == body
    assert bank.connections == 1


@pytest.mark.parametrize(
    ("coding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes), ("X-GZIP", gzip.compress)],
)
async def test_an_answer_is_decompressed(listen, reach, outgoing, coding, encode):
    bank = await listen(answer(encode(b"[1]" * 100), f"Content-Encoding: {coding}"))
    assert (await reach(bank.base_url).send(outgoing(f"{bank.base_url}/a"))).body == b"[1]" * 100


# What a bank, or somebody in its place, can do wrong: the bytes of the answer, and what is made of them.
BROKEN = {
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", BankNonsense),
    "two lengths": (answer(b"{}", "Content-Length: 2", "Content-Length: 2"), BankNonsense),
    "two lengths that differ": (answer(b"{}", "Content-Length: 2", "Content-Length: 3"), BankNonsense),
    "a length and chunks": (
        answer(b"2\r\n{}\r\n0\r\n\r\n", "Content-Length: 2", "Transfer-Encoding: chunked"),
        BankNonsense,
    ),
    "a malformed chunk": (answer(b"2\r\n{}\r\nzz\r\n\r\n", "Transfer-Encoding: chunked"), BankNonsense),
    "a negative length": (answer(b"{}", "Content-Length: -2"), BankNonsense),
    "a header too long": (answer(b"{}", "X: " + "y" * 20_000), BankNonsense),
    "too many headers": (answer(b"{}", *(f"X{n}: y" for n in range(200))), BankNonsense),
    "a body too large": (answer(b"x" * 2_000_000), BankNonsense),
    "a body too large in chunks": (
        answer(b"100000\r\n" + b"x" * 0x100000 + b"\r\n9\r\n123456789\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        BankNonsense,
    ),
    "a bomb": (answer(gzip.compress(b"\0" * 50_000_000), "Content-Encoding: gzip"), BankNonsense),
    "a bomb in a bomb": (answer(gzip.compress(gzip.compress(b"x")), "Content-Encoding: gzip, gzip"), BankNonsense),
    "a coding not asked for": (answer(b"xx", "Content-Encoding: br"), BankNonsense),
    "an upgrade": (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", BankNonsense),
    "a status without meaning": (answer(b"{}", status="999 Odd"), BankNonsense),
    "a flood of interim answers": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 5000, BankNonsense),
    "half a body": (answer(b'{"Data":', "Content-Length: 100"), AnswerLost),
    "half a chunk": (answer(b"ff\r\nabc", "Transfer-Encoding: chunked"), AnswerLost),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", AnswerLost),
    "nothing": (b"", AnswerLost),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer(listen, reach, outgoing, tally, name):
    said, kind = BROKEN[name]
    bank = await listen(said, closing=True)
    sent = outgoing(f"{bank.base_url}/a")
    with pytest.raises(kind) as caught:
        await reach(bank.base_url).send(sent)
    assert type(caught.value) is kind
    assert len(bank.requests) == 1
    assert sent.record.attempts[0].error == caught.value.code == tally.calls[0][2]
    assert sent.record.attempts[0].ended > 0


@pytest.mark.parametrize(
    "name", [name for name in BROKEN if name not in {"nothing", "half a head", "half a body", "half a chunk"}]
)
async def test_a_connection_with_a_broken_answer_is_not_used_again(listen, reach, outgoing, name):
    bank = await listen(BROKEN[name][0], OK)
    way = reach(bank.base_url)
    with pytest.raises(BankNonsense):
        await way.send(outgoing(f"{bank.base_url}/a"))
    assert (await way.send(outgoing(f"{bank.base_url}/a"))).body == b"{}"
    # A coding that was not asked for is a whole answer all the same: its connection is sound.
    assert bank.connections == (1 if "bomb" in name or "coding" in name else 2)


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-1\r\n", b"2\r\nabc\r\n"])
async def test_a_malformed_chunk_in_the_middle_of_a_body_fails_at_once(listen, reach, outgoing, chunk):
    async def talk(reader, writer):
        await bank.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(chunk)
        await writer.drain()
        await reader.read()

    bank = await listen(talk=talk)
    # The parser without the C extension tells the last of them as a body that breaks off.
    with pytest.raises((BankNonsense, AnswerLost)):
        await reach(bank.base_url, answer=30).send(outgoing(f"{bank.base_url}/a"))


async def test_interim_answers_are_passed_over(listen, reach, outgoing):
    bank = await listen(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + OK)
    assert (await reach(bank.base_url).send(outgoing(f"{bank.base_url}/a"))).status == 200


async def test_an_answer_that_nobody_asked_for_reaches_nobody(listen, reach, outgoing):
    poison = answer(b'{"of": "another customer"}')
    bank = await listen(OK + poison, OK)
    way = reach(bank.base_url)
    assert (await way.send(outgoing(f"{bank.base_url}/a"))).body == b"{}"
    assert (await way.send(outgoing(f"{bank.base_url}/b"))).body == b"{}"
    assert bank.connections == 2


async def test_an_answer_that_comes_while_nothing_is_asked_closes_the_connection(listen, reach, outgoing):
    closed = asyncio.Event()

    async def talk(reader, writer):
        await bank.request(reader)
        writer.write(OK)
        await writer.drain()
        if bank.connections == 1:
            await go_on.wait()
            writer.write(answer(b'{"of": "another customer"}'))
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            closed.set()

    go_on = asyncio.Event()
    bank = await listen(talk=talk)
    way = reach(bank.base_url)
    await way.send(outgoing(f"{bank.base_url}/a"))
    go_on.set()
    await closed.wait()
    assert (await way.send(outgoing(f"{bank.base_url}/b"))).body == b"{}"
    assert bank.connections == 2


async def test_a_bank_that_hangs_up_while_idle_costs_a_read_nothing(listen, reach, outgoing):
    bank = await listen(OK)
    way = reach(bank.base_url, attempts=2)
    await way.send(outgoing(f"{bank.base_url}/a"))
    bank.hang_up()
    assert (await way.send(outgoing(f"{bank.base_url}/a"))).status == 200


async def test_a_reset_in_the_middle_leaves_the_outcome_unknown(listen, reach, outgoing):
    async def talk(reader, writer):
        await bank.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
        await writer.drain()
        writer.transport.abort()

    bank = await listen(talk=talk)
    with pytest.raises(AnswerLost) as caught:
        await reach(bank.base_url).send(outgoing(f"{bank.base_url}/a"))
    assert caught.value.safe_to_repeat is False


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


async def test_a_handshake_that_never_ends_sent_nothing(listen, reach, outgoing, service):
    async def talk(reader, _writer):
        await reader.read()

    bank = await listen(talk=talk)
    url = bank.base_url.replace("http://", "https://")
    with pytest.raises(BankUnreachable):
        await reach(url, connect=0.1, server_ca=service.server_ca).send(outgoing(f"{url}/a"))


async def test_mutual_tls(listen, reach, outgoing, authority, service):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    subjects = []

    async def talk(reader, writer):
        subjects.append(writer.get_extra_info("peercert")["subjectAltName"])
        await bank.request(reader)
        writer.write(OK)
        await writer.drain()

    bank = await listen(talk=talk, tls=context)
    way = reach(bank.base_url, identity=service.identity, server_ca=service.server_ca)
    assert (await way.send(outgoing(f"{bank.base_url}/a"))).status == 200
    assert subjects == [(("DNS", "gateway.example"),)]


async def test_a_bank_with_a_certificate_of_another_authority_is_not_asked(listen, reach, outgoing, service):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    bank = await listen(OK, tls=context)
    with pytest.raises(BankUnreachable, match="certificate"):
        await reach(bank.base_url, server_ca=service.server_ca).send(outgoing(f"{bank.base_url}/a"))
    assert bank.requests == []


async def test_a_bank_with_a_certificate_of_another_name_is_not_asked(listen, reach, outgoing, authority, service):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    bank = await listen(OK, tls=context)
    with pytest.raises(BankUnreachable, match="certificate"):
        await reach(bank.base_url, server_ca=service.server_ca).send(outgoing(f"{bank.base_url}/a"))
    assert bank.requests == []


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
