"""What a process that takes calls tells of itself, and how the reports of all become the gateway's state."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from gateway.app.certificates import Certificates
from gateway.filters.tokens.keysets import KeySetReport
from gateway.telemetry.metrics import Snapshot

_WORST_FIRST = ("open", "half_open", "closed")


class BankReport(msgspec.Struct, frozen=True):
    """How one process sees a bank; `under_way` counts its attempts there."""

    circuit: str
    under_way: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One process as it stands; instants are aware, `in_flight` counts calls, `certificates` are ends by listener.

    `redis_answers` is None where nothing is shared through Redis.
    """

    pid: int = msgspec.field(default_factory=os.getpid)
    started_at: datetime
    generation: int
    hash: str
    loaded_at: datetime
    in_flight: int
    connections: int
    banks: Mapping[str, BankReport]
    key_sets: tuple[KeySetReport, ...]
    redis_answers: bool | None
    certificates: Mapping[str, datetime]
    certificates_refusal: tuple[str, ...]
    metrics: Snapshot


class Member(msgspec.Struct, frozen=True):
    """A process among those that take calls: its place from 1, what it is doing, its latest report if there is one."""

    place: int
    state: str
    pid: int
    report: Report | None


def state(
    members: Iterable[Member], files: Mapping[str, object], own: Certificates, now: datetime
) -> dict[str, object]:
    """The gateway's state, ready for JSON: files, workers, banks, key sets, Redis, certificates.

    A bank's circuit is the worst that any process sees, its attempts those of all; of key sets the oldest is told.
    `own` are the certificates of the listeners that are not the workers'.
    """
    members = tuple(members)
    reports = [member.report for member in members if member.report is not None]
    ends, refusals = own.ends(), dict.fromkeys(own.last_refusal)
    for report in reports:
        for name, end in report.certificates.items():
            ends[name] = min(end, ends.get(name, end))
        refusals |= dict.fromkeys(report.certificates_refusal)
    answering = [report.redis_answers for report in reports if report.redis_answers is not None]
    return {
        "files": files,
        "workers": [_worker(member, now) for member in members],
        "banks": _banks(reports),
        "key_sets": _key_sets(reports),
        "redis": {"answers": all(answering)} if answering else None,
        "certificates": {name: end.isoformat() for name, end in ends.items()},
        "certificates_refusal": list(refusals),
    }


def _worker(member: Member, now: datetime) -> dict[str, object]:
    told: dict[str, object] = {"worker": member.place, "state": member.state, "pid": member.pid}
    report = member.report
    if report is not None:
        told |= {
            "generation": report.generation,
            "hash": report.hash,
            "age_seconds": round((now - report.loaded_at).total_seconds(), 3),
            "up_seconds": round((now - report.started_at).total_seconds(), 3),
            "in_flight": report.in_flight,
            "connections": report.connections,
        }
    return told


def _banks(reports: list[Report]) -> dict[str, object]:
    seen: dict[str, list[BankReport]] = {}
    for report in reports:
        for name, bank in report.banks.items():
            seen.setdefault(name, []).append(bank)
    return {
        name: {
            "circuit": min((bank.circuit for bank in banks), key=_WORST_FIRST.index),
            "under_way": sum(bank.under_way for bank in banks),
        }
        for name, banks in seen.items()
    }


def _key_sets(reports: list[Report]) -> list[dict[str, object]]:
    oldest: dict[str, KeySetReport] = {}
    for report in reports:
        for one in report.key_sets:
            known = oldest.get(one.issuer)
            if known is None or (one.age or 0.0) > (known.age or 0.0):
                oldest[one.issuer] = one
    return [
        {"issuer": one.issuer, "keys": one.key_ids, "age_seconds": one.age, "failure": one.last_failure}
        for one in oldest.values()
    ]
