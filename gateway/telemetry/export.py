"""Spans on their way to an OTLP receiver: handed over without waiting, kept within a bound, sent by another thread.

At most `BOUND` spans are under way; the spans of a call that finds no room are dropped together, and everything that is
not delivered is counted. An outage of the receiver is told once when it begins and once when it ends.
"""

import threading
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from structlog.typing import FilteringBoundLogger

from gateway.telemetry.otlp import encode

BOUND = 4096
_BATCH = 256
_GATHER_MILLISECONDS = 500
_SEND_SECONDS = 5.0


def traces_url(endpoint: str) -> str:
    """An OTLP/HTTP endpoint as the exporter needs it: a base URL gets the path of traces (OTLP 1.x, OTLP/HTTP).

    Raises ValueError for anything but an absolute http or https URL.
    """
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"the OTLP endpoint must be an http or https URL such as http://localhost:4318, not {endpoint!r}"
        )
    return endpoint if parts.path.strip("/") else f"{endpoint.rstrip('/')}/v1/traces"


class _Session(requests.Session):
    """Spans go to the endpoint of the settings and nowhere else, whatever it answers."""

    def get_redirect_target(self, _resp: requests.Response) -> None:
        """No redirect leads anywhere."""


class SpanSender(OTLPSpanExporter):
    """The exporter with our encoding and our count of what was sent and what was lost; used by one thread."""

    def __init__(self, endpoint: str, authority: str | None, log: FilteringBoundLogger) -> None:
        session = _Session()
        # Neither a proxy nor a .netrc of the environment has a say in where traces go.
        session.trust_env = False
        super().__init__(traces_url(endpoint), certificate_file=authority, timeout=_SEND_SECONDS, session=session)
        self.taken = 0
        self.lost = 0
        self._failing = False
        self._log = log

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends one batch, with the exporter's own second tries."""
        self.taken += len(spans)
        if self._shutdown:
            self.lost += len(spans)
            return SpanExportResult.FAILURE
        try:
            encoded = encode(spans)
        except Exception:  # noqa: BLE001 - whatever it is, the batch is lost and the sender goes on
            self.lost += len(spans)
            self._log.exception("spans cannot be encoded")
            return SpanExportResult.FAILURE
        answer = self._client.export(encoded)
        # To the exporter whatever is below 400 is success; a redirect took nothing.
        delivered = bool(answer.success) and 200 <= (answer.status_code or 0) < 300
        if not delivered:
            self.lost += len(spans)
            if not self._failing:
                self._log.error("spans cannot be exported", endpoint=self._endpoint, status=answer.status_code)
        elif self._failing:
            self._log.warning("spans are exported again", endpoint=self._endpoint, lost=self.lost)
        self._failing = not delivered
        return SpanExportResult.SUCCESS if delivered else SpanExportResult.FAILURE


class SpanExport:
    """The way out for spans; `offer` is for one thread, the event loop's."""

    def __init__(self, endpoint: str, authority: str | None, log: FilteringBoundLogger) -> None:
        self._sender = SpanSender(endpoint, authority, log)
        # The processor's own queue would drop the oldest spans one by one and log each time; it never fills here.
        self._processor = BatchSpanProcessor(
            self._sender,
            max_queue_size=BOUND + 1,
            max_export_batch_size=_BATCH,
            schedule_delay_millis=_GATHER_MILLISECONDS,
        )
        self._offered = 0
        self._refused = 0

    def dropped(self) -> int:
        """Spans that found no room or could not be delivered, since the start."""
        return self._refused + self._sender.lost

    def offer(self, count: int, build: Callable[[], list[ReadableSpan]]) -> None:
        """Builds and queues the spans of one call when all `count` of them find room, else drops them together."""
        if self._offered - self._sender.taken + count > BOUND:
            self._refused += count
            return
        spans = build()
        self._offered += len(spans)
        for span in spans:
            self._processor.on_end(span)

    def close(self, seconds: float) -> None:
        """Sends what is queued, for at most so many seconds; blocks until then. What is left counts as dropped."""
        shutdown: Callable[[], None] = self._processor.shutdown
        flushing = threading.Thread(target=shutdown, name="span-flush", daemon=True)
        flushing.start()
        flushing.join(seconds)
        if flushing.is_alive():
            # Wakes the sender from a wait between two tries; the rest of the queue is then counted as lost.
            self._sender.shutdown()  # type: ignore[no-untyped-call] # the SDK left it so
            flushing.join(seconds)
