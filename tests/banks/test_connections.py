import asyncio
import contextlib
import gzip
import ssl
import zlib

import pytest
import trustme

from gateway.banks import connections
from gateway.banks.translation import AnswerLost
from gateway.errors import (
    BankNonsense,
    BankUnreachable,
)
from tests.banks.answers import OK, answer


async def test_connections_are_used_again(listen, reach, outgoing):
    bank = await listen(OK)
    way = reach(bank.base_url)
    for _ in range(5):
        await way.send(outgoing(f"{bank.base_url}/accounts"))
    assert (bank.connections, len(bank.requests)) == (1, 5)


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


async def test_an_answer_may_come_in_many_pieces_and_chunks(listen, reach, outgoing):
    async def talk(reader, writer):
        while True:
            await bank.request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(5):
                writer.write(b"2\r\nab\r\n" * 5_000)
                await asyncio.sleep(0.02)
            writer.write(b"0\r\n\r\n")

    bank = await listen(talk=talk)
    way = reach(bank.base_url)
    for _ in range(2):
        assert (await way.send(outgoing(f"{bank.base_url}/a"))).body == b"ab" * 25_000
    assert bank.connections == 1


# What a bank, or somebody in its place, can do wrong: the bytes of the answer, and what is made of them.
BOMB = gzip.compress(b"\0" * 50_000_000)
BROKEN = {
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", BankNonsense),
    "two lengths": (answer(b"{}", "Content-Length: 2", "Content-Length: 2"), BankNonsense),
    "two lengths that differ": (answer(b"{}", "Content-Length: 2", "Content-Length: 3"), BankNonsense),
    "a length and chunks": (
        answer(b"2\r\n{}\r\n0\r\n\r\n", "Content-Length: 2", "Transfer-Encoding: chunked"),
        BankNonsense,
    ),
    "a length, and chunks with a space before the colon": (
        answer(b"2\r\n{}\r\n0\r\n\r\n", "Content-Length: 2", "Transfer-Encoding : chunked"),
        BankNonsense,
    ),
    "a length that nobody can count to": (answer(b"{}", "Content-Length: 18446744073709551618"), BankNonsense),
    "gzip for chunks": (answer(b"{}", "Transfer-Encoding: gzip"), BankNonsense),
    "gzip below the chunks": (answer(b"2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: gzip, chunked"), BankNonsense),
    "chunks in HTTP/1.0": (
        answer(b"2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0"),
        BankNonsense,
    ),
    "a flood of interim answers before one": (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9 + OK, BankNonsense),
    "many large headers": (answer(b"{}", *(f"X{n}: {'y' * 15_000}" for n in range(120))), BankNonsense),
    "a malformed chunk": (answer(b"2\r\n{}\r\nzz\r\n\r\n", "Transfer-Encoding: chunked"), BankNonsense),
    "chunks of a byte, without end": (answer(b"1\r\nx\r\n" * 200_000, "Transfer-Encoding: chunked"), BankNonsense),
    "a negative length": (answer(b"{}", "Content-Length: -2"), BankNonsense),
    "a header too long": (answer(b"{}", "X: " + "y" * 20_000), BankNonsense),
    "too many headers": (answer(b"{}", *(f"X{n}: y" for n in range(200))), BankNonsense),
    "a body too large": (answer(b"x" * 2_000_000), BankNonsense),
    "a body too large in chunks": (
        answer(b"100000\r\n" + b"x" * 0x100000 + b"\r\n9\r\n123456789\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        BankNonsense,
    ),
    "a bomb": (answer(BOMB, "Content-Encoding: gzip"), BankNonsense),
    "a bomb in a bomb": (answer(gzip.compress(gzip.compress(b"x")), "Content-Encoding: gzip, gzip"), BankNonsense),
    "a deflate bomb": (answer(zlib.compress(b"\0" * 50_000_000), "Content-Encoding: deflate"), BankNonsense),
    "a bomb in chunks": (
        answer(b"%x\r\n%b\r\n0\r\n\r\n" % (len(BOMB), BOMB), "Content-Encoding: gzip", "Transfer-Encoding: chunked"),
        BankNonsense,
    ),
    "a bomb in many members": (answer(gzip.compress(b"\0" * 250_000) * 200, "Content-Encoding: gzip"), BankNonsense),
    "a bomb in a bomb told in two fields": (
        answer(gzip.compress(gzip.compress(b"x")), "Content-Encoding: gzip", "Content-Encoding: gzip"),
        BankNonsense,
    ),
    "a bomb behind identity": (answer(BOMB, "Content-Encoding: identity", "Content-Encoding: gzip"), BankNonsense),
    "a coding not asked for": (answer(b"xx", "Content-Encoding: br"), BankNonsense),
    "another coding not asked for": (answer(b"\x28\xb5\x2f\xfd", "Content-Encoding: zstd"), BankNonsense),
    "an upgrade": (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", BankNonsense),
    "a status without meaning": (answer(b"{}", status="999 Odd"), BankNonsense),
    "a flood of interim answers": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 5000, BankNonsense),
    "half a body": (answer(b'{"Data":', "Content-Length: 100"), AnswerLost),
    "half a chunk": (answer(b"ff\r\nabc", "Transfer-Encoding: chunked"), AnswerLost),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", AnswerLost),
    "nothing": (b"", AnswerLost),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_case_25_a_broken_answer(listen, reach, outgoing, tally, name):
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
async def test_case_25_a_connection_with_a_broken_answer_is_not_used_again(listen, reach, outgoing, name):
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


async def test_case_25_an_answer_that_nobody_asked_for_reaches_nobody(listen, reach, outgoing):
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


async def test_a_connection_that_nobody_needs_is_closed(listen, reach, outgoing, monkeypatch):
    monkeypatch.setattr(connections, "_KEEP_IDLE", 0.05)
    left = asyncio.Event()

    async def talk(reader, writer):
        await bank.request(reader)
        writer.write(OK)
        assert await reader.read() == b""
        left.set()

    bank = await listen(talk=talk)
    way = reach(bank.base_url)
    await way.send(outgoing(f"{bank.base_url}/a"))
    await asyncio.wait_for(left.wait(), 10)
    assert (await way.send(outgoing(f"{bank.base_url}/a"))).status == 200
    assert bank.connections == 2


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
