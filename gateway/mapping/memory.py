"""What the last reading of the mapping files made, so that the next one makes only what differs.

Files and overlays are known again by their contents, compiled code by the whole value that it was made from. Mappings
that say the same, as overlays of many banks of one platform do, share one code, whatever they are called. All of it
stands on one environment: the contract, the schema of mappings and all shapes; where those differ nothing is known.
Only what one reading used is kept for the next: memory does not grow with the number of changes.
"""

import hashlib
import pathlib
from collections.abc import Callable

import orjson
from msgspec.structs import replace

from gateway.files import Layers, Loaded, Problem
from gateway.mapping.code import CompiledMapping
from gateway.mapping.target import Contract

_NAMES = ("mapping", "version")


class Memory:
    """Of one reading; `before` is that of the reading before, for as long as the reading lasts."""

    def __init__(self, environment: bytes, contract: Contract, before: "Memory | None") -> None:
        self.environment = environment
        self.contract = contract
        self.before = before
        self.files: dict[pathlib.Path, tuple[str, bytes, Loaded]] = {}
        self.overlays: dict[str, tuple[Loaded, Loaded, Loaded]] = {}
        self.compiled: dict[tuple[bytes, str, str], CompiledMapping] = {}

    def read(self, layers: Layers, path: pathlib.Path) -> tuple[Loaded | None, list[Problem]]:
        """A file of the layers, as `Layers.read` gives it."""
        try:
            name, content = layers.display(path), layers.content(path)
        except OSError:
            return layers.read(path)
        known = self.before.files.get(path) if self.before is not None else None
        if known is None or known[:2] != (name, content):
            loaded, problems = layers.read(path)
            if loaded is None or problems:
                return loaded, problems
            known = (name, content, loaded)
        self.files[path] = known
        return known[2], []

    def overlay(self, relative: str, base: Loaded, over: Loaded, lay: Callable[[Loaded, Loaded], Loaded]) -> Loaded:
        """A file laid over another."""
        known = self.before.overlays.get(relative) if self.before is not None else None
        if known is None or known[0] is not base or known[1] is not over:
            known = (base, over, lay(base, over))
        self.overlays[relative] = known
        return known[2]

    def find(self, merged: Loaded, name: str) -> CompiledMapping | None:
        """The mapping of this name, where one that says the same was compiled; what was compiled was sound."""
        value = merged.value
        if not isinstance(value, dict) or value.get("mapping") != name or not isinstance(value.get("version"), int):
            return None
        key = _key(merged, name)
        found = self.compiled.get(key) or (self.before.compiled.get(key) if self.before is not None else None)
        if found is None:
            return None
        self.compiled[key] = found
        return replace(found, file=replace(found.file, name=name, version=value["version"]))

    def keep(self, merged: Loaded, name: str, mapping: CompiledMapping) -> None:
        """Remembers a mapping that was compiled."""
        self.compiled[_key(merged, name)] = mapping

    def ended(self) -> "Memory":
        """Itself, without what was before."""
        self.before = None
        return self


def environment(layers: Layers, folders: tuple[tuple[str, str], ...]) -> bytes:
    """The SHA-256 over all files that a folder and a pattern find."""
    whole = hashlib.sha256()
    for folder, pattern in folders:
        for relative, path in layers.find(folder, pattern).items():
            try:
                content = layers.content(path)
            except OSError:
                content = b""
            whole.update(f"{relative}\0{len(content)}\0".encode() + content)
    return whole.digest()


def _key(merged: Loaded, name: str) -> tuple[bytes, str, str]:
    value = {key: item for key, item in merged.value.items() if key not in _NAMES}
    return orjson.dumps(value), name.partition("/")[0], name.rpartition("/")[2]
