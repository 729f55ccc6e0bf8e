"""All that Prometheus is told, each metric with its name, its labels and the one method that writes it.

Label values are names from files and code; nothing that a caller or a bank sends becomes one. What can be read when it
is asked for (ages, places in use, what was dropped) is a callable, so that nothing on the path of a call keeps it up
to date. Durations are in seconds, instants in seconds since 1970.
"""

import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import TypeAlias, TypeVar

from gateway.telemetry.series import Counts, Durations, Family, Gauges, Room, Rule, Series

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What `Metrics.text` is (Prometheus text exposition format)."""

# Kibibytes on Linux, bytes on macOS (getrusage(2)).
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
Snapshot: TypeAlias = Mapping[str, Series]
"""What the metrics of one process stood at, by metric: a plain value that can be sent to another process."""
AnyFamily = TypeVar("AnyFamily", bound=Family)
_STATES = ("closed", "open", "half_open")


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        room = Room()
        self._families: dict[str, Family] = {}

        def counts(name: str, text: str, *labels: str) -> Counts:
            return self._kept(name, Counts(room, name, text, labels))

        def durations(name: str, text: str, *labels: str) -> Durations:
            return self._kept(name, Durations(room, name, text, labels))

        def gauges(name: str, text: str, *labels: str, rule: Rule = "sum") -> Gauges:
            return self._kept(name, Gauges(name, text, labels, rule))

        self._requests = durations(
            *("gateway_http_request_duration_seconds", "Calls from the first header to the answer."),
            "route",
            "method",
            "status",
        )
        self._active = gauges("gateway_http_active_requests", "Calls that have begun and not ended.")
        self._bank_calls = durations(
            *("gateway_bank_call_duration_seconds", "Single attempts at a bank."), "bank", "operation", "outcome"
        )
        self._retries = counts("gateway_bank_retries_total", "Attempts that were repeated, by why.", "bank", "reason")
        self._rejected = counts(
            "gateway_bank_answers_rejected_total",
            "Answers whose signature failed, by whether they were kept.",
            "bank",
            "kept",
        )
        self._circuits = gauges(
            "gateway_bank_circuit_state",
            "1 for the state that the circuit is in, of any worker.",
            "bank",
            "state",
            rule="max",
        )
        self._places = gauges("gateway_bank_concurrency", "Attempts under way at a bank.", "bank")
        self._place_limits = gauges(
            "gateway_bank_concurrency_limit", "Attempts that may be under way at a bank.", "bank"
        )
        self._limits = counts(
            "gateway_limits_hit_total", "Calls refused because a window was spent.", "route", "policy"
        )
        self._limits_unshared = counts(
            *(
                "gateway_limits_unshared_total",
                "Calls whose limits were not shared, since Redis was away, by what held.",
            ),
            *("route", "mode"),
        )
        self._cached = counts("gateway_cache_hits_total", "Calls answered from the cache.", "route")
        self._normalised = counts(
            *("gateway_records_normalised_total", "Records answered in the contract's words."),
            "bank",
            "mapping",
            "version",
        )
        self._left_out = counts(
            *("gateway_records_left_out_total", "Records that could not be normalised."), "bank", "mapping", "version"
        )
        self._findings = counts(
            *(
                "gateway_mapping_findings_total",
                "What a mapping did not know or could not use, by the contract's field.",
            ),
            *("bank", "mapping", "version", "reason", "field"),
        )
        self._store_up = gauges(
            "gateway_redis_up", "1 while Redis answers; absent where none is configured.", rule="min"
        )
        self._store_failures = counts(
            "gateway_redis_failures_total", "Connections to Redis that ended or could not be made.", "reason"
        )
        self._store_operations = durations(
            "gateway_redis_operation_duration_seconds", "Operations that Redis answered.", "operation"
        )
        self._certificates = gauges(
            "gateway_certificate_expiry_timestamp_seconds", "When a certificate ends.", "name", rule="min"
        )
        self._lists = gauges(
            "gateway_revocation_list_expiry_timestamp_seconds",
            "When the first revocation list of a listener is past its next update.",
            "listener",
            rule="min",
        )
        self._handshakes = counts(
            "gateway_tls_handshake_failures_total", "TLS handshakes of callers that failed.", "listener", "reason"
        )
        self._claims = counts(
            "gateway_forwarded_claims_ignored_total",
            "Requests that spoke for a caller and came from no trusted address.",
            "listener",
        )
        self._prefaces = counts(
            "gateway_proxy_protocol_refused_total", "Connections of a balancer that began wrongly.", "listener"
        )
        self._certificates_refused = counts(
            "gateway_certificates_refused_total", "Changed sets of listeners' certificates that were not taken."
        )
        self._keyset_ages = gauges(
            "gateway_keyset_age_seconds", "Since an issuer's keys were last fetched.", "issuer", rule="max"
        )
        self._keyset_keys = gauges("gateway_keyset_keys", "Keys of an issuer that are in use.", "issuer", rule="min")
        self._generation = gauges("gateway_files_generation", "Generation of the files that serve.")
        self._generation_hash = gauges("gateway_files_info", "1 for the content hash of the files that serve.", "hash")
        self._generation_loaded = gauges(
            "gateway_files_loaded_timestamp_seconds", "When the files that serve were taken."
        )
        self._generations_refused = counts("gateway_files_refused_total", "Changed sets of files that were not taken.")
        self._workers = gauges("gateway_workers", "Processes that take calls.")
        self._worker_generations = gauges(
            "gateway_worker_files_generation", "Generation of the files that a worker serves.", "worker"
        )
        self._worker_exits = counts(
            "gateway_worker_exits_total", "Workers that ended unasked, and were replaced, by why.", "reason"
        )
        self._dropped = counts(
            "gateway_telemetry_dropped_total", "Spans, log lines and new series that found no room.", "signal"
        )
        self._dropped.follow(("series",), lambda: room.refused)
        # A counter that is told before it first counts can be alerted on with `increase`.
        self._generations_refused.add((), 0)
        self._certificates_refused.add((), 0)
        counts("process_cpu_seconds_total", "User and system processor time.").follow((), time.process_time)
        gauges("process_start_time_seconds", "When telemetry began.", rule="min").set((), time.time())
        # By a system call: reading /proc, as the client library does, would block the event loop.
        gauges("process_resident_memory_max_bytes", "The most memory that was resident.").set((), _most_memory)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """One call has ended; `route` is the policy's name, `method` a known one or `_OTHER`."""
        self._requests.observe((route, method, _STATUS[status] if 0 <= status < 600 else "other"), seconds)

    def active(self, count: Callable[[], float]) -> None:
        """Where the number of calls under way is read."""
        self._active.set((), count)

    def bank_call(self, bank: str, operation: str, outcome: str, seconds: float) -> None:
        """One attempt has ended; `outcome` is a status class (`2xx`) or a problem code."""
        self._bank_calls.observe((bank, operation, outcome), seconds)

    def retried(self, bank: str, reason: str) -> None:
        """An attempt is about to be repeated."""
        self._retries.add((bank, reason))

    def rejected(self, bank: str, *, kept: bool) -> None:
        """An answer was not read because its signature failed."""
        self._rejected.add((bank, "yes" if kept else "no"))

    def circuit(self, bank: str, state: str) -> None:
        """A bank's circuit is `closed`, `open` or `half_open` now; ValueError for any other word."""
        if state not in _STATES:
            raise ValueError(f"a circuit is {', '.join(_STATES)}, not {state!r}")
        for each in _STATES:
            self._circuits.set((bank, each), 1 if each == state else 0)

    def concurrency(self, bank: str, in_use: Callable[[], float], limit: int) -> None:
        """Where the number of places in use under a bank's limit is read."""
        self._places.set((bank,), in_use)
        self._place_limits.set((bank,), limit)

    def limited(self, route: str, policy: str) -> None:
        """A call was refused because this window was spent."""
        self._limits.add((route, policy))

    def limits_unshared(self, route: str, mode: str) -> None:
        """What a policy says of an absent store held for a call: `local`, `open` or `closed`."""
        self._limits_unshared.add((route, mode))

    def store(self, *, there: bool) -> None:
        """Redis answers from now on, or does no more."""
        self._store_up.set((), int(there))

    def store_failed(self, reason: str) -> None:
        """A connection to Redis ended, or could not be made."""
        self._store_failures.add((reason,))

    def store_asked(self, operation: str, seconds: float) -> None:
        """Redis answered."""
        self._store_operations.observe((operation,), seconds)

    def cache_hit(self, route: str) -> None:
        """A call was answered from the cache."""
        self._cached.add((route,))

    def mapped(self, bank: str, mapping: str, normalised: int, left_out: int) -> None:
        """A document was mapped; `mapping` is name@version."""
        labels = (bank, *_name_and_version(mapping))
        self._normalised.add(labels, normalised)
        self._left_out.add(labels, left_out)

    def finding(self, bank: str, mapping: str, reason: str, field: str) -> None:
        """A mapping met an unknown code, or left a record out, at a field of the contract."""
        self._findings.add((bank, *_name_and_version(mapping), reason, field))

    def certificate(self, name: str, not_after: datetime) -> None:
        """The certificate of a listener or bank (`listener:service`, `bank:albion`) ends at this instant (aware)."""
        self._certificates.set((name,), not_after.timestamp())

    def revocation_lists(self, listener: str, ends: datetime | None) -> None:
        """When the first of a listener's revocation lists ends (aware); None where it has none."""
        if ends is None:
            self._lists.forget(listener)
        else:
            self._lists.set((listener,), ends.timestamp())

    def handshake_failed(self, listener: str) -> Callable[[str], None]:
        """What counts the failed handshakes of a listener, by a reason out of a fixed set."""
        return lambda reason: self._handshakes.add((listener, reason))

    def claim_ignored(self, listener: str) -> None:
        """A request said who calls, and did not come from a balancer that may."""
        self._claims.add((listener,))

    def preface_refused(self, listener: str) -> None:
        """A balancer's connection did not begin as the PROXY protocol asks."""
        self._prefaces.add((listener,))

    def certificates_refused(self) -> None:
        """The listeners' certificates changed and were not taken."""
        self._certificates_refused.add(())

    def keyset(self, issuer: str, age: Callable[[], float], key_ids: tuple[str, ...]) -> None:
        """An issuer's new set of keys, and where its age in seconds is read from now on."""
        self._keyset_ages.set((issuer,), age)
        self._keyset_keys.set((issuer,), len(key_ids))

    def generation(self, number: int, content_hash: str) -> None:
        """This generation of the files serves from now on."""
        self._generation.set((), number)
        self._generation_loaded.set((), time.time())
        self._generation_hash.forget_all()
        self._generation_hash.set((content_hash,), 1)

    def generation_refused(self) -> None:
        """A changed set of files was refused; the old one goes on serving."""
        self._generations_refused.add(())

    def workers(self, serving: Callable[[], float]) -> None:
        """Where the number of processes that take calls is read."""
        self._workers.set((), serving)

    def worker_generation(self, worker: int, number: int | None) -> None:
        """The generation that a worker (by its place, from 1) serves; None while it serves none."""
        if number is None:
            self._worker_generations.forget(str(worker))
        else:
            self._worker_generations.set((str(worker),), number)

    def worker_exited(self, reason: str) -> None:
        """A worker ended unasked: `signal_9`, `code_1`, `silent` where it had to be killed."""
        self._worker_exits.add((reason,))

    def dropped(self, signal: str, count: Callable[[], int]) -> None:
        """Where the number of lost `spans` or `log_lines` is read."""
        self._dropped.follow((signal,), count)

    def forget_bank(self, bank: str) -> None:
        """A bank that the files no longer name: its present state and certificate are told no more."""
        for gauge in (self._circuits, self._places, self._place_limits):
            gauge.forget(bank)
        self._certificates.forget(f"bank:{bank}")

    def forget_issuer(self, issuer: str) -> None:
        """An issuer that the files no longer name: its keys are told no more."""
        self._keyset_ages.forget(issuer)
        self._keyset_keys.forget(issuer)

    def snapshot(self) -> Snapshot:
        """All metrics as they stand. May be called in another thread than the one that counts."""
        return {name: family.snapshot() for name, family in self._families.items()}

    def inherit(self, snapshot: Snapshot) -> None:
        """Goes on from the counts of a process that has ended, as it last told them; its present values are gone."""
        for name, series in snapshot.items():
            self._families[name].inherit(series)

    def text(self, others: Iterable[Snapshot] = ()) -> bytes:
        """The exposition (`CONTENT_TYPE`) of this process and others together; may be called in another thread."""
        parts = (self.snapshot(), *others)
        written = (family.exposition(part[name] for part in parts) for name, family in self._families.items())
        return "".join(chain.from_iterable(written)).encode()

    def _kept(self, name: str, family: AnyFamily) -> AnyFamily:
        self._families[name] = family
        return family


_STATUS = tuple(str(status) for status in range(600))


def _most_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT


def _name_and_version(mapping: str) -> tuple[str, str]:
    name, _, version = mapping.rpartition("@")
    return (name, version) if name else (mapping, "")
