"""A call's record, turned into the spans of OpenTelemetry's HTTP conventions: a server span, a client span per attempt.

Names and attributes follow the semantic conventions for HTTP (1.29, stable). What an outsider chose is redacted: of
paths only plain words are left, of queries only that there was one. Ids, times and counts come from the record.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from gateway.exchange import Attempt, CallRecord
from gateway.telemetry.endings import Ending
from gateway.telemetry.redaction import kind, redact_path, redact_url
from gateway.telemetry.traces import LinkedCall

Attributes = dict[str, str | int | bool]
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _FAILED = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
_EVENTS = 64


def worth_a_trace(record: CallRecord, ending: Ending) -> bool:
    """Whether a call's spans are exported though it is not sampled: something in it failed or was left out."""
    return (
        ending.status >= 500
        or ending.error is not None
        or any(failed(attempt) for attempt in record.attempts)
        or any(mapping.left_out for mapping in record.mappings)
    )


def failed(attempt: Attempt) -> bool:
    """Whether an attempt is an error for the client that made it: no answer, or a 4xx or 5xx one."""
    return attempt.error is not None or attempt.status >= 400 or not attempt.status


class SpanBuilder:
    """Builds the spans of one process's calls."""

    def __init__(self, service: str, version: str, instance: str) -> None:
        self._resource = Resource.create(
            {"service.name": service, "service.version": version, "service.instance.id": instance}
        )
        self._scope = InstrumentationScope("gateway", version)

    def build(self, record: CallRecord, ending: Ending) -> list[ReadableSpan]:
        """The server span, then the attempts' in their order."""
        trace_id = int(record.trace_id, 16)
        state = TraceState.from_header([record.trace_state]) if record.trace_state else None
        server = _context(trace_id, record.span_id, state=state)
        parent = _context(trace_id, record.parent_id, remote=True) if record.parent_id else None
        # The conventions' name for a method that is not known (section Name of HTTP spans).
        name = "HTTP" if ending.method == "_OTHER" else ending.method
        serving = ReadableSpan(
            name=f"{name} {record.route.template}" if record.route is not None else name,
            context=server,
            parent=parent,
            resource=self._resource,
            attributes=_server_attributes(record, ending),
            events=_mapping_events(record, ending.at),
            links=_links(record),
            kind=SpanKind.SERVER,
            status=_FAILED if ending.status >= 500 or ending.error is not None else _UNSET,
            start_time=record.started,
            end_time=max(ending.at, record.started),
            instrumentation_scope=self._scope,
        )
        return [serving, *(self._attempt(record, attempt, server, ending.at) for attempt in record.attempts)]

    def _attempt(self, record: CallRecord, attempt: Attempt, server: SpanContext, ended: int) -> ReadableSpan:
        return ReadableSpan(
            name=f"{attempt.method} {attempt.operation}".rstrip(),
            context=_context(server.trace_id, attempt.span_id),
            parent=server,
            resource=self._resource,
            attributes=_attempt_attributes(record, attempt),
            kind=SpanKind.CLIENT,
            status=_FAILED if failed(attempt) else _UNSET,
            start_time=attempt.started,
            end_time=max(attempt.ended or ended, attempt.started),
            instrumentation_scope=self._scope,
        )


def _context(trace_id: int, span_id: str, *, remote: bool = False, state: TraceState | None = None) -> SpanContext:
    return SpanContext(trace_id, int(span_id, 16), remote, _SAMPLED, state)


def _links(record: CallRecord) -> tuple[Link, ...]:
    if not isinstance(record, LinkedCall):
        return ()
    trace_id, span_id = record.link
    return (Link(_context(int(trace_id, 16), span_id, remote=True)),)


def _server_attributes(record: CallRecord, ending: Ending) -> Attributes:
    route = record.route
    attributes: Attributes = {
        "http.request.method": ending.method,
        "url.scheme": "https",
        "url.path": redact_path(ending.path),
        "http.response.status_code": ending.status,
        "http.response.body.size": ending.sent,
    }
    if "?" in ending.path:
        attributes["url.query"] = "REDACTED"
    if route is not None:
        attributes["http.route"] = route.template
        attributes["gateway.route"] = route.name
        if route.operation is not None:
            attributes["gateway.operation"] = route.operation
    if ending.peer is not None:
        attributes["client.address"] = attributes["network.peer.address"] = ending.peer.address
    if ending.error is not None or ending.status >= 500:
        attributes["error.type"] = kind(ending.error) or kind(record.problem) or str(ending.status)
    told: Mapping[str, str | None] = {
        "gateway.bank": record.bank,
        "gateway.dialect": record.dialect,
        "gateway.consent.hash": record.consent_hash,
        "gateway.interaction_id": record.interaction_id,
        "gateway.problem": kind(record.problem),
        "gateway.limited_by": record.limited_by,
        "gateway.client": record.principal.client_id if record.principal is not None else None,
    }
    for name, value in told.items():
        if value:
            attributes[name] = value
    if record.cached:
        attributes["gateway.cached"] = True
    if record.mappings:
        attributes["gateway.mapping"] = ",".join(dict.fromkeys(one.mapping for one in record.mappings))
        attributes["gateway.records.normalised"] = sum(one.normalised for one in record.mappings)
        attributes["gateway.records.left_out"] = sum(one.left_out for one in record.mappings)
    return attributes


def _mapping_events(record: CallRecord, ended: int) -> list[Event]:
    """One event for each kind of finding of each mapping, with how often it was met."""
    met: dict[tuple[str, str, str], int] = {}
    for mapping in record.mappings:
        for reason, field in mapping.events:
            key = (mapping.mapping, reason, field)
            met[key] = met.get(key, 0) + 1
    return [
        Event(
            "gateway.mapping.finding",
            {
                "gateway.mapping": mapping,
                "gateway.finding.reason": reason,
                "gateway.finding.field": field,
                "gateway.finding.count": count,
            },
            timestamp=ended,
        )
        for (mapping, reason, field), count in list(met.items())[:_EVENTS]
    ]


def _attempt_attributes(record: CallRecord, attempt: Attempt) -> Attributes:
    address = urlsplit(attempt.url)
    attributes: Attributes = {
        "http.request.method": attempt.method,
        "server.address": address.hostname or "",
        "server.port": address.port or (443 if address.scheme == "https" else 80),
        "url.full": redact_url(attempt.url),
        "gateway.target": attempt.target,
        "gateway.operation": attempt.operation,
        "gateway.request_id": attempt.request_id,
    }
    if record.bank:
        attributes["gateway.bank"] = record.bank
        attributes["gateway.dialect"] = record.dialect
    if attempt.resend:
        attributes["http.request.resend_count"] = attempt.resend
    if attempt.status:
        attributes["http.response.status_code"] = attempt.status
    if failed(attempt):
        attributes["error.type"] = kind(attempt.error) or (str(attempt.status) if attempt.status else "unfinished")
    return attributes
