"""Secrets of every kind in every place of a request, broken ones too: no sink and no answer tells any of them."""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.demo.calls import ask, new_traceparent
from gateway.demo.stage import Stage
from tests.telemetry.receiving import OtlpReceiver

SECRETS = {
    "access-token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Q2FuYXJ5U2lnbmF0dXJlMDEyMzQ1Njc4OQ",
    "client-assertion": "eyJhbGciOiJQUzI1NiJ9.eyJqdGkiOiJjYW5hcnkyIn0.QXNzZXJ0aW9uQ2FuYXJ5OTg3NjU0MzIx",
    "refresh-token": "8xLOxBtZp8-canary-refresh",
    "authorization-code": "SplxlOBeZQQYbYS6WxSbIA-canary",
    "state": "af0ifjsldkj-canary-state",
    "cookie": "session-canary-0f9e8d7c",
    "psu-id": "psu-canary-77ab12",
    "card-number": "4556737586899855",
    "account-number": "DE89370400440532013000",
    "private-key": "-----BEGIN PRIVATE KEY-----MIICanaryKey0123456789-----END PRIVATE KEY-----",
}
# What of a secret must not be told where it is not told whole.
PARTS = {
    "access-token": "Q2FuYXJ5U2lnbmF0dXJl",
    "client-assertion": "QXNzZXJ0aW9uQ2FuYXJ5",
    "private-key": "MIICanaryKey",
    "account-number": "0440532013000",
    "card-number": "586899855",
}
HEADERS = (
    *("Authorization: Bearer {}", "Authorization: Basic {}", "Authorization: {}", "Cookie: id={}", "DPoP: {}"),
    *("PSU-ID: {}", "Consent-Id: {}", "X-Anything: {}", "X-Api-Key: {}", "Referer: https://x.test/cb?code={}"),
    *("traceparent: {}", "tracestate: {}", "x-fapi-interaction-id: {}", "Accept: {}", "Expect: {}", "User-Agent: {}"),
    *(
        "Content-Length: {}",
        "Transfer-Encoding: {}",
        "Bad Name: {}",
        "No-Colon {}",
        "Nul\0: {}",
        "Twice: a\r\n {}",
        "{}",
    ),
    *("X: a\rb{}", "X: a\nb{}", "{}: name"),
)
REQUESTS = (
    *("GET /v1/accounts?code={} HTTP/1.1", "GET /v1/accounts?state={}&client_assertion={} HTTP/1.1"),
    *("GET /v1/accounts?{}=1 HTTP/1.1", "GET /v1/accounts/{} HTTP/1.1", "GET /v1/accounts/{}/balances HTTP/1.1"),
    *("GET /nowhere/{} HTTP/1.1", "GET /v1/../{} HTTP/1.1", "GET /v1/%zz{} HTTP/1.1", "GET http://{}/ HTTP/1.1"),
    *("{} /v1/banks HTTP/1.1", "GET /v1/banks HTTP/{}", "GET /v1/banks {}", "{}", "GET /v1/banks#{} HTTP/1.1"),
)


def requests(authorization: str) -> Iterator[tuple[str, bytes]]:
    """(the secret's name, bytes to send) of every secret in every place."""
    for name, secret in SECRETS.items():
        usual = f"Host: localhost\r\nAuthorization: {authorization}\r\ntraceparent: {new_traceparent()[2]}\r\n"
        for line in HEADERS:
            alone = "" if line.startswith(("Authorization", "traceparent")) else usual
            head = f"GET /v1/accounts HTTP/1.1\r\n{alone or 'Host: localhost' + chr(13) + chr(10)}"
            yield name, f"{head}{line.replace('{}', secret)}\r\n\r\n".encode()
        for line in REQUESTS:
            yield name, f"{line.replace('{}', secret)}\r\n{usual}\r\n".encode()
        yield name, f"GET /v1/banks HTTP/1.1\r\n{usual.replace('localhost', secret)}\r\n".encode()
        length = f"Content-Length: {len(secret)}\r\n"
        yield name, f"POST /v1/banks HTTP/1.1\r\n{usual}{length}\r\n{secret}".encode()
        yield name, f"POST /v1/banks HTTP/1.1\r\n{usual}Transfer-Encoding: chunked\r\n\r\n{secret}\r\n".encode()
        yield (
            name,
            f"PUT /v1/banks HTTP/1.1\r\n{usual}Transfer-Encoding: chunked\r\n\r\n5;{secret}\r\nabcde\r\n".encode(),
        )


def said(stage: Stage, context: ssl.SSLContext, content: bytes) -> bytes:
    """What the gateway answers until it closes."""
    with socket.create_connection(("127.0.0.1", stage.ports["service"]), timeout=10) as plain:
        received = b""
        with contextlib.suppress(OSError), context.wrap_socket(plain, server_hostname="localhost") as secured:
            secured.sendall(content + b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while piece := secured.recv(65536):
                received += piece
        return received


@pytest.fixture(scope="module")
def told(stage: Stage, receiver: OtlpReceiver) -> dict[str, str]:
    """All that was told of all those requests, by sink."""
    context = ssl.create_default_context(cafile=str(stage.folder.authority))
    chain = stage.folder.services / "ledger.pem"
    context.load_cert_chain(chain, chain.with_suffix(".key"))
    sent = [content for _, content in requests(stage.folder.token("ledger"))]
    with ThreadPoolExecutor(60) as callers:  # what is no whole request is waited for by the gateway
        answers = list(callers.map(lambda content: said(stage, context, content), sent))
    assert all(b"HTTP/1.1 " in answer for answer in answers), "everything is answered"
    trace_id, _, traceparent = new_traceparent()
    last = f"GET /v1/banks HTTP/1.1\r\nHost: localhost\r\nAuthorization: {stage.folder.token('ledger')}\r\n"
    answers.append(said(stage, context, f"{last}traceparent: {traceparent}\r\n\r\n".encode()))
    gateway = stage.children[-1]
    gateway.first(lambda line: line if trace_id in line else None)
    until = time.monotonic() + 20
    while trace_id.encode() not in receiver.raw() and bytes.fromhex(trace_id) not in receiver.raw():
        assert time.monotonic() < until, "the last trace did not arrive"
        time.sleep(0.05)
    return {
        "log": gateway.log.read_text(),
        "spans": receiver.raw().decode("latin-1"),
        "metrics": ask("GET", f"{stage.health}/metrics").body.decode(),
        "state": ask("GET", f"{stage.admin}/status").body.decode(),
        "answers": b"\n".join(answers).decode("latin-1"),
    }


@pytest.mark.parametrize("sink", ["log", "spans", "metrics", "state", "answers"])
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_told_nowhere(told: dict[str, str], secret: str, sink: str) -> None:
    part = PARTS.get(secret, SECRETS[secret])
    at = told[sink].find(part)
    assert at < 0, told[sink][max(0, at - 300) : at + 100]


def test_no_request_made_the_gateway_fail(told: dict[str, str]) -> None:
    assert "Traceback" not in told["log"]
    assert "failed unforeseen" not in told["log"]
    assert "HTTP/1.1 500" not in told["answers"]
    assert "request_invalid" in told["answers"]
