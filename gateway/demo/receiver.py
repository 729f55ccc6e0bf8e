"""A small OTLP/HTTP receiver in a process of its own: stands where Jaeger would, and gives the spans as JSON.

`python -m gateway.demo.receiver` prints `listening on PORT`. `POST /v1/traces` takes protobuf, gzip or not;
`GET /traces/TRACE_ID?count=N&seconds=S` gives the spans of a trace once there are N, or S seconds have passed.
"""

import gzip
import json
import sys
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

KEPT = 5000
_MOST_BYTES = 16 * 1024 * 1024
_MOST_SECONDS = 30.0
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


def read_spans(body: bytes) -> list[dict[str, Any]]:
    """The spans of an ExportTraceServiceRequest (OTLP 1.x); ids in hex, times in nanoseconds since 1970."""
    return [
        _span(span)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _span(span: Span) -> dict[str, Any]:
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_span_id.hex(),
        "name": span.name,
        "kind": _KINDS[span.kind],
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "attributes": {one.key: getattr(one.value, one.value.WhichOneof("value") or "") for one in span.attributes},
    }


class Received:
    """The last spans that came, and who waits for more."""

    def __init__(self) -> None:
        self._spans: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._changed = threading.Condition()

    def add(self, spans: list[dict[str, Any]]) -> None:
        """Keeps spans."""
        with self._changed:
            self._spans.extend(spans)
            self._changed.notify_all()

    def trace(self, trace_id: str, count: int, seconds: float) -> list[dict[str, Any]]:
        """The spans of a trace: waits until there are `count` of them, at most so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._of(trace_id)) >= count, timeout=seconds)
            return self._of(trace_id)

    def _of(self, trace_id: str) -> list[dict[str, Any]]:
        return [span for span in self._spans if span["trace_id"] == trace_id]


class Handler(BaseHTTPRequestHandler):
    """One connection; `received` is set on the class before it serves."""

    protocol_version = "HTTP/1.1"
    received: Received

    def do_POST(self) -> None:
        """Takes an export."""
        length = int(self.headers.get("Content-Length") or 0)
        if urlsplit(self.path).path != "/v1/traces" or not 0 < length <= _MOST_BYTES:
            self.close_connection = True
            self._answer(400, b"")
            return
        body = self.rfile.read(length)
        self.received.add(read_spans(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body))
        self._answer(200, b"")

    def do_GET(self) -> None:
        """Answers a trace."""
        target = urlsplit(self.path)
        steps = target.path.split("/")
        if len(steps) != 3 or steps[1] != "traces":
            self._answer(404, b"")
            return
        asked = {name: values[0] for name, values in parse_qs(target.query).items()}
        seconds = min(float(asked.get("seconds", 0)), _MOST_SECONDS)
        self._answer(200, json.dumps(self.received.trace(steps[2], int(asked.get("count", 1)), seconds)).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if body else "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Says nothing."""


def main() -> None:
    """Serves until it is ended."""
    Handler.received = Received()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        sys.stdout.write(f"listening on {server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
