from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.metrics import CONTENT_TYPE, Metrics


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample of the exposition, spelt as PromQL would ask for it with labels sorted."""
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sorted(sample.labels.items()))}}}": sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_every_method_is_told_under_its_name_and_labels():
    metrics = Metrics()
    metrics.request("transactions", "GET", 200, 0.03)
    metrics.active(lambda: 4)
    metrics.bank_call("albion", "transactions.list", "2xx", 0.2)
    metrics.retried("albion", "503")
    metrics.rejected("albion", kept=False)
    metrics.circuit("albion", "open")
    metrics.concurrency("albion", lambda: 7, 10)
    metrics.limited("transactions", "burst")
    metrics.cache_hit("accounts")
    metrics.mapped("albion", "uk_openbanking/transactions.list@3", 20, 2)
    metrics.finding("albion", "uk_openbanking/transactions.list@3", "unknown_code", "code.domain")
    metrics.certificate("bank:albion", datetime(2027, 1, 1, tzinfo=UTC))
    metrics.keyset("https://issuer.example", lambda: 12.5, ("key-1", "key-2"))
    metrics.generation(5, "abc")
    metrics.generation_refused()
    metrics.dropped("spans", lambda: 9)
    told = samples(metrics)
    mapping = "mapping=uk_openbanking/transactions.list"
    for name, value in {
        "gateway_http_request_duration_seconds_count{method=GET,route=transactions,status=200}": 1,
        "gateway_http_request_duration_seconds_sum{method=GET,route=transactions,status=200}": 0.03,
        "gateway_http_request_duration_seconds_bucket{le=0.025,method=GET,route=transactions,status=200}": 0,
        "gateway_http_request_duration_seconds_bucket{le=0.05,method=GET,route=transactions,status=200}": 1,
        "gateway_http_active_requests{}": 4,
        "gateway_bank_call_duration_seconds_count{bank=albion,operation=transactions.list,outcome=2xx}": 1,
        "gateway_bank_retries_total{bank=albion,reason=503}": 1,
        "gateway_bank_answers_rejected_total{bank=albion,kept=no}": 1,
        "gateway_bank_circuit_state{bank=albion,state=open}": 1,
        "gateway_bank_circuit_state{bank=albion,state=closed}": 0,
        "gateway_bank_circuit_state{bank=albion,state=half_open}": 0,
        "gateway_bank_concurrency{bank=albion}": 7,
        "gateway_bank_concurrency_limit{bank=albion}": 10,
        "gateway_limits_hit_total{policy=burst,route=transactions}": 1,
        "gateway_cache_hits_total{route=accounts}": 1,
        f"gateway_records_normalised_total{{bank=albion,{mapping},version=3}}": 20,
        f"gateway_records_left_out_total{{bank=albion,{mapping},version=3}}": 2,
        f"gateway_mapping_findings_total{{bank=albion,field=code.domain,{mapping},reason=unknown_code,version=3}}": 1,
        "gateway_certificate_expiry_timestamp_seconds{name=bank:albion}": 1798761600,
        "gateway_keyset_age_seconds{issuer=https://issuer.example}": 12.5,
        "gateway_keyset_keys{issuer=https://issuer.example}": 2,
        "gateway_files_generation{}": 5,
        "gateway_files_info{hash=abc}": 1,
        "gateway_files_refused_total{}": 1,
        "gateway_telemetry_dropped_total{signal=spans}": 9,
        "gateway_telemetry_dropped_total{signal=series}": 0,
    }.items():
        assert told[name] == value, name
    assert told["gateway_files_loaded_timestamp_seconds{}"] > 1_700_000_000
    assert told["process_cpu_seconds_total{}"] > 0
    assert told["process_start_time_seconds{}"] > 1_700_000_000
    assert told["process_resident_memory_max_bytes{}"] > 10_000_000


def test_a_refusal_can_be_alerted_on_before_the_first_one():
    assert samples(Metrics())["gateway_files_refused_total{}"] == 0


def test_a_new_generation_replaces_the_hash_of_the_old():
    metrics = Metrics()
    metrics.generation(1, "old")
    metrics.generation(2, "new")
    assert [name for name in samples(metrics) if name.startswith("gateway_files_info")] == [
        "gateway_files_info{hash=new}"
    ]


def test_a_circuit_is_in_one_state_and_no_other_word_is_taken():
    metrics = Metrics()
    metrics.circuit("albion", "open")
    metrics.circuit("albion", "half_open")
    states = {name: value for name, value in samples(metrics).items() if "circuit" in name}
    assert sum(states.values()) == 1
    with pytest.raises(ValueError, match="half_open"):
        metrics.circuit("albion", "ajar")


def test_what_the_files_no_longer_name_is_no_longer_told():
    metrics = Metrics()
    for bank in ("albion", "havel"):
        metrics.circuit(bank, "closed")
        metrics.concurrency(bank, lambda: 0, 1)
    metrics.certificate("bank:albion", datetime(2027, 1, 1, tzinfo=UTC))
    metrics.certificate("listener:service", datetime(2027, 1, 1, tzinfo=UTC))
    for issuer in ("https://old.example", "https://kept.example"):
        metrics.keyset(issuer, lambda: 1, ("key-1",))
    metrics.forget_bank("albion")
    metrics.forget_issuer("https://old.example")
    told = "\n".join(samples(metrics))
    assert "albion" not in told
    assert "old.example" not in told
    assert all(name in told for name in ("havel", "listener:service", "kept.example"))


def test_the_exposition_is_what_its_content_type_says():
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")
    assert Metrics().text().endswith(b"\n")
