"""One call is one trace: what a receiver in another process got, and what the bank saw."""

from typing import Any

import pytest

from gateway.demo.calls import new_traceparent
from tests.e2e.surroundings import PATIENT, Caller, Faults
from tests.telemetry.receiving import OtlpReceiver

MAPPINGS = {"patient-albion": "uk_openbanking", "patient-havel": "berlin_group", "patient-lutece": "stet"}


def trace(receiver: OtlpReceiver, trace_id: str, count: int, *, seconds: float = 10) -> list[dict[str, Any]]:
    """The spans of a trace, once there are so many."""
    known = 0
    while True:
        spans = receiver.spans(known + 1, seconds)
        found = [span for span in spans if span["trace_id"] == trace_id]
        if len(found) >= count or len(spans) == known:
            return found
        known = len(spans)


def traceparents(faults: Faults, bank: str) -> list[str]:
    return [value for one in faults.seen(bank) for name, value in one["headers"] if name == "traceparent"]


@pytest.mark.parametrize("bank", PATIENT)
def test_a_call_is_a_tree_that_the_bank_is_part_of(
    receiver: OtlpReceiver, caller: Caller, faults: Faults, bank: str
) -> None:
    account = caller.accounts(bank)[0]["id"]
    faults.forget()
    faults.set(PATIENT[bank], {"kind": "reset", "operation": "transactions.list", "count": 1})
    trace_id, span_id, traceparent = new_traceparent()
    answer = caller.get(f"/v1/accounts/{account}/transactions", bank, traceparent=traceparent)
    assert answer.status == 200
    spans = trace(receiver, trace_id, 3)
    [server] = [span for span in spans if span["kind"] == "server"]
    attempts = sorted((span for span in spans if span["kind"] == "client"), key=lambda span: span["start"])
    assert server["parent_id"] == span_id
    assert server["name"] == "GET /v1/accounts/{account_id}/transactions"
    assert [span["parent_id"] for span in attempts] == [server["span_id"]] * 2
    assert traceparents(faults, PATIENT[bank]) == [f"00-{trace_id}-{span['span_id']}-01" for span in attempts]
    told = server["attributes"]
    assert told["gateway.bank"] == bank
    assert told["gateway.dialect"] == MAPPINGS[bank]
    assert told["gateway.operation"] == "transactions.list"
    assert told["gateway.mapping"] == f"{MAPPINGS[bank]}/transactions.list@1"
    assert told["gateway.records.normalised"] == len(answer.json["transactions"])
    assert told["gateway.records.left_out"] == 0
    assert len(told["gateway.consent.hash"]) == 16
    first, second = (span["attributes"] for span in attempts)
    assert first["error.type"] == "bank_timed_out"
    assert second["http.request.resend_count"] == 1
    assert second["http.response.status_code"] == 200
    for span in attempts:
        assert server["start"] <= span["start"] <= span["end"] <= server["end"]


def test_a_problem_names_the_trace_that_it_is_in(receiver: OtlpReceiver, caller: Caller, faults: Faults) -> None:
    faults.set("albion", {"kind": "500"})
    answer = caller.get("/v1/accounts", "patient-albion")
    [server] = [span for span in trace(receiver, answer.json["trace_id"], 2) if span["kind"] == "server"]
    assert server["status"] == "error"
    assert server["attributes"]["gateway.problem"] == "bank_failed"


def test_failures_are_exported_though_the_caller_did_not_sample(
    receiver: OtlpReceiver, caller: Caller, faults: Faults
) -> None:
    good_id, _, good = new_traceparent()
    failed_id, _, failed = new_traceparent()
    assert caller.get("/v1/accounts", "patient-lutece", traceparent=good[:-2] + "00").status == 200
    faults.set("lutece", {"kind": "500"})
    assert caller.get("/v1/accounts", "patient-lutece", traceparent=failed[:-2] + "00").status == 502
    assert len(trace(receiver, failed_id, 2)) == 2
    # Batches leave in order: what came before the failure would have come with it.
    assert trace(receiver, good_id, 0, seconds=0) == []
    assert traceparents(faults, "lutece")[0].endswith("-00"), "the bank is told that nothing is recorded"


def test_a_page_that_lacks_a_record_is_exported_with_the_finding(
    receiver: OtlpReceiver, caller: Caller, faults: Faults
) -> None:
    account = caller.accounts("patient-albion")[0]["id"]
    faults.set("albion", {"kind": "malformed_record", "operation": "transactions.list"})
    trace_id, _, traceparent = new_traceparent()
    caller.get(f"/v1/accounts/{account}/transactions", "patient-albion", traceparent=traceparent[:-2] + "00")
    [server] = [span for span in trace(receiver, trace_id, 2) if span["kind"] == "server"]
    assert server["attributes"]["gateway.records.left_out"] == 1
    [event] = server["events"]
    assert event["attributes"]["gateway.finding.field"] == "amount.value"
    assert event["attributes"]["gateway.finding.reason"] == "malformed"
