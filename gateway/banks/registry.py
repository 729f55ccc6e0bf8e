"""All banks, in three steps: files are read and checked, those that are served prepared, then their ways opened.

Reading needs no secret and no network, so that `gateway check` does it anywhere. Preparing reads secrets. Opening can
not fail, and takes over from the set before every way whose conditions are the same.
"""

import functools
import ssl
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec
import orjson

from gateway.banks import meter
from gateway.banks.checking import meaning
from gateway.banks.circuit import Circuit, Tolerance
from gateway.banks.client import Bounds
from gateway.banks.entry import Entry, decode_entry
from gateway.banks.inheritance import FOLDER, BankFiles, Merged
from gateway.banks.limits import Limit, Room
from gateway.banks.origins import Origins
from gateway.banks.retry import Patience
from gateway.banks.signing import Keep, Signatures, kept_nowhere, read_signatures
from gateway.banks.tls import Identity, build_context
from gateway.banks.way import Conditions, Way
from gateway.contract import BankProfile, Clock, Dialect
from gateway.exchange import Send
from gateway.files import Layers, Problem, Refused, Schema, shipped
from gateway.secrets import CertificateUnusable, Secrets, SecretUnreadable

_RECORDS = ("account", "balance", "transaction")


class Meter(meter.Meter, Protocol):
    """What counts the ways, and is told of the banks that are open; telemetry's metrics are one."""

    def concurrency(self, bank: str, in_use: Callable[[], float], limit: int) -> None:
        """Where the requests that run at a bank are read."""
        ...

    def certificate(self, name: str, not_after: datetime) -> None:
        """When our certificate towards a bank (`bank:albion`) ends."""
        ...


class BankFile(msgspec.Struct, frozen=True):
    """A bank's file that may be served: sound, complete, and with a dialect that exists."""

    profile: BankProfile
    dialect: Dialect
    entry: Entry
    merged: Merged


class Bank(msgspec.Struct, frozen=True):
    """A bank that is served.

    `never` are the fields (`record.field`) that it never gives; `origins` say which links lie within it.
    """

    profile: BankProfile
    dialect: Dialect
    environment: str
    country: str | None
    never: tuple[str, ...]
    way: Way

    @property
    def send(self) -> Send:
        """How it is reached."""
        return self.way.send

    @property
    def origins(self) -> Origins:
        """Where it may be asked."""
        return self.way.origins

    @property
    def circuit(self) -> Circuit:
        """Whether it is left alone."""
        return self.way.circuit

    @property
    def limit(self) -> Limit:
        """How much is under way there."""
        return self.way.limit


def read_banks(layers: Layers, dialects: Mapping[str, Dialect]) -> dict[str, BankFile]:
    """Name -> file of every bank that is not abstract, sorted. Raises Refused with every problem of every file.

    `dialects` are the adapters that exist, by name.
    """
    files = BankFiles(layers, Schema.read((shipped() / FOLDER / "bank.schema.json").read_bytes()))
    contract = {record: _fields(layers, record) for record in _RECORDS}
    problems: list[Problem] = []
    banks: dict[str, BankFile] = {}
    for name in files.names:
        merged = files.merged(name)
        if merged is None:
            continue
        found = list(meaning(merged, dialects, contract))
        problems += found
        if not found and not merged.value["abstract"]:
            banks[name] = _bank_file(name, merged, dialects)
    if files.problems or problems:
        raise Refused([*files.problems, *problems])
    return banks


class Prepared(msgspec.Struct, frozen=True):
    """A bank whose secrets were read and whose certificates fit: nothing can fail when it is opened."""

    file: BankFile
    conditions: Conditions
    context: ssl.SSLContext
    signatures: Signatures


class Registry:
    """The banks that are served, by name."""

    def __init__(self, banks: Mapping[str, Bank]) -> None:
        self.banks = banks

    async def close(self, successor: "Registry | None" = None) -> None:
        """Closes the ways that no successor has taken over; to be called when nothing is under way on this set."""
        kept = [bank.way for bank in successor.banks.values()] if successor is not None else []
        for bank in self.banks.values():
            if not any(bank.way is way for way in kept):
                await bank.way.close()


def prepare_banks(files: Iterable[BankFile], secrets: Secrets) -> tuple[Prepared, ...]:
    """Reads what the files refer to. Blocks on files; no loop is needed.

    Raises Refused with every reference that leads nowhere and every certificate that can not be used.
    """
    problems: list[Problem] = []
    prepared = [_prepare(file, secrets, problems) for file in files]
    if problems:
        raise Refused(problems)
    return tuple(bank for bank in prepared if bank is not None)


def open_banks(
    prepared: Iterable[Prepared],
    meter: Meter,
    clock: Clock,
    previous: Registry | None = None,
    keep: Keep = kept_nowhere,
) -> Registry:
    """Opens the ways to banks, in a running loop; nothing is connected before the first request.

    A way of `previous` whose conditions are the same is taken over as it is. `keep` takes answers that fail.
    """
    banks: dict[str, Bank] = {}
    for one in prepared:
        file, conditions = one.file, one.conditions
        name, entry = file.profile.name, file.entry
        before = previous.banks.get(name) if previous is not None else None
        if before is not None and before.way.conditions == conditions:
            way = before.way
        else:
            way = Way(conditions, one.context, meter, clock, one.signatures, keep)
        meter.concurrency(name, functools.partial(getattr, way.limit, "taken"), conditions.room.concurrency)
        if conditions.identity is not None:
            meter.certificate(f"bank:{name}", conditions.identity.ends())
        signing_ends = one.signatures.keys.ends() if one.signatures.keys is not None else None
        if signing_ends is not None:
            meter.certificate(f"bank:{name}:signing", signing_ends)
        banks[name] = Bank(file.profile, file.dialect, entry.environment, entry.country, entry.capabilities.never, way)
    return Registry(banks)


def _prepare(file: BankFile, secrets: Secrets, problems: list[Problem]) -> Prepared | None:
    entry = file.entry
    found: dict[str, bytes] = {}
    for field, reference in msgspec.structs.asdict(entry.certificates).items():
        if reference is not None:
            try:
                found[field] = secrets.read(reference)
            except SecretUnreadable as error:
                problems.append(file.merged.problem(("certificates", field), str(error)))
                return None
    signatures = read_signatures(file.merged, entry.signing, secrets, problems)
    if signatures is None:
        return None
    identity = Identity(found["certificate"], found["key"]) if "key" in found else None
    conditions = Conditions(
        bank=file.profile.name,
        base_urls=tuple(entry.base_urls.values()),
        network=entry.network,
        identity=identity,
        server_ca=found.get("server_ca"),
        bounds=Bounds(entry.timeouts.connect, entry.timeouts.answer, entry.limits.answer),
        room=Room(entry.limits.concurrency, entry.limits.queue),
        tolerance=Tolerance(entry.circuit.failures, entry.circuit.window, entry.circuit.open_for, entry.circuit.shared),
        patience=Patience(entry.retry.attempts, entry.retry.base, entry.retry.cap),
        signing=signatures.fingerprint,
    )
    try:
        context = build_context(identity, conditions.server_ca)
    except CertificateUnusable as error:
        problems.append(file.merged.problem(("certificates",), str(error), key=True))
        return None
    return Prepared(file, conditions, context, signatures)


def _bank_file(name: str, merged: Merged, dialects: Mapping[str, Dialect]) -> BankFile:
    entry = decode_entry(merged.value)
    dialect = dialects[entry.dialect]
    profile = BankProfile(
        name=name,
        title=entry.title,
        dialect=entry.dialect,
        version=entry.version,
        zone=entry.zone,
        base_urls=entry.base_urls,
        bic=entry.bic,
        client_id=entry.client_id,
        headers=tuple(entry.headers.items()),
        deviations=msgspec.convert(entry.deviations, dialect.Deviations),
        lineage=merged.lineage,
    )
    return BankFile(profile, dialect, entry, merged)


def _fields(layers: Layers, record: str) -> frozenset[str]:
    """The fields of one record of the contract."""
    path = layers.locate(f"mappings/canonical/v1/{record}.schema.json")
    assert path is not None, "the contract ships"
    return frozenset(orjson.loads(layers.content(path))["properties"])
