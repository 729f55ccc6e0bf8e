"""Our exposition is held against that of Prometheus' own client library, as its parser reads both."""

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.series import BOUNDS, Counts, Durations, Family, Gauges, Room

label_values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    ['"', "\\", "\n", 'a"b\\c\nd', "{}=,"]
)


def read(exposition: str) -> list[Any]:
    return sorted(
        (family.name, family.documentation, family.type, sample.name, sorted(sample.labels.items()), sample.value)
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if not sample.name.endswith("_created")
    )


def ours(family: Family) -> list[Any]:
    return read("".join(family.exposition()))


def theirs(registry: CollectorRegistry) -> list[Any]:
    return read(generate_latest(registry).decode())


def value(family: Family, name: str, **labels: str) -> float | None:
    for _, _, _, told, told_labels, number in ours(family):
        if told == name and dict(told_labels) == labels:
            return float(number)
    return None


@given(st.lists(st.floats(0, 20) | st.sampled_from(BOUNDS), min_size=1, max_size=40), label_values)
def test_durations_read_exactly_as_the_librarys_histogram(values, bank):
    registry = CollectorRegistry()
    durations = Durations(Room(), "call_seconds", "Calls.", ("bank",))
    histogram = Histogram("call_seconds", "Calls.", ["bank"], buckets=BOUNDS, registry=registry)
    for seconds in values:
        durations.observe((bank,), seconds)
        histogram.labels(bank).observe(seconds)
    assert ours(durations) == theirs(registry)


@given(st.dictionaries(st.tuples(label_values, label_values), st.integers(0, 10**12), max_size=5))
def test_counts_and_gauges_read_exactly_as_the_librarys(values):
    registry = CollectorRegistry()
    counts, gauges = Counts(Room(), "things_total", "Things.", ("a", "b")), Gauges("places", "Places.", ("a", "b"))
    counter = Counter("things", "Things.", ["a", "b"], registry=registry)
    gauge = Gauge("places", "Places.", ["a", "b"], registry=registry)
    for labels, number in values.items():
        counts.add(labels, number)
        counter.labels(*labels).inc(number)
        gauges.set(labels, number)
        gauge.labels(*labels).set(number)
    assert sorted(ours(counts) + ours(gauges)) == theirs(registry)


def test_counts_begin_at_the_first_count_and_follow_what_is_counted_elsewhere():
    counts = Counts(Room(), "things_total", "Things.", ("kind",))
    counts.add(("a",))
    counts.add(("a",), 4)
    counts.add(("b",), 0)
    counts.follow(("c",), lambda: 7)
    assert [value(counts, "things_total", kind=kind) for kind in "abc"] == [5, 0, 7]


def test_gauges_are_set_read_and_forgotten():
    gauges = Gauges("places", "Places.", ("bank", "kind"))
    now = [3]
    gauges.set(("albion", "used"), lambda: now[0])
    gauges.set(("havel", "used"), 2)
    assert value(gauges, "places", bank="albion", kind="used") == 3
    now[0] = 0
    assert value(gauges, "places", bank="albion", kind="used") == 0
    gauges.forget("havel")
    assert value(gauges, "places", bank="havel", kind="used") is None
    gauges.forget_all()
    assert ours(gauges) == []


def test_a_metric_has_a_bounded_number_of_series():
    room = Room(series=3)
    counts = Counts(room, "things_total", "Things.", ("kind",))
    durations = Durations(room, "call_seconds", "Calls.", ("bank",))
    for number in range(5):
        counts.add((str(number),))
        durations.observe((str(number),), 1)
    counts.add(("0",))
    assert room.refused == 4
    assert value(counts, "things_total", kind="0") == 2
    assert value(counts, "things_total", kind="4") is None
    assert value(durations, "call_seconds_count", bank="4") is None


def test_labels_that_do_not_fit_the_metric_are_a_mistake_that_a_scrape_finds():
    counts = Counts(Room(), "things_total", "Things.", ("kind",))
    counts.add(("a", "b"))
    with pytest.raises(ValueError, match="argument 2 is longer"):
        ours(counts)


def test_a_scrape_in_another_thread_meets_no_half_changed_dict():
    counts = Counts(Room(), "things_total", "Things.", ("kind",))
    stop, failures = threading.Event(), []

    def scrape() -> None:
        while not stop.is_set():
            try:
                "".join(counts.exposition())
            except RuntimeError as error:
                failures.append(error)

    scraper = threading.Thread(target=scrape)
    scraper.start()
    for number in range(5000):
        counts.add((str(number),))
    stop.set()
    scraper.join()
    assert not failures


# -- several processes as one -----------------------------------------------------------------------------------------
def test_counts_and_durations_of_several_processes_are_added():
    counts = [Counts(Room(), "things_total", "Things.", ("kind",)) for _ in range(3)]
    durations = [Durations(Room(), "seconds", "Seconds.", ("kind",)) for _ in range(3)]
    for number, (count, duration) in enumerate(zip(counts, durations, strict=True)):
        count.add(("all",), number + 1)
        count.add((f"only {number}",))
        duration.observe(("all",), number + 0.5)
    told = "".join(counts[0].exposition(count.snapshot() for count in counts))
    assert 'things_total{kind="all"} 6\n' in told
    assert [f'things_total{{kind="only {number}"}} 1\n' in told for number in range(3)] == [True] * 3
    told = "".join(durations[0].exposition(duration.snapshot() for duration in durations))
    assert 'seconds_bucket{kind="all",le="0.5"} 1\n' in told
    assert 'seconds_bucket{kind="all",le="+Inf"} 3\n' in told
    assert 'seconds_count{kind="all"} 3\nseconds_sum{kind="all"} 4.5\n' in told


@pytest.mark.parametrize(("rule", "value"), [("sum", "7"), ("min", "2"), ("max", "5")])
def test_a_gauge_says_how_its_values_become_one(rule, value):
    gauges = [Gauges("places", "Places.", rule=rule) for _ in range(2)]
    gauges[0].set((), 5)
    gauges[1].set((), lambda: 2)
    assert f"\nplaces {value}\n" in "".join(gauges[0].exposition(gauge.snapshot() for gauge in gauges))


def test_what_a_process_counted_is_inherited_and_what_it_was_is_not():
    here, gone = Counts(Room(), "things_total", "Things.", ()), Counts(Room(), "things_total", "Things.", ())
    here.add((), 2)
    here.follow((), lambda: 0.5)
    gone.add((), 40)
    here.inherit(gone.snapshot())
    assert "\nthings_total 42.5\n" in "".join(here.exposition())
    durations = [Durations(Room(), "seconds", "Seconds.", ("kind",)) for _ in range(2)]
    durations[1].observe(("a",), 0.2)
    for _ in range(2):
        durations[0].inherit(durations[1].snapshot())
    durations[0].observe(("a",), 0.2)
    assert 'seconds_count{kind="a"} 3\n' in "".join(durations[0].exposition())
    assert 'seconds_count{kind="a"} 1\n' in "".join(durations[1].exposition()), "what was told is a copy"
    gauges = Gauges("places", "Places.")
    gauges.inherit({(): [7]})
    assert "\nplaces" not in "".join(gauges.exposition())
