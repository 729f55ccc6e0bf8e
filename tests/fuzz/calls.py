"""What callers send: request lines and headers over a socket, raw paths, JSON bodies; and texts that are redacted."""

import asyncio
import atexit
import contextlib
import json
import socket
import threading

import orjson
import uvloop

from gateway.errors import PathRefused
from gateway.filters.bounded_json import Bounds, check
from gateway.settings import Address, Limits, ListenerSettings, Seconds
from gateway.telemetry.calls import Telemetry, TelemetrySettings
from gateway.telemetry.redaction import redact_text
from gateway.web.door import Door
from gateway.web.listeners import Front, Listener
from gateway.web.paths import canonical
from tests.fuzz.target import Target, mutated
from tests.web.conftest import Calls, Log

HEADS = [
    b"GET /v1/things?a=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET /v1/things HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/things/%2e HTTP/1.0\r\n\r\n",
    b"POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /plain HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /plain HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"PUT /v1/things HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
    b"GET /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nx-fapi-interaction-id: 1\r\n\r\n",
    b"HEAD /plain HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\nUpgrade: h2c\r\n\r\n",
]
HEAD_WORDS = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b"\0",
        b"\x0b",
        b"\xff",
        b"Content-Length: 5\r\n",
        b"Content-Length: +1\r\n",
    ),
    *(
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Host: b\r\n",
        b"Expect: x\r\n",
        b"HTTP/2.0",
    ),
    *(
        b"HTTP/1.0",
        b"GET ",
        b"CONNECT a:1 ",
        b"TRACE ",
        b"PRI * ",
        b"http://x",
        b"*",
        b"%00",
        b"%2f",
        b"..",
        b"//",
        b"#",
    ),
    *(
        b"0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"1;x=y\r\n",
        b"X: " + b"y" * 9000 + b"\r\n",
        b"Traceparent: 00-" + b"0" * 32,
    ),
]
PATHS = [b"/v1/accounts/a%2Db?x=%41", b"/a/b.c;d", b"/a/../b", b"/%C3%A9", b"/a//b", b"/a/./b", b"*", b"http://x/y"]


class _Doors:
    """A listener on a loop of its own, opened at the first call."""

    def __init__(self) -> None:
        self.calls, self.log = Calls(), Log()
        self._port: int | None = None

    def port(self) -> int:
        if self._port is None:
            opened = threading.Event()
            threading.Thread(target=lambda: uvloop.run(self._serve(opened)), daemon=True).start()
            assert opened.wait(20)
        assert self._port is not None
        return self._port

    async def _serve(self, opened: threading.Event) -> None:
        telemetry = Telemetry(TelemetrySettings(log_stream=self.log, ratio=0.0, log_level="warning"))
        settings = ListenerSettings(address=Address("127.0.0.1:0"))
        limits = Limits(header_timeout=Seconds(1), idle_timeout=Seconds(1), write_timeout=Seconds(5))
        listener = Listener("service", settings, Front(), Door(lambda: self.calls, telemetry), limits)
        await listener.open()
        self._port = listener.port
        ending, loop = asyncio.Event(), asyncio.get_running_loop()
        ended = threading.Event()

        def end() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ending.set)
                ended.wait(10)

        atexit.register(end)
        opened.set()
        await ending.wait()
        listener.take_no_more()
        await listener.empty(0)
        telemetry.close()
        ended.set()

    def judge(self, content: bytes) -> None:
        """Everything that is answered is an answer of ours, no failure of ours, and the log holds no traceback."""
        with socket.create_connection(("127.0.0.1", self.port()), timeout=20) as connection:
            received = bytearray()
            with contextlib.suppress(OSError):  # it may have been refused and closed meanwhile
                connection.sendall(content)
                connection.shutdown(socket.SHUT_WR)
            try:
                while piece := connection.recv(65536):
                    received += piece
            except ConnectionError:  # closed while bytes were still coming: the last answer may be cut
                received.clear()
        self._judge_answers(bytes(received))
        told = self.log.getvalue()
        assert b"Traceback" not in told, told.decode()
        assert b"unforeseen" not in told, told.decode()
        for exchange in self.calls.seen:
            assert exchange.request.path.startswith("/")
            assert canonical(exchange.request.path)[0] == exchange.request.path
        self.calls.seen.clear()

    def _judge_answers(self, received: bytes) -> None:
        while received:
            head, end, received = received.partition(b"\r\n\r\n")
            assert end, head
            first, *lines = head.decode("latin-1").split("\r\n")
            version, status, _ = first.split(" ", 2)
            assert version == "HTTP/1.1"
            assert status not in {"500", "502", "503", "504"}, first
            fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            if status == "100":
                continue
            if fields.get("content-type") == "application/problem+json" and received:
                length = int(fields["content-length"])
                # HEAD is answered with a length and no body.
                if not received.startswith(b"HTTP/1.1 "):
                    problem, received = json.loads(received[:length]), received[length:]
                    assert problem["status"] == int(status)
                continue
            length = int(fields.get("content-length", 0))
            if not received.startswith(b"HTTP/1.1 "):
                received = received[length:]


def judge_path(content: bytes) -> None:
    """A path is refused, or is the one that every reader after us reads: nothing in it is left to decode twice."""
    text = content.decode("latin-1")
    try:
        path, _query = canonical(text)
    except PathRefused:
        return
    assert text.startswith(path)
    assert path.startswith("/")
    assert path.isascii()
    assert path.isprintable()
    for segment in path.split("/"):
        assert segment not in {".", ".."}
    lowered = path.lower()
    assert not any(code in lowered for code in ("%2f", "%5c", "%00", "%2e", "%25"))
    assert "\\" not in path
    assert "//" not in path
    assert canonical(path) == (path, None)


BOUNDS = Bounds(depth=16, values=2_000, text=4_096, digits=40)
BODIES = [
    b'{"amount": {"value": "12.30", "currency": "EUR"}, "to": [1, 2.5e3, true, null], "text": "\\u00e9\\ud83d\\ude00"}',
    b'[{"a":{"b":{"c":[[[]]]}}},"x"]',
    b' "text" ',
    b"-0.10E+2",
]
BODY_WORDS = [
    *(
        b'"a":1,',
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b'\\"',
        b"\\ud800",
        b"\\u0000",
        b"NaN",
        b"-",
        b"1e9999",
        b"0" * 50,
    ),
    *(
        b",",
        b":",
        b"null",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\0",
        b" ",
        b"\n",
        b"[" * 30,
        b"x" * 5_000,
        b"0," * 3_000,
        b"\xed\xa0\x80",
    ),
]


def judge_body(content: bytes) -> None:
    """What is taken, two other readers read, and read alike; no object loses a member."""
    try:
        check(content, BOUNDS)
    except ValueError as refused:
        assert str(refused)
        return
    strict, other = json.loads(content), orjson.loads(content)
    assert strict == other or b"e" in content.lower() or b"." in content
    assert json.loads(content, object_pairs_hook=len) == json.loads(content, object_pairs_hook=lambda p: len(dict(p)))


CANARY = "CaNaRy7c1f"
SECRETS = [
    f"Authorization: Bearer {CANARY}",
    f"cookie={CANARY}; a=b",
    f'{{"access_token": "{CANARY}"}}',
    f"GET /x?code={CANARY}&state={CANARY}x",
    f"client_assertion={CANARY}",
    f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
]


def judge_redaction(content: bytes) -> None:
    """What stands before and behind a secret does not bring it out, and redacting twice changes nothing."""
    before, _, rest = content.partition(b"\x1f")
    which, _, behind = rest.partition(b"\x1f")
    secret = SECRETS[(which[0] if which else 0) % len(SECRETS)]
    text = f"{before.decode('latin-1')}\n{secret}\n{behind.decode('latin-1')}"
    redacted = redact_text(text)
    assert CANARY not in redacted
    assert redact_text(redacted) == redacted


def targets() -> list[Target]:
    """All of them."""
    doors = _Doors()
    return [
        Target(
            "heads",
            "bytes on a connection give answers and problems, never a failure of ours or a traceback",
            mutated(HEADS, HEAD_WORDS),
            doors.judge,
            60,
        ),
        Target(
            "paths",
            "a raw path is refused, or is what every later reader reads",
            mutated(
                PATHS,
                [b"%2e", b"%2F", b"%5c", b"%00", b"%25", b"..", b"//", b"\\", b";", b"#", b"?", b"%zz", b"%c0%ae"],
            ),
            judge_path,
            150,
        ),
        Target(
            "bodies",
            "a JSON body that is taken means the same to every reader",
            mutated(BODIES, BODY_WORDS),
            judge_body,
        ),
        Target(
            "redaction",
            "no text around a secret brings it out, and redacting twice changes nothing",
            mutated(
                [b"a\x1f%c\x1fb" % n for n in range(len(SECRETS))],
                [
                    b'"',
                    b"'",
                    b"\\",
                    b":",
                    b"=",
                    b"\n",
                    b"\r",
                    b"e" * 20,
                    b"Bearer",
                    b"token",
                    b"-----BEGIN ",
                    b"{",
                    b"}",
                ],
            ),
            judge_redaction,
        ),
    ]
