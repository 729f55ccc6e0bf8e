"""All that Prometheus is told, each metric with its name, its labels and the one method that writes it.

Label values are names from files and code; nothing that a caller or a bank sends becomes one. What can be read when it
is asked for (ages, places in use, what was dropped) is a callable, so that nothing on the path of a call keeps it up
to date. Durations are in seconds, instants in seconds since 1970.
"""

import time
from collections.abc import Callable
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from gateway.telemetry.series import Counts, Durations, Gauges, Refusals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What `Metrics.text` is (Prometheus text exposition format)."""

_STATES = ("closed", "open", "half_open")


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        refusals = Refusals()
        ProcessCollector(registry=registry)

        def counts(name: str, text: str, *labels: str) -> Counts:
            return Counts(registry, refusals, f"gateway_{name}", text, labels)

        def durations(name: str, text: str, *labels: str) -> Durations:
            return Durations(registry, refusals, f"gateway_{name}", text, labels)

        def gauges(name: str, text: str, *labels: str) -> Gauges:
            return Gauges(registry, f"gateway_{name}", text, labels)

        self._requests = durations(
            *("http_request_duration_seconds", "Calls from the first header to the answer."),
            "route",
            "method",
            "status",
        )
        self._active = gauges("http_active_requests", "Calls that have begun and not ended.")
        self._bank_calls = durations(
            *("bank_call_duration_seconds", "Single attempts at a bank."), "bank", "operation", "outcome"
        )
        self._retries = counts("bank_retries", "Attempts that were repeated, by why.", "bank", "reason")
        self._circuits = gauges("bank_circuit_state", "1 for the state that the circuit is in.", "bank", "state")
        self._places = gauges("bank_concurrency", "Attempts under way at a bank.", "bank")
        self._place_limits = gauges("bank_concurrency_limit", "Attempts that may be under way at a bank.", "bank")
        self._limits = counts("limits_hit", "Calls refused because a window was spent.", "route", "policy")
        self._cached = counts("cache_hits", "Calls answered from the cache.", "route")
        self._normalised = counts(
            *("records_normalised", "Records answered in the contract's words."), "bank", "mapping", "version"
        )
        self._left_out = counts(
            *("records_left_out", "Records that could not be normalised."), "bank", "mapping", "version"
        )
        self._findings = counts(
            *("mapping_findings", "What a mapping did not know or could not use, by the contract's field."),
            *("bank", "mapping", "version", "reason", "field"),
        )
        self._certificates = gauges("certificate_expiry_timestamp_seconds", "When a certificate ends.", "name")
        self._keyset_ages = gauges("keyset_age_seconds", "Since an issuer's keys were last fetched.", "issuer")
        self._keyset_keys = gauges("keyset_keys", "Keys of an issuer that are in use.", "issuer")
        self._generation = gauges("files_generation", "Generation of the files that serve.")
        self._generation_hash = gauges("files_info", "1 for the content hash of the files that serve.", "hash")
        self._generation_loaded = gauges("files_loaded_timestamp_seconds", "When the files that serve were taken.")
        self._generations_refused = counts("files_refused", "Changed sets of files that were not taken.")
        self._dropped = counts("telemetry_dropped", "Spans, log lines and new series that found no room.", "signal")
        self._dropped.follow(("series",), lambda: refusals.count)
        # A counter that is told before it first counts can be alerted on with `increase`.
        self._generations_refused.add((), 0)

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

    def keyset(self, issuer: str, age: Callable[[], float | None], keys: Callable[[], float | None]) -> None:
        """Where an issuer's keys tell their age and number; None: never fetched."""
        self._keyset_ages.set((issuer,), age)
        self._keyset_keys.set((issuer,), keys)

    def generation(self, number: int, content_hash: str) -> None:
        """This generation of the files serves from now on."""
        self._generation.set((), number)
        self._generation_loaded.set((), time.time())
        self._generation_hash.forget_all()
        self._generation_hash.set((content_hash,), 1)

    def generation_refused(self) -> None:
        """A changed set of files was refused; the old one goes on serving."""
        self._generations_refused.add(())

    def dropped(self, signal: str, count: Callable[[], int]) -> None:
        """Where the number of lost `spans` or `log_lines` is read."""
        self._dropped.follow((signal,), count)

    def forget(self, name: str) -> None:
        """A bank, certificate or issuer that the files no longer name: its present values are told no more."""
        for gauge in (
            *(self._circuits, self._places, self._place_limits),
            *(self._certificates, self._keyset_ages, self._keyset_keys),
        ):
            gauge.forget(name)

    def text(self) -> bytes:
        """The exposition (`CONTENT_TYPE`). May be called in another thread than the one that counts."""
        return generate_latest(self._registry)


_STATUS = tuple(str(status) for status in range(600))


def _name_and_version(mapping: str) -> tuple[str, str]:
    name, _, version = mapping.rpartition("@")
    return (name, version) if name else (mapping, "")
