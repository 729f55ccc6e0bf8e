import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.traces import (
    LinkedCall,
    Origins,
    new_span_id,
    new_trace_id,
    parse_traceparent,
    parse_tracestate,
    traceparent,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"


def test_ids_are_lower_case_hex_of_their_length_and_never_repeat():
    traces, spans = {new_trace_id() for _ in range(1000)}, {new_span_id() for _ in range(1000)}
    assert len(traces) == len(spans) == 1000
    assert all(len(one) == 32 and int(one, 16) and one == one.lower() for one in traces)
    assert all(len(one) == 16 and int(one, 16) and one == one.lower() for one in spans)


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())
def test_what_is_written_reads_back(trace, span, sampled):
    trace_id, span_id = f"{trace:032x}", f"{span:016x}"
    assert parse_traceparent(traceparent(trace_id, span_id, sampled=sampled)) == (trace_id, span_id, sampled)


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (VALID, True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-02", False),
        (f"00-{TRACE}-{SPAN}-ff", True),
        (f"cc-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", True),
    ],
)
def test_a_valid_parent_is_taken(header, sampled):
    assert parse_traceparent(header) == (TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01.more",
        f" {VALID}",
        f"{VALID}\n",
        f"{VALID}, {VALID}",
        f"{VALID},{VALID}",
        VALID.replace("-", "_"),
    ],
)
def test_a_malformed_or_repeated_parent_starts_a_new_trace(header):
    assert parse_traceparent(header) is None
    record = Origins(ratio=0, trusted=True).begin(header, "vendor=1")
    assert record.trace_id != TRACE
    assert (record.parent_id, record.trace_state, record.sampled) == ("", "", False)


@given(st.text(max_size=80))
def test_no_header_whatever_breaks_a_call(header):
    record = Origins(ratio=1, trusted=True).begin(header, header)
    assert len(record.trace_id) == 32
    assert len(record.span_id) == 16


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("a=1, b=2 ,\tc=3", "a=1,b=2,c=3"),
        ("a=1,,b=2", "a=1,b=2"),
        ("tenant@vendor=x y", "tenant@vendor=x y"),
        (",".join(f"k{n}=v" for n in range(32)), ",".join(f"k{n}=v" for n in range(32))),
        (",".join(f"k{n}=v" for n in range(33)), ""),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("a", ""),
        ("a=1=2", ""),
        ("a=caf\u00e9", ""),
        (f"{'a' * 257}=1", ""),
        (f"a={'1' * 257}", ""),
    ],
)
def test_trace_state_is_kept_whole_or_not_at_all(header, kept):
    assert parse_tracestate(header) == kept


def test_a_trusted_caller_is_continued_with_its_own_decision():
    origins = Origins(ratio=1, trusted=True)
    record = origins.begin(f"00-{TRACE}-{SPAN}-00", "vendor=1")
    assert (record.trace_id, record.parent_id, record.trace_state, record.sampled) == (TRACE, SPAN, "vendor=1", False)
    assert record.span_id != SPAN
    assert Origins(ratio=0, trusted=True).begin(VALID, None).sampled


def test_an_untrusted_caller_is_linked_and_neither_chooses_the_trace_nor_its_sampling():
    record = Origins(ratio=0, trusted=False).begin(VALID, "vendor=1")
    assert isinstance(record, LinkedCall)
    assert record.trace_id != TRACE
    assert (record.parent_id, record.trace_state, record.sampled) == ("", "", False)
    assert record.link == (TRACE, SPAN)


def test_the_ratio_samples_its_share_of_new_traces():
    origins = Origins(ratio=0.25, trusted=False)
    sampled = sum(origins.begin(None, None).sampled for _ in range(8000))
    assert 1750 < sampled < 2250
    assert not any(Origins(ratio=0, trusted=False).begin(None, None).sampled for _ in range(100))
    assert all(Origins(ratio=1, trusted=False).begin(None, None).sampled for _ in range(100))


@pytest.mark.parametrize("ratio", [-0.1, 1.01, float("nan")])
def test_a_ratio_that_cannot_be_is_refused(ratio):
    with pytest.raises(ValueError, match="between 0 and 1"):
        Origins(ratio=ratio, trusted=False)
