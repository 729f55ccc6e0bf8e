import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from gateway.telemetry import series
from gateway.telemetry.series import BOUNDS, Counts, Durations, Gauges, Refusals


@given(st.lists(st.floats(0, 20) | st.sampled_from(BOUNDS), max_size=40))
def test_durations_read_exactly_as_the_clients_own_histogram(values):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    durations = Durations(ours, Refusals(), "call_seconds", "Calls.", ("bank",))
    histogram = Histogram("call_seconds", "Calls.", ["bank"], buckets=BOUNDS, registry=theirs)
    for value in values:
        durations.observe(("albion",), value)
        histogram.labels("albion").observe(value)
    told = generate_latest(ours).decode()
    assert told.splitlines() == [
        line for line in generate_latest(theirs).decode().splitlines() if "_created" not in line
    ]


def test_counts_begin_at_the_first_count_and_follow_what_is_counted_elsewhere():
    registry = CollectorRegistry()
    counts = Counts(registry, Refusals(), "things", "Things.", ("kind",))
    counts.add(("a",))
    counts.add(("a",), 4)
    counts.add(("b",), 0)
    counts.follow(("c",), lambda: 7)
    for kind, expected in (("a", 5), ("b", 0), ("c", 7)):
        assert registry.get_sample_value("things_total", {"kind": kind}) == expected


def test_gauges_are_set_read_and_forgotten():
    registry = CollectorRegistry()
    gauges = Gauges(registry, "places", "Places.", ("bank", "kind"))
    now: list[float | None] = [3]
    gauges.set(("albion", "used"), lambda: now[0])
    gauges.set(("havel", "used"), 2)
    value = {"bank": "albion", "kind": "used"}
    assert registry.get_sample_value("places", value) == 3
    now[0] = None
    assert registry.get_sample_value("places", value) is None
    gauges.forget("havel")
    assert registry.get_sample_value("places", {"bank": "havel", "kind": "used"}) is None


def test_a_metric_has_a_bounded_number_of_series(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(series, "SERIES_LIMIT", 3)
    registry, refusals = CollectorRegistry(), Refusals()
    counts = Counts(registry, refusals, "things", "Things.", ("kind",))
    durations = Durations(registry, refusals, "call_seconds", "Calls.", ("bank",))
    for number in range(5):
        counts.add((str(number),))
        durations.observe((str(number),), 1)
    counts.add(("0",))
    assert refusals.count == 4
    assert registry.get_sample_value("things_total", {"kind": "0"}) == 2
    assert registry.get_sample_value("things_total", {"kind": "4"}) is None
    assert registry.get_sample_value("call_seconds_count", {"bank": "4"}) is None


def test_a_scrape_in_another_thread_meets_no_half_changed_dict():
    registry = CollectorRegistry()
    counts = Counts(registry, Refusals(), "things", "Things.", ("kind",))
    stop, failures = threading.Event(), []

    def scrape() -> None:
        while not stop.is_set():
            try:
                generate_latest(registry)
            except RuntimeError as error:
                failures.append(error)

    scraper = threading.Thread(target=scrape)
    scraper.start()
    for number in range(3000):
        counts.add((str(number),))
    stop.set()
    scraper.join()
    assert not failures
