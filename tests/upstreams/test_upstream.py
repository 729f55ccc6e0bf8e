import asyncio
import gzip
import ssl

import pytest
import trustme

from gateway.errors import (
    BodyTooLarge,
    DeadlineExceeded,
    UpstreamNonsense,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from gateway.secrets import CertificateUnusable
from gateway.upstreams import UpstreamSettings, UpstreamTls
from tests.upstreams.conftest import OK


async def collected(response):
    return response.body if isinstance(response.body, bytes) else b"".join([piece async for piece in response.body])


async def test_path_and_query_go_on_as_they_came(listen, way):
    upstream = await listen()
    to = way(f"{upstream.url}/base")
    await to.call("/v1/a%2Fb%C3%A9/+x", query="q=a%20b+c&q=&&from=%5B1%5D")
    line = upstream.requests[0].split(b"\r\n")[0]
    assert line == b"GET /base/v1/a%2Fb%C3%A9/+x?q=a%20b+c&q=&&from=%5B1%5D HTTP/1.1"


async def test_a_query_of_nothing_is_still_a_query(listen, way):
    upstream = await listen()
    to = way(upstream.url, strip="/reports")
    for query in ("", None):
        await to.call("/reports", query=query)
        await to.call("/reports/x", query=query)
    assert [sent.split(b" ")[1] for sent in upstream.requests] == [b"/?", b"/x?", b"/", b"/x"]


@pytest.mark.parametrize(
    ("base", "strip", "path", "target"),
    [
        ("", "", "/", b"/"),
        ("/", "", "/x", b"/x"),
        ("", "/reports", "/reports/1", b"/1"),
        ("", "/reports", "/reports", b"/"),
        ("/deep/base/", "/reports", "/reports/1", b"/deep/base/1"),
    ],
)
async def test_prefixes(listen, way, base, strip, path, target):
    upstream = await listen()
    await way(upstream.url + base, strip=strip).call(path)
    assert upstream.requests[0].split(b" ")[1] == target


async def test_the_answer_comes_back_as_it_was(listen, way):
    packed = gzip.compress(b"a" * 100)
    head = b"HTTP/1.1 203 Anything\r\nContent-Encoding: gzip\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
    upstream = await listen(
        head + b"Location: https://elsewhere.test/\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    )
    to = way(upstream.url)
    response = await to.call()
    assert (response.status, response.body) == (203, packed)
    assert response.headers[:4] == (
        ("Content-Encoding", "gzip"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Location", "https://elsewhere.test/"),
    )
    await to.call()
    assert b"cookie" not in upstream.requests[1].lower()
    assert upstream.connections == 1


@pytest.mark.parametrize("status", [204, 301, 304, 404, 500, 599])
async def test_every_status_is_handed_on(listen, way, status):
    upstream = await listen(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n" % status)
    assert (await way(upstream.url).call()).status == status
    assert len(upstream.requests) == 1


async def test_a_head_request_has_no_body_to_wait_for(listen, way):
    upstream = await listen(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n")
    response = await way(upstream.url).call(method="HEAD")
    assert (response.status, response.body, dict(response.headers)["Content-Length"]) == (200, b"", "999999")


async def test_the_attempt_is_in_the_record_and_its_span_is_what_the_upstream_sees(listen, way):
    upstream = await listen()
    to = way(upstream.url)
    await to.call(
        "/reports", [("traceparent", "00-" + "9" * 32 + "-" + "9" * 16 + "-01"), ("baggage", "a=1")], query="secret=1"
    )
    (attempt,) = to.records[0].attempts
    assert b"\r\ntraceparent: 00-%s-%s-01\r\n" % (b"ab" * 16, attempt.span_id.encode()) in upstream.requests[0]
    assert upstream.requests[0].count(b"traceparent") == 1
    assert b"baggage" not in upstream.requests[0]
    assert (attempt.target, attempt.operation, attempt.method, attempt.status, attempt.resend) == (
        "127.0.0.1",
        "reports",
        "GET",
        200,
        0,
    )
    assert attempt.url == f"{upstream.url}/reports", "a query may hold anything"
    assert attempt.ended >= attempt.started > 0
    assert attempt.error is None


async def test_a_large_answer_streams_and_the_connection_is_used_again(listen, way):
    pieces = [bytes([n]) * 50_000 for n in range(10)]
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    upstream = await listen(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked)
    to = way(upstream.url)
    for _ in range(2):
        response = await to.call()
        assert not isinstance(response.body, bytes)
        assert await collected(response) == b"".join(pieces)
    assert upstream.connections == 1
    assert all(record.attempts[0].ended for record in to.records)


async def test_an_answer_streams_before_it_is_whole(listen, way):
    go_on = asyncio.Event()

    async def talk(reader, writer):
        await upstream.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await go_on.wait()
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")
        await writer.drain()

    upstream = await listen(talk=talk)
    response = await way(upstream.url).call()
    body = aiter(response.body)
    assert await anext(body) == b"first"
    go_on.set()
    assert await anext(body) == b"second"
    with pytest.raises(StopAsyncIteration):
        await anext(body)


async def test_an_answer_that_nobody_wants_any_more_ends_its_connection(listen, way):
    async def talk(reader, writer):
        await upstream.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        await writer.drain()
        await reader.read()

    upstream = await listen(talk=talk)
    to = way(upstream.url)
    response = await to.call()
    await response.body.aclose()
    await upstream.left.wait()
    assert to.records[0].attempts[0].error == "cancelled"
    assert [piece async for piece in response.body] == []


async def test_a_small_body_goes_whole_and_a_large_one_in_pieces(listen, way):
    upstream = await listen()
    to = way(upstream.url)
    await to.call(method="POST", headers=[("Content-Length", "6")], body=[b"abc", b"def"])
    assert upstream.requests[0].endswith(b"\r\n\r\nabcdef")
    large = [b"x" * 50_000] * 4
    await to.call(method="PUT", headers=[("content-length", "200000")], body=large)
    assert upstream.requests[1].endswith(b"\r\n\r\n" + b"x" * 200_000)
    assert upstream.requests[1].lower().count(b"content-length: 200000\r\n") == 1
    await to.call(method="POST", headers=[("Transfer-Encoding", "chunked")], body=[b"abc", b"", b"defg"])
    assert upstream.requests[2].endswith(b"\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert upstream.requests[2].lower().count(b"transfer-encoding: chunked\r\n") == 1
    assert upstream.connections == 1


@pytest.mark.parametrize(
    ("method", "framed"), [("POST", True), ("PUT", True), ("PATCH", True), ("GET", False), ("DELETE", False)]
)
async def test_no_body_is_framed_as_none(listen, way, method, framed):
    upstream = await listen()
    await way(upstream.url).call(method=method)
    assert (b"\r\nContent-Length: 0\r\n" in upstream.requests[0]) == framed


async def test_an_upstream_may_answer_before_it_read_the_body(listen, way):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await writer.drain()
        await reader.read()

    upstream = await listen(talk=talk)
    never_ending = [b"x" * 1000] * 1000
    response = await way(upstream.url).call(
        method="POST", headers=[("Transfer-Encoding", "chunked")], body=never_ending
    )
    assert (response.status, response.body) == (413, b"no")
    await upstream.left.wait()


async def test_the_callers_body_that_breaks_off_is_the_callers(listen, way):
    class CallerGone(Exception):
        pass

    upstream = await listen(talk=lambda reader, _writer: reader.read())
    to = way(upstream.url)
    with pytest.raises(CallerGone):
        await to.call(method="POST", headers=[("Transfer-Encoding", "chunked")], body=[b"abc", CallerGone()])
    await upstream.left.wait()
    assert to.records[0].attempts[0].error == "cancelled"


async def test_a_body_beyond_the_routes_limit_is_not_sent_on(listen, way):
    upstream = await listen(talk=lambda reader, _writer: reader.read())
    to = way(upstream.url)
    for headers, body in (
        ([("Content-Length", "101")], [b"x" * 101]),
        ([("Content-Length", "200000")], [b"x" * 200_000]),
        ([("Transfer-Encoding", "chunked")], [b"x" * 60, b"x" * 60]),
    ):
        with pytest.raises(BodyTooLarge):
            await to.call(method="POST", headers=headers, body=body, body_limit=100)
    assert [len(record.attempts) for record in to.records] == [0, 0, 1]


async def test_nothing_listens(way):
    to = way("http://127.0.0.1:1")
    with pytest.raises(UpstreamUnreachable):
        await to.call(method="POST")
    assert to.records[0].attempts[0].error == "upstream_unreachable"


async def test_an_upstream_that_does_not_answer(listen, way):
    upstream = await listen(talk=lambda reader, _writer: reader.read())
    to = way(upstream.url)
    with pytest.raises(UpstreamTimedOut):
        await to.call(within=0.1)
    assert [attempt.error for attempt in to.records[0].attempts] == ["upstream_timed_out"]


async def test_an_upstream_that_stops_in_the_middle(listen, way):
    async def talk(reader, writer):
        await upstream.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await reader.read()

    upstream = await listen(talk=talk)
    to = way(upstream.url)
    response = await to.call(within=0.2)
    with pytest.raises(UpstreamTimedOut):
        await collected(response)
    assert to.records[0].attempts[0].error == "upstream_timed_out"


async def test_no_time_is_left(listen, way):
    upstream = await listen()
    with pytest.raises(DeadlineExceeded):
        await way(upstream.url).call(within=0.0)
    assert upstream.requests == []


async def dropping(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def test_a_dropped_connection_is_tried_again_once_for_a_get_and_shows_as_an_attempt(listen, way):
    async def talk(reader, writer):
        if upstream.connections == 1:
            return await dropping(reader, writer)
        return await upstream._answer(reader, writer)

    upstream = await listen(talk=talk)
    to = way(upstream.url)
    assert (await to.call()).body == b"a,b"
    assert [(attempt.resend, attempt.status, attempt.error) for attempt in to.records[0].attempts] == [
        (0, 0, "upstream_timed_out"),
        (1, 200, None),
    ]
    never = await listen(talk=dropping)
    with pytest.raises(UpstreamTimedOut):
        await way(never.url).call()
    assert never.connections == 2


@pytest.mark.parametrize(
    ("method", "body"), [("POST", None), ("PUT", None), ("DELETE", None), ("OPTIONS", None), ("GET", [b"x"])]
)
async def test_nothing_else_is_ever_sent_twice(listen, way, method, body):
    upstream = await listen(talk=dropping)
    with pytest.raises(UpstreamTimedOut):
        await way(upstream.url).call(method=method, body=body, headers=[("Content-Length", "1")] if body else [])
    assert upstream.connections == 1


async def test_nothing_is_sent_twice_once_the_answer_began(listen, way):
    async def talk(reader, writer):
        await upstream.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await writer.drain()

    upstream = await listen(talk=talk)
    with pytest.raises(UpstreamTimedOut):
        await way(upstream.url).call()
    assert upstream.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50,
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
    ],
)
async def test_case_25_answers_that_are_no_answers(listen, way, answer):
    upstream = await listen(answer)
    with pytest.raises(UpstreamNonsense):
        await way(upstream.url).call(within=2.0)


async def test_case_25_chunks_that_are_none(listen, way):
    upstream = await listen(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n")
    to = way(upstream.url)
    with pytest.raises(UpstreamNonsense):
        await collected(await to.call(within=2.0))


async def test_case_25_bytes_that_nobody_asked_for_reach_nobody(listen, way):
    upstream = await listen(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen", OK)
    to = way(upstream.url)
    assert [(await to.call()).body for _ in range(3)] == [b"a,b"] * 3


async def test_case_26_a_header_that_would_begin_another_line(listen, way):
    upstream = await listen()
    for value in ("a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b"):
        with pytest.raises(Exception, match="can not be sent"):
            await way(upstream.url).call(headers=[("X-Thing", value)])
    assert upstream.requests == []


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def server_side(authority, *, asks=False):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    if asks:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_tls_verifies_the_upstream_and_presents_our_certificate(listen, way, authority):
    ours = authority.issue_cert("gateway.test")
    secrets = {
        "file:ca": authority.cert_pem.bytes(),
        "file:certificate": b"".join(blob.bytes() for blob in ours.cert_chain_pems),
        "file:key": ours.private_key_pem.bytes(),
    }
    upstream = await listen(tls=server_side(authority, asks=True))
    tls = UpstreamTls(ca="file:ca", certificate="file:certificate", key="file:key")
    assert (await way(upstream.url, tls=tls, secrets=secrets).call()).body == b"a,b"
    with pytest.raises(UpstreamUnreachable):
        await way(upstream.url).call()
    stranger = {"file:ca": trustme.CA().cert_pem.bytes()}
    with pytest.raises(UpstreamUnreachable):
        await way(upstream.url, tls=UpstreamTls(ca="file:ca"), secrets=stranger).call()


def test_what_can_not_be_used_is_told_at_load(way):
    with pytest.raises(CertificateUnusable):
        way("https://reports.test", tls=UpstreamTls(ca="file:ca"), secrets={"file:ca": b"no certificate"})


async def test_routes_with_equal_upstreams_share_connections(listen, way):
    upstream = await listen()
    to = way(upstream.url)
    await to.call()
    to.handler = to.upstreams.handler(UpstreamSettings(upstream.url, strip="/reports"))
    await to.call("/reports/1")
    assert upstream.connections == 1
