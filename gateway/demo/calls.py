"""Calls as a service makes them: HTTP/1.1 over mutual TLS with the standard library, nothing of the engine."""

import http.client
import json
import socket
import ssl
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.demo.stage import Stage

_SECONDS = 15.0
_SILENCE_SECONDS = 2.0


class Answer(msgspec.Struct, frozen=True):
    """What came back; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON; numbers stay as they are written."""
        return json.loads(self.body, parse_float=str)


class Service:
    """A calling service of the demo: its certificate and the token that it sends, each by the name of its file."""

    def __init__(self, stage: Stage, certificate: str | None = "ledger", token: str = "ledger") -> None:  # noqa: S107 - a file's name
        self._stage = stage
        self._context = ssl.create_default_context(cafile=str(stage.folder.authority))
        if certificate is not None:
            chain = stage.folder.services / f"{certificate}.pem"
            self._context.load_cert_chain(chain, chain.with_suffix(".key"))
        self._authorization = stage.folder.token(token)

    def get(self, path: str, consent: str | None = None, **headers: str) -> Answer:
        """One GET; underscores of header names become dashes."""
        sent = {"Authorization": self._authorization, "Accept": "application/json"}
        if consent is not None:
            sent["Consent-Id"] = consent
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        port = self._stage.ports["service"]
        connection = http.client.HTTPSConnection("localhost", port, timeout=_SECONDS, context=self._context)
        return _exchange(connection, "GET", path, sent)

    def shake_hands(self) -> str | None:
        """Only the TLS handshake: the alert that the gateway ends it with, or None where it sends none.

        In TLS 1.3 a client's certificate is judged after the client is done, so the alert is read like an answer.
        """
        address = ("127.0.0.1", self._stage.ports["service"])
        with socket.create_connection(address, timeout=_SECONDS) as plain:
            try:
                with self._context.wrap_socket(plain, server_hostname="localhost") as secured:
                    secured.settimeout(_SILENCE_SECONDS)
                    secured.recv(1)
            except ssl.SSLError as error:
                return error.reason
            except TimeoutError:
                return None  # we were let in, and it waits for a request
        return None


def ask(method: str, url: str, document: object = None) -> Answer:
    """A call to a plain listener of this machine: the simulator's, the receiver's, the gateway's admin and health."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    body = None if document is None else json.dumps(document)
    return _exchange(connection, method, target, {"Content-Type": "application/json"} if body else {}, body)


def new_traceparent() -> tuple[str, str, str]:
    """A trace that begins with us (W3C Trace Context): its id, our span's id, and the header that says so."""
    trace_id, span_id = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    return trace_id, span_id, f"00-{trace_id}-{span_id}-01"


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: str | None = None,
) -> Answer:
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, received, response.read())
    finally:
        connection.close()
