"""An OTLP/HTTP receiver in a process of its own: keeps every span it is sent, decoded, and hands them out as JSON.

    python otlp_receiver.py [--port N] [--certificate FILE --key FILE]

prints `listening on PORT`, then serves until it is told to end. `POST /v1/traces` takes protobuf, gzip or not;
`GET /spans?count=N&seconds=S` waits until at least N spans are there or S seconds have passed; `GET /raw` gives the
bytes of all requests, as they came; `PUT /answer?status=503` makes every later post fail with that status (200 ends
it), `status=0` makes it never answer; `DELETE /spans` forgets.
"""

import argparse
import gzip
import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")


def decode(body: bytes) -> list[dict[str, Any]]:
    """The spans of one export request, in order, each with its resource's attributes."""
    spans: list[dict[str, Any]] = []
    for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = attributes_of(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            spans.extend(
                {
                    "trace_id": span.trace_id.hex(),
                    "span_id": span.span_id.hex(),
                    "parent_id": span.parent_span_id.hex(),
                    "trace_state": span.trace_state,
                    "name": span.name,
                    "kind": KINDS[span.kind],
                    "status": STATUSES[span.status.code],
                    "start": span.start_time_unix_nano,
                    "end": span.end_time_unix_nano,
                    "attributes": attributes_of(span.attributes),
                    "events": [{"name": e.name, "attributes": attributes_of(e.attributes)} for e in span.events],
                    "links": [{"trace_id": o.trace_id.hex(), "span_id": o.span_id.hex()} for o in span.links],
                    "resource": resource,
                    "scope": scope_spans.scope.name,
                }
                for span in scope_spans.spans
            )
    return spans


def attributes_of(attributes: Any) -> dict[str, Any]:
    """Key-value messages as a dict of plain values."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


class Received:
    """What came in, and how the next post is answered."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        self.raw: list[bytes] = []
        self.status = 200
        self.changed = threading.Condition()
        self.released = threading.Event()


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    received: Received

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        received = self.received
        if received.status == 0:
            received.released.wait(60)
        if received.status == 200:
            with received.changed:
                received.raw.append(body)
                received.spans += decode(body)
                received.changed.notify_all()
        self._answer(received.status or 503, b"")

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(target.query).items()}
        if target.path == "/raw":
            self._answer(200, b"".join(self.received.raw))
            return
        with self.received.changed:
            self.received.changed.wait_for(
                lambda: len(self.received.spans) >= int(asked.get("count", 0)), timeout=float(asked.get("seconds", 5))
            )
            self._answer(200, json.dumps(self.received.spans).encode())

    def do_PUT(self) -> None:
        self.received.status = int(parse_qs(urlsplit(self.path).query)["status"][0])
        if self.received.status:
            self.received.released.set()
        else:
            self.received.released.clear()
        self._answer(204, b"")

    def do_DELETE(self) -> None:
        with self.received.changed:
            self.received.spans.clear()
            self.received.raw.clear()
        self._answer(204, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--certificate")
    options.add_argument("--key")
    chosen = options.parse_args()
    Receiver.received = Received()
    with ThreadingHTTPServer(("127.0.0.1", chosen.port), Receiver) as server:
        server.daemon_threads = True
        if chosen.certificate:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(chosen.certificate, chosen.key)
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        sys.stdout.write(f"listening on {server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
