"""One call, followed from the caller through the gateway to the bank; the bank breaks the first connection."""

from typing import Any

from gateway.demo.calls import Service, ask, new_traceparent
from gateway.demo.screen import Screen
from gateway.demo.stage import Stage
from gateway.demo.steps.faults import set_fault
from gateway.demo.steps.proving import ALBION, prove, records
from gateway.demo.trace import children_of, draw

_EXPECTED_SPANS = 3
_EXPORT_SECONDS = 5


def one_trace(stage: Stage, screen: Screen) -> None:
    """The spans that the gateway exported, and the headers that the bank saw."""
    service = Service(stage)
    page = records(screen, service.get("/v1/accounts", ALBION.id), "accounts", ALBION)
    set_fault(stage, ALBION.simulated, {"kind": "reset", "operation": "transactions.list", "count": 1})
    trace_id, span_id, traceparent = new_traceparent()
    screen.asked(f"GET /v1/accounts/{{account_id}}/transactions, traceparent: {traceparent}")
    screen.say("(the bank is told to cut the first connection in the middle of its answer)", "dim")
    answer = service.get(f"/v1/accounts/{page[0]['id']}/transactions", ALBION.id, traceparent=traceparent)
    spans = _spans(stage, trace_id)
    screen.drawing(draw(spans, span_id, "the caller's span"))
    servers = children_of(spans, span_id)
    attempts = children_of(spans, servers[0]["span_id"]) if servers else []
    resends = [attempt["attributes"].get("http.request.resend_count", 0) for attempt in attempts]
    prove(screen, answer.status == 200 and len(servers) == 1, "the call is one trace, below the caller's own span")
    prove(screen, resends == [0, 1], "each sending to the bank has its span: the first was cut, the second answered")
    seen = _seen_by_bank(stage)
    expected = [f"00-{trace_id}-{attempt['span_id']}-01" for attempt in attempts]
    prove(screen, seen[-len(expected) :] == expected, "the bank saw each attempt's own span in its traceparent")


def _spans(stage: Stage, trace_id: str) -> list[dict[str, Any]]:
    url = f"{stage.receiver}/traces/{trace_id}?count={_EXPECTED_SPANS}&seconds={_EXPORT_SECONDS}"
    spans: list[dict[str, Any]] = ask("GET", url).json
    return spans


def _seen_by_bank(stage: Stage) -> list[str]:
    requests = ask("GET", f"{stage.simulator_admin}/banks/{ALBION.simulated}/requests").json["requests"]
    return [value for request in requests for name, value in request["headers"] if name == "traceparent"]
