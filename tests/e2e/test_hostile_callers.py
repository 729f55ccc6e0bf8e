"""A caller who tries: fields, paths, methods and queries that would mean something else to somebody behind the gateway.

Raw bytes over TLS to gateways on both of aiohttp's parsers, before an upstream that records what it was asked.
"""

import posixpath
import re
import socket
import ssl
import urllib.parse
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.chains import Answer, Chain, answers_in
from tests.e2e.conversations import Talk, line, talk
from tests.e2e.recorder import NUMBER
from tests.web.raw import request

pytestmark = pytest.mark.parametrize("parser", ["alone", "other parser"])


async def asked(chain: Chain, method: str, target: str, *lines: str, body: str = "") -> Talk:
    """The talk that begins with this request."""
    case = f"{chain.name}/callers/{len(chain.recorder.seen)}"
    raw = request(method, target, line(case).decode().strip(), *lines, body=body)
    return await talk(chain, case, raw.encode("latin-1"))


INJECTED = ("a%0d%0aX-Injected:%201", "a%0D%0AX-Injected:%201", "%E5%98%8A%E5%98%8DX-Injected:%201", "a%0aX-Injected:1")


@pytest.mark.parametrize("value", INJECTED)
async def test_case_26_line_ends_in_a_path_or_query_begin_no_field(
    value: str, parser: str, chains: Mapping[str, Chain]
) -> None:
    told = await asked(chains[parser], "GET", f"/open/x?q={value}")
    assert told.taken
    assert told.seen[0].target == f"/open/x?q={value}", "as it came, undecoded"
    assert not any("injected" in name for one in told.seen for name, _ in one.fields)
    told = await asked(chains[parser], "GET", f"/open/{value}")
    assert told.refused or told.seen[0].target == f"/open/{value}"
    assert not any("injected" in name for one in told.answers for name in one.fields)
    assert not any("injected" in name for one in told.seen for name, _ in one.fields)


@pytest.mark.parametrize(
    "field",
    [
        "X-Thing: a\rX-Injected: 1", "X-Thing: a\nX-Injected: 1", "X-Thing: a\0X-Injected: 1", "X-Thing: a\x0bb",
        "X-Thing: caf\u00e9", "X-Thing: \u00e5\u0098\u008a\u00e5\u0098\u008dX-Injected: 1", "X-Th\u00efng: a",
    ],
)  # fmt: skip
async def test_case_26_controls_and_bytes_beyond_ascii_in_a_field_are_refused(
    field: str, parser: str, chains: Mapping[str, Chain]
) -> None:
    told = await asked(chains[parser], "GET", "/open/x", field)
    assert told.turned_away
    assert told.first.status == 400
    assert not any("injected" in name for name in told.first.fields)


async def test_case_26_a_problem_shows_nothing_that_was_sent(parser: str, chains: Mapping[str, Chain]) -> None:
    canary = "canary\\r\\nSet-Cookie:x"
    for told in (
        await asked(chains[parser], "GET", f"/open/{canary}"),
        await asked(chains[parser], "GET", "/closed/x", f"X-Thing: {canary}", "x-fapi-interaction-id: canary"),
        await asked(chains[parser], "canary", "/open/x"),
        await asked(chains[parser], "GET", "/nowhere/canary"),
        await asked(chains[parser], "GET", "/open/x", "Expect: canary"),
        await asked(chains[parser], "GET", "/open/x", "Authorization: canary", "Authorization: canary"),
    ):
        assert told.first.status >= 400
        assert b"canary" not in told.first.body
        assert "canary" not in str(told.first.fields)


async def test_case_27_what_belongs_to_a_connection_ends_with_it(parser: str, chains: Mapping[str, Chain]) -> None:
    told = await asked(
        chains[parser], "POST", "/open/x",
        "Connection: keep-alive, X-Thing, x-fapi-interaction-id , authorization,dpop, Signature, Digest",
        "X-Thing: dropped", "Keep-Alive: timeout=99", "Proxy-Connection: keep-alive", "TE: trailers", "Trailer: X-T",
        "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "Proxy-Authorization: Basic eA==",
        "Authorization: Bearer kept", "x-fapi-interaction-id: 0d9f2a64-5b1c-4f3e-8a77-6c2e1b9d4f50", "DPoP: kept",
        "Signature: kept", "Digest: kept", "Content-Length: 5", body="hello",
    )  # fmt: skip
    fields = dict(told.seen[0].fields)
    assert {"authorization", "x-fapi-interaction-id", "dpop", "signature", "digest"} <= set(fields)
    hop_by_hop = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "proxy-authorization"}
    assert not {*hop_by_hop, "x-thing"} & set(fields)
    assert (fields["content-length"], told.seen[0].body) == ("5", b"hello")


@pytest.mark.parametrize("nominated", ["host", "content-length", "content-type", "cookie", "idempotency-key"])
async def test_case_27_nobody_nominates_away_what_a_call_is(
    nominated: str, parser: str, chains: Mapping[str, Chain]
) -> None:
    lines = ("Content-Type: a/b", "Cookie: a=b", "Idempotency-Key: k", "Content-Length: 5")
    told = await asked(chains[parser], "POST", "/open/x", f"Connection: {nominated}", *lines, body="hello")
    fields = dict(told.seen[0].fields)
    assert {"host", "content-length", "content-type", "cookie", "idempotency-key"} <= set(fields)
    assert told.seen[0].body == b"hello"


VOUCHING = (
    "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "X-Real-IP: 127.0.0.1",
    "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /closed", "Forwarded: for=127.0.0.1;host=evil.example",
    "X-Original-URL: /closed/x", "X-Rewrite-URL: /closed/x", "X-Forwarded-Client-Cert: Hash=00", "Client-Cert: :AA==:",
    "X-SSL-Client-Verify: SUCCESS", "Client_Cert: :AA==:", "X_Forwarded_For: 127.0.0.1", "x-client-cert: AA==",
)  # fmt: skip


@pytest.mark.parametrize("field", VOUCHING)
async def test_case_28_nobody_vouches_for_itself(field: str, parser: str, chains: Mapping[str, Chain]) -> None:
    told = await asked(chains[parser], "GET", "/open/x", field)
    if not told.refused:
        assert told.seen[0].target == "/open/x"
        if "Rewrite" not in field:
            assert field.partition(":")[0].lower() not in dict(told.seen[0].fields)
    closed = await asked(chains[parser], "GET", "/closed/x", field)
    assert closed.first.status == 401
    assert not [one for one in closed.seen if one.target == "/closed/x"]


async def test_case_28_the_host_that_is_asked_is_not_the_callers_to_name(
    parser: str, chains: Mapping[str, Chain]
) -> None:
    chain = chains[parser]
    told = await asked(chain, "GET", "/open/x")
    assert told.seen[0].get("host") == f"127.0.0.1:{chain.recorder.port}"
    for target in ("http://evil.example/open/x", "https://127.0.0.1/open/x", "//evil.example/open/x", "evil.example:1"):
        assert (await asked(chain, "GET", target)).refused


PATHS = (
    "/open/../closed/x", "/open/%2e%2e/closed/x", "/open/%2E%2E/closed/x", "/open/.%2e/closed/x", "/open/..%2fclosed/x",
    "/open/%252e%252e/closed/x", "/open/..%252fclosed/x", "/open/..\\closed\\x", "/open/%5c..%5cclosed", "/open/..;/x",
    "/open/..;a=b/closed/x", "/open/;/x", "//closed/x", "/open//x", "/./closed/x", "/closed%00/x", "/open/x%00",
    "/open/%c0%ae%c0%ae/closed/x", "/open/%e0%80%ae/x", "/open/%ff", "/open/x#/closed", "/open/x%23", "/open/%3f/x",
    "/open/.", "/open/..", "/%63losed/x", "/%6Fpen/x", "/open/%zz", "/open/%", "/open/%4", "/open/\x01", "/open/ x",
    "/open/" + "a" * 8192, "/open/" + "a/" * 1500, "\\open\\x", "/open\\x", "*", "/open/\u00e9", "/open/{x}",
    "/open/|x",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:40])
async def test_case_29_a_path_with_two_readings_reaches_nobody(
    path: str, parser: str, chains: Mapping[str, Chain]
) -> None:
    told = await asked(chains[parser], "GET", path)
    assert told.refused
    assert not [one for one in told.seen if not one.target.startswith("/plain/")]


@pytest.mark.parametrize("path", ["/OPEN/x", "/Open/x", "/closed/x", "/CLOSED/x", "/closed/", "/closed"])
async def test_case_29_case_and_slashes_make_another_path(path: str, parser: str, chains: Mapping[str, Chain]) -> None:
    """Only what is matched goes on, and as it came: another spelling is another path, or none."""
    told = await asked(chains[parser], "GET", path)
    if told.refused:
        assert told.first.status in {401, 404}
    else:
        assert (told.seen[0].target, path) == (path, "/closed"), "a single segment is a route of its own"


class Line:
    """One kept-alive connection to a gateway, without a loop, for many requests one after another."""

    def __init__(self, chain: Chain) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", chain.port), timeout=10)
        self._socket = context.wrap_socket(plain)

    def ask(self, raw: bytes) -> Answer:
        """The answer; those of the gateway have a length."""
        self._socket.sendall(raw)
        received = b""
        while True:
            found = list(answers_in(received, to_head=False)) if b"\r\n\r\n" in received else []
            if found and found[0].whole:
                return found[0]
            piece = self._socket.recv(65536)
            assert piece, received
            received += piece

    def close(self) -> None:
        """Ends it."""
        self._socket.close()


# Whatever servers, frameworks and people have been seen to read in a path.
_PARTS = (
    "open", "closed", "Closed", "x", "", ".", "..", "...", "%2e", "%2E%2E", ".%2e", "%252e%252e", "%2f", "%2F", "%5c",
    "%5C", "\\", ";", ";a=b", "..;", "%3b", "%00", "%0a", "%0D", "%20", "+", "%2B", "%25", "%C3%A9", "%c3%a9", "%C0%AE",
    "%E0%80%AE", "%FF", "#", "%23", "?", "%3F", "~", "%7E", "%41", "a.", "a%20", "*", "@", ":", "&", "=", "%u002e", "%",
)  # fmt: skip
_PATHS = st.lists(st.lists(st.sampled_from(_PARTS), min_size=1, max_size=3).map("".join), min_size=1, max_size=5)


def readings(path: str) -> Iterator[str]:
    """What somebody behind could make of a path."""
    path = path.partition("?")[0].partition("#")[0]
    for decoded in (path, urllib.parse.unquote(path), urllib.parse.unquote(urllib.parse.unquote(path))):
        for slashes in (decoded, decoded.replace("\\", "/")):
            for bare in (slashes, re.sub(r";[^/]*", "", slashes)):
                yield posixpath.normpath(re.sub(r"/+", "/", bare.partition("\0")[0]))


def test_case_29_what_is_decided_is_what_is_sent(parser: str, chains: Mapping[str, Chain]) -> None:
    chain = chains[parser]
    lines, taken = [Line(chain)], []

    def begin_anew() -> None:
        lines.pop().close()
        lines.append(Line(chain))

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(_PATHS.map(lambda parts: "/" + "/".join(parts)))
    def hold(target: str) -> None:
        before = len(chain.recorder.seen)
        try:
            told = lines[0].ask(request("GET", target, "X-Case: paths").encode("latin-1"))
        except (AssertionError, ConnectionError):
            begin_anew()
            raise
        if told.fields.get("connection") == "close":
            begin_anew()
        seen = chain.recorder.seen[before:]
        if NUMBER not in told.fields:
            assert told.status in {400, 401, 404}
            assert seen == []
            return
        # A question mark without a query says nothing, and is left out.
        assert [one.target for one in seen] == [target.removesuffix("?")], "byte for byte what was decided on"
        assert told.status == 200
        taken.append(target)
        # Nobody behind, however it reads, finds itself on the route that asks for a certificate.
        assert not any(reading.startswith("/closed/") for reading in readings(target))

    try:
        hold()
    finally:
        lines[0].close()
    assert taken, "some are taken, or nothing was tried"


@pytest.mark.parametrize(
    "field", ["X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE"]
)
async def test_case_30_a_method_is_what_the_line_says(field: str, parser: str, chains: Mapping[str, Chain]) -> None:
    told = await asked(chains[parser], "POST", "/open/x?_method=DELETE", field)
    assert told.seen[0].method == "POST"


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("TRACE", 501), ("OPTIONS", 405), ("CONNECT", 400), ("TRACK", 501), ("DEBUG", 501), ("PROPFIND", 501),
        ("GETX", 501), ("FROBNICATE", 501),
    ],
)  # fmt: skip
async def test_case_30_methods_that_no_route_has(
    method: str, status: int, parser: str, chains: Mapping[str, Chain]
) -> None:
    told = await asked(chains[parser], method, "/open/x")
    assert told.first.number is None
    assert told.first.status == status
    if status == 405:
        assert set(told.first.fields["allow"].split(", ")) == {"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"}
    assert not [one for one in told.seen if one.target == "/open/x"]


@pytest.mark.parametrize("method", ["get", "Get", "PRI"])
async def test_case_30_a_method_in_another_case_is_none_or_what_is_asked_for(
    method: str, parser: str, chains: Mapping[str, Chain]
) -> None:
    """The parser without the C extension brings methods into upper case: then that is what is decided on, and sent."""
    told = await asked(chains[parser], method, "/closed/x")
    assert told.first.status in {400, 401, 501}
    told = await asked(chains[parser], method, "/open/x")
    assert told.refused or [one.method for one in told.seen] == ["GET"] * 3


async def test_case_30_head_is_asked_as_head(parser: str, chains: Mapping[str, Chain]) -> None:
    told = await asked(chains[parser], "HEAD", "/open/x")
    assert (told.first.status, told.first.body, told.seen[0].method) == (200, b"", "HEAD")
    assert len(told.answers) == 3


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_case_30_no_other_origin_is_let_in(method: str, parser: str, chains: Mapping[str, Chain]) -> None:
    lines = ("Origin: https://evil.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: a")
    told = await asked(chains[parser], method, "/open/x", *lines)
    assert not [name for name in told.first.fields if name.startswith("access-control-")]
    assert "evil.example" not in str(told.first)


@pytest.mark.parametrize(
    "query",
    [
        "a=1&a=2",
        "a=1&A=2",
        "a[]=1",
        "a=b+c",
        "a=b%20c",
        "a=b%2Bc",
        "a=1;a=2",
        "a=%26b=2",
        "a&a=&=a",
        "a=?b=/",
        "a==b",
        "&&",
    ],
)
async def test_case_31_a_query_goes_on_as_it_came_or_not_at_all(
    query: str, parser: str, chains: Mapping[str, Chain]
) -> None:
    told = await asked(chains[parser], "GET", f"/open/x?{query}")
    if "[" in query:
        assert told.refused
    else:
        assert told.seen[0].target == f"/open/x?{query}"
