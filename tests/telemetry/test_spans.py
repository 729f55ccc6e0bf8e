import time
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from gateway.exchange import Attempt, CallRecord, MappingRecord, Peer
from gateway.telemetry.endings import Ending
from gateway.telemetry.spans import SpanBuilder, failed, worth_a_trace
from gateway.telemetry.traces import Origins
from tests.telemetry.recorded import INTERACTION, ROUTE, attempt, filled

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
BUILDER = SpanBuilder("gateway-test", "1.2.3", "instance-1")


def begun(*, trusted: bool = True) -> CallRecord:
    return Origins(ratio=1, trusted=trusted).begin(f"00-{TRACE}-{PARENT}-01", "vendor=1")


def ending(**changes: Any) -> Ending:
    known: dict[str, Any] = {
        "method": "GET",
        "path": "/v1/accounts/acc-1234/transactions",
        "peer": Peer("192.0.2.7"),
        "status": 200,
        "sent": 1400,
        "error": None,
        "at": time.time_ns(),
    }
    return Ending(**{**known, **changes})


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_the_server_span_continues_the_callers_and_follows_the_conventions():
    record, end = filled(begun(), mapping=MappingRecord("uk_openbanking/transactions.list@3", 20, 1)), ending()
    (span,) = BUILDER.build(record, end)
    assert span.name == "GET /v1/accounts/{account_id}/transactions"
    assert span.kind is SpanKind.SERVER
    assert span.context is not None
    assert span.parent is not None
    assert (span.context.trace_id, span.context.span_id) == (int(TRACE, 16), int(record.span_id, 16))
    assert (span.parent.span_id, span.parent.is_remote) == (int(PARENT, 16), True)
    assert span.context.trace_state.to_header() == "vendor=1"
    assert (span.start_time, span.end_time) == (record.started, end.at)
    assert span.status.status_code is StatusCode.UNSET
    assert told(span) == {
        "http.request.method": "GET",
        "http.route": ROUTE.template,
        "http.response.status_code": 200,
        "http.response.body.size": 1400,
        "url.scheme": "https",
        "url.path": "/v1/accounts/REDACTED/transactions",
        "client.address": "192.0.2.7",
        "network.peer.address": "192.0.2.7",
        "gateway.route": "transactions",
        "gateway.operation": "transactions.list",
        "gateway.bank": "albion-sandbox",
        "gateway.dialect": "uk_openbanking",
        "gateway.consent.hash": "9f86d081884c7d65",
        "gateway.interaction_id": INTERACTION,
        "gateway.client": "ledger-service",
        "gateway.mapping": "uk_openbanking/transactions.list@3",
        "gateway.records.normalised": 20,
        "gateway.records.left_out": 1,
    }
    assert dict(span.resource.attributes)["service.name"] == "gateway-test"


def test_every_attempt_is_a_client_span_below_it():
    first = attempt(status=503)
    second = attempt(resend=1)
    record = filled(begun(), first, second)
    server, one, two = BUILDER.build(record, ending())
    for span, sent in ((one, first), (two, second)):
        assert span.kind is SpanKind.CLIENT
        assert span.name == "GET transactions.list"
        assert span.parent is server.context
        assert span.context is not None
        assert span.context.span_id == int(sent.span_id, 16)
        assert (span.start_time, span.end_time) == (sent.started, sent.ended)
    assert "http.request.resend_count" not in told(one)
    assert told(one)["error.type"] == "503"
    assert one.status.status_code is StatusCode.ERROR
    assert told(two) == {
        "http.request.method": "GET",
        "http.request.resend_count": 1,
        "http.response.status_code": 200,
        "server.address": "api.albion.example",
        "server.port": 9443,
        "url.full": "https://api.albion.example:9443/open-banking/v3.1/aisp/accounts/REDACTED/transactions?REDACTED",
        "gateway.target": "albion-sandbox",
        "gateway.operation": "transactions.list",
        "gateway.request_id": second.request_id,
        "gateway.bank": "albion-sandbox",
        "gateway.dialect": "uk_openbanking",
    }


def test_an_attempt_that_was_never_answered_says_why():
    timed_out = attempt(status=0, error="bank_timed_out")
    cut_off = attempt(status=0, ended=0)
    end = ending()
    _, one, two = BUILDER.build(filled(begun(), timed_out, cut_off), end)
    assert told(one)["error.type"] == "bank_timed_out"
    assert "http.response.status_code" not in told(one)
    assert told(two)["error.type"] == "unfinished"
    assert two.end_time == end.at


@pytest.mark.parametrize(
    ("status", "error", "problem", "code", "type_"),
    [
        (200, None, None, StatusCode.UNSET, None),
        (404, None, "not_found", StatusCode.UNSET, None),
        (502, None, "bank_failed", StatusCode.ERROR, "bank_failed"),
        (504, None, None, StatusCode.ERROR, "504"),
        (500, "ValueError", "gateway_fault", StatusCode.ERROR, "ValueError"),
        (200, "ConnectionResetError", None, StatusCode.ERROR, "ConnectionResetError"),
    ],
)
def test_a_callers_mistake_is_no_error_of_the_server_and_a_failure_is(status, error, problem, code, type_):
    record = filled(begun())
    record.problem = problem
    (span,) = BUILDER.build(record, ending(status=status, error=error))
    assert span.status.status_code is code
    assert told(span).get("error.type") == type_
    assert told(span).get("gateway.problem") == problem


def test_an_untrusted_callers_span_is_only_linked():
    (span,) = BUILDER.build(begun(trusted=False), ending())
    assert span.parent is None
    assert span.context is not None
    assert span.context.trace_id != int(TRACE, 16)
    (link,) = span.links
    assert (link.context.trace_id, link.context.span_id) == (int(TRACE, 16), int(PARENT, 16))


def test_a_call_without_a_route_or_a_known_method_is_named_by_the_conventions():
    (span,) = BUILDER.build(begun(), ending(method="_OTHER", path="/x/Canary-1?code=Canary", status=501))
    assert span.name == "HTTP"
    assert told(span)["url.path"] == "/x/REDACTED"
    assert told(span)["url.query"] == "REDACTED"
    assert "http.route" not in told(span)


def test_findings_of_a_mapping_are_events_with_their_count():
    record = filled(begun())
    record.mappings.append(
        MappingRecord("a@1", 3, 1, (("unknown_code", "code.domain"),) * 3 + (("unreadable", "amount"),))
    )
    record.mappings.append(MappingRecord("b@2", 5, 0))
    (span,) = BUILDER.build(record, ending())
    assert [(event.name, dict(event.attributes or {})) for event in span.events] == [
        (
            "gateway.mapping.finding",
            {
                "gateway.mapping": "a@1",
                "gateway.finding.reason": reason,
                "gateway.finding.field": field,
                "gateway.finding.count": count,
            },
        )
        for reason, field, count in (("unknown_code", "code.domain", 3), ("unreadable", "amount", 1))
    ]
    assert told(span)["gateway.mapping"] == "a@1,b@2"
    assert (told(span)["gateway.records.normalised"], told(span)["gateway.records.left_out"]) == (8, 1)


@pytest.mark.parametrize(
    ("status", "error", "attempts", "left_out", "worth"),
    [
        (200, None, [attempt()], 0, False),
        (404, None, [], 0, False),
        (500, None, [], 0, True),
        (200, "ConnectionResetError", [], 0, True),
        (200, None, [attempt(status=500), attempt(resend=1)], 0, True),
        (200, None, [attempt(status=0, error="bank_timed_out")], 0, True),
        (200, None, [attempt()], 1, True),
    ],
)
def test_what_failed_or_was_left_out_is_worth_a_trace(
    status: int, error: str | None, attempts: list[Attempt], left_out: int, *, worth: bool
):
    record = filled(begun(), *attempts, mapping=MappingRecord("a@1", 3, left_out))
    assert worth_a_trace(record, ending(status=status, error=error)) is worth


def test_a_clients_error_is_any_answer_above_399_or_none():
    for status, error, expected in ((200, None, False), (302, None, False), (404, None, True), (0, None, True)):
        assert failed(attempt(status=status, error=error)) is expected


def test_a_clock_that_was_set_back_gives_no_span_that_ends_before_it_begins():
    record = filled(begun(), attempt(started=time.time_ns() + 10**9))
    for span in BUILDER.build(record, ending(at=record.started - 10**9)):
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.end_time >= span.start_time
