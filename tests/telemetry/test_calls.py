"""Telemetry through its doors: the receiver's process, the exposition, the log. No canary appears in any of them."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from multidict import CIMultiDict

from gateway.errors import BankTimedOut
from gateway.exchange import MappingRecord, Peer, Principal
from gateway.telemetry.calls import Telemetry
from gateway.telemetry.traces import traceparent
from tests.telemetry.conftest import Log
from tests.telemetry.receiving import OtlpReceiver
from tests.telemetry.recorded import attempt, filled, finish

Build = Callable[..., Telemetry]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = f"00-{TRACE}-{PARENT}-01"

CANARIES = {
    "token": "eyJhbGciOiJQUzI1NiIsImtpZCI6IkNhbmFyeSJ9.eyJzdWIiOiJDYW5hcnkifQ.Q2FuYXJ5U2lnbmF0dXJlQ2FuYXJ5",
    "opaque": "CanaryOpaque7f3a9c",
    "iban": "GB29NWBK60161331926819",
    "card": "4111111111111111",
    "psu": "canary.person@psu.test",
    "key": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCCanary",
}


def test_the_tree_of_a_call_is_the_callers_span_the_gateways_and_its_attempts(
    build_telemetry: Build, receiver: OtlpReceiver
):
    telemetry = build_telemetry(endpoint=receiver.endpoint, trust_traceparent=True)
    record = telemetry.begin(CALLER, "vendor=1")
    first, second = attempt(status=503), attempt(resend=1)
    seen_by_bank = [traceparent(record.trace_id, one.span_id, sampled=record.sampled) for one in (first, second)]
    finish(telemetry, filled(record, first, second, mapping=MappingRecord("uk_openbanking/transactions.list@3", 20, 0)))
    server, *attempts = receiver.spans(3)
    assert (server["trace_id"], server["parent_id"], server["kind"]) == (TRACE, PARENT, "server")
    assert server["name"] == "GET /v1/accounts/{account_id}/transactions"
    assert server["attributes"]["gateway.mapping"] == "uk_openbanking/transactions.list@3"
    assert server["resource"]["service.name"] == "bank-integration-gateway"
    assert [one["parent_id"] for one in attempts] == [server["span_id"]] * 2
    assert [one["kind"] for one in attempts] == ["client"] * 2
    assert [one["attributes"].get("http.request.resend_count") for one in attempts] == [None, 1]
    assert [f"00-{one['trace_id']}-{one['span_id']}-01" for one in attempts] == seen_by_bank
    assert [one["status"] for one in attempts] == ["error", "unset"]


def test_an_unsampled_call_is_exported_only_when_something_failed(build_telemetry: Build, receiver: OtlpReceiver):
    telemetry = build_telemetry(endpoint=receiver.endpoint, ratio=0)
    finish(telemetry, filled(telemetry.begin(None, None), attempt()))
    finish(telemetry, telemetry.begin(None, None), status=404)
    bad = {
        "status": finish_with(telemetry, {"status": 502}),
        "error": finish_with(telemetry, {"error": "ConnectionResetError"}),
        "attempt": finish_with(telemetry, {}, attempt(status=503), attempt(resend=1)),
        "left out": finish_with(telemetry, {}, mapping=MappingRecord("a@1", 19, 1)),
    }
    telemetry.close()
    spans = receiver.spans(6, seconds=0)
    assert {span["trace_id"] for span in spans} == set(bad.values())
    assert len(spans) == 6


def finish_with(
    telemetry: Telemetry, changes: dict[str, Any], *attempts: Any, mapping: MappingRecord | None = None
) -> str:
    record = filled(telemetry.begin(None, None), *attempts, mapping=mapping)
    finish(telemetry, record, **changes)
    return record.trace_id


def test_an_untrusted_caller_cannot_choose_the_trace_but_is_found_by_its_link(
    build_telemetry: Build, receiver: OtlpReceiver
):
    telemetry = build_telemetry(endpoint=receiver.endpoint)
    finish(telemetry, telemetry.begin(CALLER, "vendor=1"))
    (span,) = receiver.spans(1)
    assert span["trace_id"] != TRACE
    assert (span["parent_id"], span["trace_state"]) == ("", "")
    assert span["links"] == [{"trace_id": TRACE, "span_id": PARENT}]


def test_metrics_are_counted_from_the_record(build_telemetry: Build):
    telemetry = build_telemetry()
    under_way = telemetry.begin(None, None)
    findings = (("unknown_code", "code.domain"), ("unknown_code", "code.domain"))
    finish_with(telemetry, {}, mapping=MappingRecord("uk_openbanking/transactions.list@3", 18, 2, findings))
    limited = filled(telemetry.begin(None, None))
    limited.limited_by, limited.limits_unshared, limited.cached = "burst", "local", True
    finish(telemetry, limited, status=429)
    finish(telemetry, telemetry.begin(None, None), method="CANARY", status=501)
    told = telemetry.metrics_text().decode().splitlines()
    mapping = 'bank="albion-sandbox",mapping="uk_openbanking/transactions.list"'
    for line in (
        'gateway_http_request_duration_seconds_count{route="transactions",method="GET",status="200"} 1',
        'gateway_http_request_duration_seconds_count{route="transactions",method="GET",status="429"} 1',
        'gateway_http_request_duration_seconds_count{route="unmatched",method="_OTHER",status="501"} 1',
        f'gateway_records_normalised_total{{{mapping},version="3"}} 18',
        f'gateway_records_left_out_total{{{mapping},version="3"}} 2',
        f'gateway_mapping_findings_total{{{mapping},version="3",reason="unknown_code",field="code.domain"}} 2',
        'gateway_limits_hit_total{route="transactions",policy="burst"} 1',
        'gateway_limits_unshared_total{route="transactions",mode="local"} 1',
        'gateway_cache_hits_total{route="transactions"} 1',
        "gateway_http_active_requests 1",
    ):
        assert line in told, line
    finish(telemetry, under_way)
    assert "gateway_http_active_requests 0" in telemetry.metrics_text().decode().splitlines()


def test_every_call_is_one_line_even_without_traces(build_telemetry: Build, log: Log):
    telemetry = build_telemetry()
    for _ in range(3):
        finish(telemetry, filled(telemetry.begin(None, None)))
    telemetry.close()
    assert [line["event"] for line in log.lines()] == ["call"] * 3


def test_what_cannot_be_told_never_undoes_a_call(build_telemetry: Build, receiver: OtlpReceiver, log: Log):
    telemetry = build_telemetry(endpoint=receiver.endpoint)
    unwritable = filled(telemetry.begin(None, None))
    unwritable.principal = Principal("subject", "half a pair: \ud800", "tenant", frozenset())
    finish(telemetry, unwritable)
    finish(telemetry, filled(telemetry.begin(None, None), attempt(url="https://[not-an-address/")))
    finish(telemetry, filled(telemetry.begin(None, None)))
    telemetry.close()
    assert [line["event"] for line in log.lines()] == ["call", "call", "a call could not be told of", "call"]
    odd, plain = receiver.spans(2, seconds=0)
    assert odd["attributes"]["gateway.client"] == log.lines()[0]["client"] == "half a pair: \\ud800"
    assert plain["attributes"]["gateway.client"] == "ledger-service"


def test_the_log_can_be_for_people(build_telemetry: Build, log: Log):
    telemetry = build_telemetry(log_format="text")
    telemetry.log.info("started", workers=1)
    finish(telemetry, filled(telemetry.begin(None, None)))
    telemetry.close()
    started, call = log.getvalue().decode().splitlines()
    assert started.endswith("info     started workers=1")
    assert " info     call method=GET route=transactions status=200 " in call


async def test_telling_of_a_call_never_blocks_the_loop(build_telemetry: Build, receiver: OtlpReceiver):
    telemetry = build_telemetry(endpoint=receiver.endpoint)
    with blockbuster_ctx():
        for _ in range(200):
            finish(telemetry, filled(telemetry.begin(CALLER, None), attempt(), attempt(status=503)))
            telemetry.log.info("something", bank="albion")
        telemetry.metrics_text()
    assert len(receiver.spans(600)) == 600


@pytest.mark.parametrize("settings", [{"ratio": 2.0}, {"log_level": "loud"}, {"endpoint": "nowhere"}])
def test_settings_that_cannot_be_leave_nothing_behind(build_telemetry: Build, settings: dict[str, Any]):
    handlers = list(logging.getLogger().handlers)
    with pytest.raises(ValueError, match="must"):
        build_telemetry(**settings)
    assert logging.getLogger().handlers == handlers


def test_no_canary_appears_in_any_sink(build_telemetry: Build, receiver: OtlpReceiver, log: Log, capfd: Any):
    telemetry = build_telemetry(endpoint=receiver.endpoint)
    telemetry.report_uncaught()
    for canary in CANARIES.values():
        _tell_everything(telemetry, canary)
    told = telemetry.metrics_text()
    telemetry.close()
    spans = receiver.spans(len(CANARIES) * 2)
    printed = capfd.readouterr()
    for sink in (
        log.getvalue(),
        told,
        receiver.raw(),
        json.dumps(spans).encode(),
        f"{printed.out}{printed.err}".encode(),
    ):
        for name, canary in CANARIES.items():
            assert canary.encode() not in sink, name
            assert canary[-12:].encode() not in sink, name
    assert len(spans) == len(CANARIES) * 2


def _tell_everything(telemetry: Telemetry, canary: str) -> None:
    """Puts one secret wherever an outsider can put it, and where a careless line of ours might."""
    record = telemetry.begin(f"00-{canary}-{canary}-01, {CALLER}", f"vendor={canary}")
    record.problem = canary
    record.attempts.append(
        attempt(
            url=f"https://user:{canary}@bank.example/accounts/{canary}?code={canary}",
            error=f"reset by {canary}",
            status=0,
        )
    )
    finish(telemetry, record, method=canary, path=f"/v1/accounts/{canary}?token={canary}", status=500, error=canary)
    log, library = telemetry.log, logging.getLogger("some.library")
    headers = CIMultiDict({"Authorization": f"Bearer {canary}", "Cookie": canary, "PSU-ID": canary})
    log.warning("refused", headers=headers, token=canary, code=canary, inner=[{"client_assertion": canary}])
    log.warning("Authorization: Bearer %s", canary, principal=Principal(canary, canary, canary, frozenset()))
    log.error("bank said", url=f"https://bank.example/cb?code={canary}&state=x", body=canary.encode())
    library.warning("got %r", {"access_token": canary, "private_key": canary, "iban": canary})
    library.error("Cookie: session=%s", canary)
    logging.getLogger("aiohttp.server").error("Error handling request from %s", canary)
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task exception=%s>", canary)
    try:
        try:
            raise ValueError(canary)
        except ValueError as cause:
            raise BankTimedOut(f"token={canary}") from cause
    except BankTimedOut:
        log.exception("call failed")
        library.exception("call failed")


CRASH = """
from gateway.telemetry.calls import Telemetry, TelemetrySettings

telemetry = Telemetry(TelemetrySettings())
telemetry.report_uncaught()
telemetry.log.info("started")
raise ValueError("CanaryOpaque7f3a9c")
"""


def test_a_process_that_crashes_leaves_its_log_whole_and_no_traceback():
    ended = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, text=True, timeout=30, check=False)
    started, crashed = (json.loads(line) for line in ended.stdout.splitlines())
    assert ended.returncode == 1
    assert started["event"] == "started"
    assert (crashed["level"], crashed["exception"][0]["type"]) == ("critical", "ValueError")
    assert ended.stderr == ""
    assert "Canary" not in ended.stdout


def test_a_peer_without_a_certificate_is_told_by_its_address(build_telemetry: Build, log: Log):
    telemetry = build_telemetry()
    finish(telemetry, telemetry.begin(None, None), peer=Peer("2001:db8::1"), status=401)
    telemetry.close()
    (line,) = log.lines()
    assert (line["peer"], line["identity"], line["client"]) == ("2001:db8::1", None, None)
