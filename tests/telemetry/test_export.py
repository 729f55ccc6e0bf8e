import http.server
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from gateway.exchange import CallRecord
from gateway.telemetry import export
from gateway.telemetry.calls import Telemetry
from gateway.telemetry.export import traces_url
from tests.telemetry.conftest import Log
from tests.telemetry.receiving import OtlpReceiver, receiving
from tests.telemetry.recorded import attempt, filled, finish

Build = Callable[..., Telemetry]


def sample(text: bytes, name: str) -> float:
    """The value of one line of the exposition."""
    (line,) = [line for line in text.decode().splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


def dropped(telemetry: Telemetry) -> float:
    return sample(telemetry.metrics_text(), 'gateway_telemetry_dropped_total{signal="spans"}')


def call(telemetry: Telemetry) -> CallRecord:
    record = filled(telemetry.begin(None, None), attempt())
    finish(telemetry, record)
    return record


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("https://jaeger.example/", "https://jaeger.example/v1/traces"),
        ("http://collector:4318/custom/v1/traces", "http://collector:4318/custom/v1/traces"),
    ],
)
def test_a_base_url_gets_the_path_of_traces(endpoint, url):
    assert traces_url(endpoint) == url


@pytest.mark.parametrize("endpoint", ["localhost:4318", "grpc://localhost:4317", "http://", "", "/v1/traces"])
def test_an_endpoint_that_is_no_http_url_is_refused_when_telemetry_is_built(build_telemetry: Build, endpoint):
    with pytest.raises(ValueError, match="the OTLP endpoint must be an http or https URL"):
        build_telemetry(endpoint=endpoint)


def test_spans_arrive_by_themselves_within_a_moment(build_telemetry: Build, receiver: OtlpReceiver):
    telemetry = build_telemetry(endpoint=receiver.endpoint)
    record = call(telemetry)
    assert {span["trace_id"] for span in receiver.spans(2)} == {record.trace_id}
    assert dropped(telemetry) == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_spans_follow_no_redirect(build_telemetry: Build, receiver: OtlpReceiver, status: int):
    """What is told about calls goes where the settings say, not where an answer says."""

    class Moved(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Location", f"{receiver.endpoint}/v1/traces")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Moved) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        telemetry = build_telemetry(endpoint=f"http://127.0.0.1:{server.server_port}")
        call(telemetry)
        telemetry.close()
        server.shutdown()
    assert dropped(telemetry) == 2
    assert receiver.spans(0) == []


def test_close_sends_what_waits(build_telemetry: Build, receiver: OtlpReceiver):
    telemetry = build_telemetry(endpoint=receiver.endpoint)
    for _ in range(300):
        call(telemetry)
    telemetry.close()
    assert len(receiver.spans(600, seconds=0)) == 600


def test_a_receiver_that_never_answers_bounds_the_queue_and_whole_calls_are_counted_as_dropped(
    build_telemetry: Build, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(export, "BOUND", 51)
    monkeypatch.setattr(export, "_BATCH", 16)
    monkeypatch.setattr(export, "_SEND_SECONDS", 30)
    receiver.answer_with(0)
    telemetry = build_telemetry(endpoint=receiver.endpoint)
    began = time.monotonic()
    for _ in range(200):
        call(telemetry)
    # Nothing waited for the receiver; two spans a call, and no call in halves.
    assert time.monotonic() - began < 2
    first = dropped(telemetry)
    assert first >= 400 - 2 * 51
    assert first % 2 == 0
    receiver.answer_with(200)
    telemetry.close()
    arrived = receiver.spans(0, seconds=0)
    assert len(arrived) + dropped(telemetry) == 400
    assert len({span["trace_id"] for span in arrived}) * 2 == len(arrived)


def test_an_outage_is_told_once_and_its_end_too(build_telemetry: Build, receiver: OtlpReceiver, log: Log):
    receiver.answer_with(400)
    telemetry = build_telemetry(endpoint=receiver.endpoint)
    for lost in (2, 4):
        call(telemetry)
        while dropped(telemetry) < lost:
            time.sleep(0.01)
    receiver.answer_with(200)
    call(telemetry)
    receiver.spans(2)
    telemetry.close()
    told = [line for line in log.lines() if line["event"] != "call"]
    assert [(line["level"], line["event"]) for line in told] == [
        ("error", "spans cannot be exported"),
        ("warning", "spans are exported again"),
    ]
    assert (told[0]["status"], told[1]["lost"]) == (400, 4)


def test_close_is_bounded_while_the_receiver_hangs(
    build_telemetry: Build, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.telemetry.calls._FLUSH_SECONDS", 0.3)
    receiver.answer_with(0)
    telemetry = build_telemetry(endpoint=receiver.endpoint)
    call(telemetry)
    began = time.monotonic()
    telemetry.close()
    assert time.monotonic() - began < 2


def test_close_while_a_failed_batch_waits_for_its_next_try_counts_it(build_telemetry: Build, receiver: OtlpReceiver):
    receiver.answer_with(503)
    telemetry = build_telemetry(endpoint=receiver.endpoint)
    call(telemetry)
    telemetry.close()
    assert dropped(telemetry) == 2


def test_a_receiver_over_tls_is_verified(build_telemetry: Build, tmp_path: Path):
    authority = trustme.CA()
    certificate, trusted, other = (tmp_path / name for name in ("receiver.pem", "ca.pem", "other.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(trusted))
    trustme.CA().cert_pem.write_to_path(str(other))
    with receiving(certificate=certificate, authority=trusted) as receiver:
        suspicious = build_telemetry(endpoint=receiver.endpoint, authority=str(other))
        call(suspicious)
        suspicious.close()
        assert dropped(suspicious) == 2
        assert receiver.spans(0, seconds=0) == []
        confident = build_telemetry(endpoint=receiver.endpoint, authority=str(trusted))
        call(confident)
        confident.close()
        assert len(receiver.spans(2)) == 2


def test_a_batch_that_cannot_be_encoded_is_counted_and_told(
    build_telemetry: Build, receiver: OtlpReceiver, log: Log, monkeypatch: pytest.MonkeyPatch
):
    def fails(_: object) -> bytes:
        raise ValueError("Canary")

    monkeypatch.setattr(export, "encode", fails)
    telemetry = build_telemetry(endpoint=receiver.endpoint)
    call(telemetry)
    telemetry.close()
    assert dropped(telemetry) == 2
    (told,) = [line for line in log.lines() if line["event"] != "call"]
    assert told["event"] == "spans cannot be encoded"
    assert "Canary" not in str(told)
