"""An upstream that attacks: whatever it answers, its caller gets one answer, and the next call its own.

Each answer is sent for a call on a connection of the caller that goes on with plain calls; the gateway runs on both of
aiohttp's parsers.
"""

from collections.abc import Mapping

import pytest

from tests.e2e.chains import Chain
from tests.e2e.conversations import Talk, line, talk
from tests.web.raw import request

STOLEN = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Recorded: 0\r\n\r\nstolen"


def answer(*lines: str, body: bytes = b"", status: str = "200 OK", version: str = "1.1") -> bytes:
    return "\r\n".join([f"HTTP/{version} {status}", *lines, "", ""]).encode("latin-1") + body


CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
# What is no answer, whichever way it is read: the caller is told so, and the connection to the upstream is given up.
REFUSED = {
    "a length beside chunks": answer("Content-Length: 5", "Transfer-Encoding: chunked", body=CHUNKS + STOLEN),
    "chunks beside a length": answer("Transfer-Encoding: chunked", "Content-Length: 5", body=CHUNKS + STOLEN),
    "two equal lengths": answer("Content-Length: 5", "Content-Length: 5", body=b"hello" + STOLEN),
    "two lengths": answer("Content-Length: 5", "Content-Length: 50", body=b"hello" + STOLEN),
    "a list of lengths": answer("Content-Length: 5, 5", body=b"hello"),
    "a negative length": answer("Content-Length: -5", body=b"hello"),
    "a length beyond 64 bits": answer("Content-Length: 18446744073709551621", body=b"hello"),
    "a space before the colon of the coding": answer(
        "Content-Length: 5", "Transfer-Encoding : chunked", body=CHUNKS + STOLEN
    ),
    "a space before the colon of a coding alone": answer("Transfer-Encoding : chunked", body=CHUNKS + STOLEN),
    "another coding": answer("Transfer-Encoding: gzip", body=b"hello"),
    "a coding below the chunks": answer("Transfer-Encoding: gzip, chunked", body=CHUNKS),
    "chunks in chunks": answer("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=CHUNKS),
    "chunks in HTTP/1.0": answer("Transfer-Encoding: chunked", body=CHUNKS, version="1.0"),
    "a flood of interim answers": answer("Link: x", status="103 Early Hints") * 1000 + STOLEN,
    "a bomb of many fields": answer(*(f"X-{number}: a" for number in range(1000))),
    "a bomb of one field": answer(f"X: {'a' * 100_000}"),
    "a bomb of a status line": answer(status="200 " + "a" * 100_000),
    "a bomb of large fields": answer(*(f"X-{number}: {'a' * 15_000}" for number in range(100))),
    "an upgrade": answer("Upgrade: x", "Connection: upgrade", status="101 Switching Protocols"),
    "a status that is none": answer("Content-Length: 0", status="999 Odd"),
    "a status of two digits": answer("Content-Length: 0", status="20 OK"),
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "a carriage return in a value": answer("X: a\rSet-Cookie: canary=1", "Content-Length: 0"),
    "NUL in a value": answer("X: a\0b", "Content-Length: 0"),
    "a control in a value": answer("X: a\x01b", "Content-Length: 0"),
    "a space in a name": answer("X Y: a", "Content-Length: 0"),
    "an empty name": answer(": a", "Content-Length: 0"),
    "no colon": answer("nonsense", "Content-Length: 0"),
}
# What breaks when its head is out already: the caller's answer is cut, so that nobody takes it for whole.
CUT = {
    "early close": answer("Content-Length: 100000", body=b"hello"),
    "early close in chunks": answer("Transfer-Encoding: chunked", body=b"ff\r\nhello"),
    "early close between chunks": answer("Transfer-Encoding: chunked", body=b"5\r\nhello\r\n"),
    "chunks that are none": answer("Transfer-Encoding: chunked", body=b"5\r\nhello\r\nzz\r\n" + STOLEN),
    "a chunk larger than its size": answer("Transfer-Encoding: chunked", body=b"5\r\nhello!!\r\n0\r\n\r\n" + STOLEN),
}
# What has one reading: it comes through with what is behind it left out.
TAKEN = {
    "an answer behind the answer": (answer("Content-Length: 5", body=b"hello" + STOLEN), 200, b"hello"),
    "an answer behind the chunks": (answer("Transfer-Encoding: chunked", body=CHUNKS + STOLEN), 200, b"hello"),
    "a trailer": (
        answer("Transfer-Encoding: chunked", "Trailer: X-T", body=b"5\r\nhello\r\n0\r\nX-T: canary\r\n\r\n"),
        200,
        b"hello",
    ),
    "extensions of chunks": (
        answer("Transfer-Encoding: chunked", body=b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n"),
        200,
        b"hello",
    ),
    "an interim answer": (answer(status="100 Continue") + answer("Content-Length: 5", body=b"hello"), 200, b"hello"),
    "a cookie": (answer("Set-Cookie: session=canary", "Content-Length: 5", body=b"hello"), 200, b"hello"),
    "a way to elsewhere": (answer("Location: https://evil.example/", "Content-Length: 0", status="302 F"), 302, b""),
    "bytes beyond ASCII": (answer("X-Name: caf\u00e9", "Content-Length: 5", body=b"hello"), 200, b"hello"),
    "what belongs to the connection": (
        answer(
            "Connection: keep-alive, X-Hop", "Keep-Alive: timeout=999", "X-Hop: canary", "Proxy-Authenticate: Basic",
            "Upgrade: h2c", "Content-Length: 5", body=b"hello",
        ),
        200,
        b"hello",
    ),
}  # fmt: skip
# What has no body, and something behind: the parsers differ about whether the head was there first.
BODILESS = {
    "204 with a body": (answer("Content-Length: 5", status="204 No Content", body=b"hello"), 204),
    "204 with chunks": (answer("Transfer-Encoding: chunked", status="204 No Content", body=CHUNKS), 204),
    "204 with an answer behind": (answer(status="204 No Content", body=STOLEN), 204),
    "304 with a body": (answer("Content-Length: 5", status="304 Not Modified", body=b"hello"), 304),
    "304 with an answer behind": (answer(status="304 Not Modified", body=STOLEN), 304),
    "205 with a body": (answer("Content-Length: 0", status="205 Reset", body=b"hello"), 205),
}
PARSERS = ("alone", "other parser")


async def called(chain: Chain, name: str, raw: bytes, *, stays_open: bool = True) -> Talk:
    path = f"/answers/{name.replace(' ', '-').replace('/', '-')}"
    chain.recorder.answers[path] = raw, stays_open
    case = f"{chain.name}{path}"
    return await talk(chain, case, request("GET", path, line(case).decode().strip()).encode())


def check_the_next(told: Talk) -> None:
    """The plain calls behind were answered by what the upstream said to them."""
    assert [one.target for one in told.seen][-2:] == ["/plain/1", "/plain/2"]
    assert [one.number for one in told.answers[-2:]] == [one.number for one in told.seen[-2:]]


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("name", REFUSED)
async def test_case_25_what_is_no_answer_is_a_problem(name: str, parser: str, chains: Mapping[str, Chain]) -> None:
    told = await called(chains[parser], name, REFUSED[name])
    assert told.first.status == 502, told.first
    assert told.first.fields["content-type"] == "application/problem+json"
    assert b"stolen" not in told.first.body
    assert b"canary" not in told.first.body
    assert len(told.answers) == 3
    check_the_next(told)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("name", CUT)
async def test_case_25_what_breaks_off_is_never_taken_for_whole(
    name: str, parser: str, chains: Mapping[str, Chain]
) -> None:
    told = await called(chains[parser], name, CUT[name], stays_open=False)
    # Small ones were still held back when they broke: then it is a problem.
    if told.answers and told.first.status != 200:
        assert told.first.status in {502, 504}
        check_the_next(told)
    else:
        assert len(told.answers) <= 1
        assert not any(one.whole for one in told.answers)
    assert all(b"stolen" not in one.body for one in told.answers)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("name", TAKEN)
async def test_case_25_what_has_one_reading_comes_through_alone(
    name: str, parser: str, chains: Mapping[str, Chain]
) -> None:
    raw, status, body = TAKEN[name]
    told = await called(chains[parser], name, raw)
    assert (told.first.status, told.first.body) == (status, body)
    assert len(told.answers) == 3
    check_the_next(told)
    fields = told.first.fields
    assert not {"trailer", "x-t", "x-hop", "keep-alive", "proxy-authenticate", "upgrade"} & set(fields)
    assert fields.get("connection", "") == ""


@pytest.mark.parametrize("parser", PARSERS)
async def test_case_25_nothing_of_an_upstream_is_followed_or_kept(parser: str, chains: Mapping[str, Chain]) -> None:
    chain = chains[parser]
    elsewhere = f"http://127.0.0.1:{chain.recorder.port}/followed"
    told = await called(chain, "redirect", answer(f"Location: {elsewhere}", "Content-Length: 0", status="307 X"))
    assert (told.first.status, told.first.fields["location"]) == (307, elsewhere)
    told = await called(chain, "cookie", answer("Set-Cookie: session=canary; Path=/", "Content-Length: 0"))
    assert told.first.fields["set-cookie"] == "session=canary; Path=/"
    assert [one.get("cookie") for one in told.seen] == ["", "", ""]
    assert not any(one.target == "/followed" for one in chain.recorder.seen)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("name", BODILESS)
async def test_case_25_what_follows_an_answer_without_a_body_is_nobodys(
    name: str, parser: str, chains: Mapping[str, Chain]
) -> None:
    raw, status = BODILESS[name]
    told = await called(chains[parser], name, raw)
    assert told.first.status in {status, 502}
    assert not {b"hello", b"stolen"} & {one.body for one in told.answers}
    check_the_next(told)


@pytest.mark.parametrize("parser", PARSERS)
async def test_case_25_the_answer_to_head_has_no_body_whatever_is_sent(
    parser: str, chains: Mapping[str, Chain]
) -> None:
    chain = chains[parser]
    chain.recorder.answers["/answers/head"] = answer("Content-Length: 5", body=b"hello" + STOLEN), True
    case = f"{chain.name}/answers/head"
    told = await talk(chain, case, request("HEAD", "/answers/head", line(case).decode().strip()).encode())
    assert (told.first.status, told.first.body) in {(200, b""), (502, b"")}
    check_the_next(told)
