"""One call from its first header to its end: `begin` opens the record, `finish` turns it into spans, metrics, a line.

Everything is decided at the end, from the record alone: nothing is built for a call that is neither sampled nor worth a
trace. Neither method waits for anybody.
"""

import sys
import time
import uuid
from importlib.metadata import version
from typing import BinaryIO, Literal

import msgspec
from structlog.typing import FilteringBoundLogger

from gateway.exchange import CallRecord, Peer
from gateway.telemetry.access import METHODS, access_line
from gateway.telemetry.endings import Ending
from gateway.telemetry.export import SpanExport
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import Logs, as_text
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.spans import SpanBuilder, worth_a_trace
from gateway.telemetry.traces import Origins

_UNMATCHED = "unmatched"
_FLUSH_SECONDS = 3.0


class TelemetrySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator chooses.

    `endpoint` is an OTLP/HTTP base URL, or None for no traces; `authority` the file of the CA that its certificate must
    come from (None: the system's). `ratio` is the share of new traces that are sampled. `trust_traceparent` says that
    callers' traces are continued; otherwise a call starts its own, linked. `log_stream` is standard output when None;
    `log_lock` is the descriptor of a file whose lock is held while lines are written, where processes share a stream.
    """

    service_name: str = "bank-integration-gateway"
    endpoint: str | None = None
    authority: str | None = None
    ratio: float = 0.1
    trust_traceparent: bool = False
    log_level: str = "info"
    log_format: Literal["json", "text"] = "json"
    log_stream: BinaryIO | None = None
    log_lock: int | None = None


class Telemetry:
    """All that one process tells about itself. `log` is a bound logger, `metrics` what the parts write to.

    Raises ValueError for a ratio, level or endpoint that cannot be.
    """

    log: FilteringBoundLogger
    metrics: Metrics

    def __init__(self, settings: TelemetrySettings) -> None:
        self._origins = Origins(ratio=settings.ratio, trusted=settings.trust_traceparent)
        form = as_text if settings.log_format == "text" else bytes
        self.log_lock = settings.log_lock
        self._writer = LineWriter(settings.log_stream or sys.stdout.buffer, form, settings.log_lock)
        try:
            self._logs = Logs(self._writer, settings.log_level)
        except ValueError:
            self._writer.close()
            raise
        self.log = self._logs.log
        self.metrics = Metrics()
        self._active = 0
        self.metrics.active(lambda: self._active)
        self.metrics.dropped("log_lines", lambda: self._writer.dropped)
        self._export: SpanExport | None = None
        if settings.endpoint is not None:
            try:
                self._export = SpanExport(settings.endpoint, settings.authority, self.log)
            except ValueError:
                self.close()
                raise
            self.metrics.dropped("spans", self._export.dropped)
        self._builder = SpanBuilder(settings.service_name, version("bank-integration-gateway"), str(uuid.uuid4()))

    def begin(self, traceparent: str | None, tracestate: str | None) -> CallRecord:
        """The record of a call that starts now. Several headers of one name are handed over joined by a comma."""
        self._active += 1
        return self._origins.begin(traceparent, tracestate)

    def finish(
        self,
        record: CallRecord,
        *,
        method: str,
        path: str,
        peer: Peer | None,
        status: int,
        sent: int,
        error: str | None,
    ) -> None:
        """Tells of a call that has ended; `sent` is in bytes, `error` a kind of failure (a class name), never a text.

        Called once for every `begin`.
        """
        self._active -= 1
        ending = Ending(method if method in METHODS else "_OTHER", path, peer, status, sent, error, time.time_ns())
        try:
            self._tell(record, ending)
        except Exception:
            # The call was answered: whatever cannot be told of it must not undo that.
            self.log.exception("a call could not be told of", trace_id=record.trace_id)

    @property
    def active(self) -> int:
        """How many calls are under way."""
        return self._active

    def metrics_text(self) -> bytes:
        """Prometheus' text exposition; may be called in another thread."""
        return self.metrics.text()

    def report_uncaught(self) -> None:
        """From now on until `close`, errors that nobody caught are logged, redacted, and not printed."""
        self._logs.report_uncaught()

    def close(self) -> None:
        """Sends and writes what waits, within some seconds; blocks until then. Logging is as before afterwards."""
        if self._export is not None:
            self._export.close(_FLUSH_SECONDS)
        self._logs.close()
        self._writer.close()

    def _tell(self, record: CallRecord, ending: Ending) -> None:
        self._count(record, ending)
        self._writer.put(access_line(record, ending))
        if self._export is not None and (record.sampled or worth_a_trace(record, ending)):
            self._export.offer(1 + len(record.attempts), lambda: self._builder.build(record, ending))

    def _count(self, record: CallRecord, ending: Ending) -> None:
        metrics, route = self.metrics, record.route
        name = route.name if route is not None else _UNMATCHED
        # The wall clock may have been set back meanwhile.
        metrics.request(name, ending.method, ending.status, max(ending.at - record.started, 0) / 1e9)
        for mapping in record.mappings:
            metrics.mapped(record.bank, mapping.mapping, mapping.normalised, mapping.left_out)
            for reason, field in mapping.events:
                metrics.finding(record.bank, mapping.mapping, reason, field)
        if record.limited_by is not None:
            metrics.limited(name, record.limited_by)
        if record.limits_unshared is not None:
            metrics.limits_unshared(name, record.limits_unshared)
        if record.cached:
            metrics.cache_hit(name)
