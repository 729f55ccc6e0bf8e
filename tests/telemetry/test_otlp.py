from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gateway.exchange import CallRecord, MappingRecord, Peer
from gateway.telemetry.endings import Ending
from gateway.telemetry.otlp import encode
from gateway.telemetry.spans import SpanBuilder
from gateway.telemetry.traces import Origins
from tests.telemetry.recorded import attempt, filled


def calls() -> list[CallRecord]:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    mapping = MappingRecord("a@1", 3, 1, (("unknown_code", "code.domain"),))
    continued = filled(Origins(ratio=1, trusted=True).begin(parent, "vendor=1,other=2"), attempt(), mapping=mapping)
    linked = filled(Origins(ratio=1, trusted=False).begin(parent, None), attempt(status=503), attempt(resend=1))
    linked.cached = True
    return [continued, linked, Origins(ratio=1, trusted=False).begin(None, None)]


def test_our_encoding_says_what_the_sdks_says():
    builder = SpanBuilder("gateway-test", "1.2.3", "instance-1")
    end = Ending("GET", "/v1/accounts/x?y", Peer("192.0.2.7"), 502, 10, None, 1_767_225_600_000_000_000)
    spans = [span for record in calls() for span in builder.build(record, end)]
    assert ExportTraceServiceRequest.FromString(encode(spans)) == encode_spans(spans)


def test_equal_values_of_different_types_stay_apart():
    builder = SpanBuilder("gateway-test", "1.2.3", "instance-1")
    end = Ending("GET", "/", None, 200, 1, None, 1_767_225_600_000_000_000)
    for _ in range(2):
        (span,) = builder.build(calls()[2], end)
        encode([span])
    record = calls()[2]
    record.cached = True
    encoded = ExportTraceServiceRequest.FromString(encode(builder.build(record, end)))
    (told,) = encoded.resource_spans[0].scope_spans[0].spans
    values = {one.key: one.value.WhichOneof("value") for one in told.attributes}
    assert (values["http.response.body.size"], values["gateway.cached"]) == ("int_value", "bool_value")
