"""Whole sets of files: mappings, banks and policies of all layers, read and checked at once, refused with everything.

Nothing here needs a secret or the network, so `gateway check` goes the very way that `gateway serve` goes.
"""

import hashlib
import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, cast

import msgspec

from gateway.banks.inheritance import FOLDER as BANKS
from gateway.banks.inheritance import BankFiles
from gateway.banks.registry import BankFile, read_banks
from gateway.contract import BankProfile, Dialect
from gateway.files import Layers, Problem, Refused, Schema, near, shipped
from gateway.mapping.library import FOLDER as MAPPINGS
from gateway.mapping.library import Library, read_library
from gateway.openapi import Served, openapi_bytes
from gateway.routes import RoutePolicy, Row, read, rows

DIALECTS = ("uk_openbanking", "berlin_group", "stet")
POLICIES = "policies"
_T = TypeVar("_T")


def load_dialects() -> dict[str, Dialect]:
    """The adapters by name: the only imports that are made by name."""
    return {name: cast("Dialect", importlib.import_module(f"adapters.{name}")) for name in DIALECTS}


def readers() -> dict[tuple[str, str], Callable[[bytes], bytes]]:
    """What the dialects offer to read answers that are no JSON, by dialect and form."""
    found = ((name, getattr(dialect, "READERS", {})) for name, dialect in load_dialects().items())
    return {(name, form): reader for name, offered in found for form, reader in offered.items()}


class FileSet(msgspec.Struct, frozen=True):
    """All files of the layers, compiled. `content_hash` is the SHA-256 over their paths and contents, in hex."""

    layers: Layers
    library: Library
    banks: Mapping[str, BankFile]
    policies: tuple[RoutePolicy, ...]
    content_hash: str

    def rows(self) -> tuple[Row, ...]:
        """The routes as people are shown them."""
        return rows(self.policies)

    def openapi(self) -> bytes:
        """The OpenAPI document of what these files serve."""
        served = [Served(row.method, row.template, row.operation, row.filters, row.scopes) for row in self.rows()]
        return openapi_bytes(served, self.library.contract.schemas)


def read_files(layers: Layers) -> FileSet:
    """Reads, checks and compiles everything. Raises Refused with every problem of every file.

    Layers that are not held are read once, here: what is hashed is what is compiled.
    """
    layers = layers if layers.held is not None else layers.hold()
    problems: list[Problem] = []
    library = _collected(problems, lambda: read_library(layers))
    banks = _collected(problems, lambda: read_banks(layers, load_dialects()))
    policies = _collected(problems, lambda: read(layers))
    if library is not None and banks is not None:
        problems += _unmapped(library, banks)
    if problems or library is None or banks is None or policies is None:
        raise Refused(problems)
    return FileSet(layers, library, banks, policies, content_hash(layers))


def content_hash(layers: Layers) -> str:
    """The SHA-256 over the paths and contents of all files of the layers, in hex.

    A file that can not be read counts as such.
    """
    layers = layers if layers.held is not None else layers.hold()
    whole = hashlib.sha256()
    for folder in (MAPPINGS, BANKS, POLICIES):
        for relative in layers.find(folder, "**/*"):
            # Of a file that hides another, both count: the one may extend the other.
            for path in layers.places(relative):
                try:
                    content = layers.content(path)
                except OSError:
                    whole.update(f"{relative}\0-\0".encode())
                else:
                    whole.update(f"{relative}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()


def find_bank(layers: Layers, name: str) -> BankProfile:
    """What a bank's file says of its data: title, zone, BIC, lineage; of abstract banks too. Raises Refused."""
    files = BankFiles(layers, Schema.read((shipped() / BANKS / "bank.schema.json").read_bytes()))
    if name not in files.names:
        told = f"there is no such bank file{near(name, files.names)}"
        raise Refused([Problem(f"{BANKS}/{name}.yaml", 1, 1, "", told)])
    merged = files.merged(name)
    if merged is None:
        raise Refused(files.problems)
    value = merged.value
    return BankProfile(
        name=name,
        title=value.get("title", name),
        dialect=value.get("dialect", ""),
        version=value.get("version", ""),
        zone=value.get("zone", "UTC"),
        base_urls=value.get("base_urls", {}),
        bic=value.get("bic"),
        lineage=merged.lineage,
    )


def _collected(problems: list[Problem], reading: Callable[[], _T]) -> _T | None:
    try:
        return reading()
    except Refused as refused:
        problems += refused.problems
        return None


def _unmapped(library: Library, banks: Mapping[str, BankFile]) -> Iterator[Problem]:
    """Every operation of a bank's dialect needs a mapping."""
    for bank in banks.values():
        for operation in bank.dialect.OPERATIONS:
            profile = bank.profile
            if library.select(profile.dialect, profile.lineage, operation) is None:
                yield bank.merged.problem(("dialect",), f"no mapping reads {profile.dialect}/{operation}")
