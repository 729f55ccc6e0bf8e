"""What the last reading of the mapping files made, so that the next one makes only what differs.

A file is known again by its content and that of all that it extends; then it is not even parsed. Mappings that say the
same, as overlays of many banks of one platform do, share one code, whatever they are called. All of it stands on one
environment: the contract, the schema of mappings and all shapes; where those differ nothing is known. Only digests and
compiled code are kept, and only what one reading used: memory does not grow with the number of changes.
"""

import hashlib
import pathlib
from collections.abc import Callable

import orjson
from msgspec.structs import replace

from gateway.files import Layers, Loaded
from gateway.mapping.code import CompiledMapping
from gateway.mapping.target import Contract

_NAMES = ("mapping", "version")


class Memory:
    """Of one reading; `before` is that of the reading before, for as long as the reading lasts."""

    def __init__(self, environment: bytes, contract: Contract, before: "Memory | None") -> None:
        self.environment = environment
        self.contract = contract
        self.before = before
        self.extended: dict[bytes, str | None] = {}
        self.sound: dict[bytes, tuple[bytes, CompiledMapping]] = {}
        self.alike: dict[bytes, CompiledMapping] = {}

    def read(self, content: bytes, base: str | None) -> None:
        """Remembers which file a file of this content extends."""
        self.extended[hashlib.sha256(content).digest()] = base

    def unchanged(self, relative: str, content: Callable[[str], bytes | None]) -> CompiledMapping | None:
        """The mapping that the reading before made of the same files; `content` gives the bytes of one."""
        chain = self._chain(relative, content)
        found = self.before.sound.get(chain) if self.before is not None and chain is not None else None
        if found is None or chain is None:
            return None
        self.sound[chain] = found
        said, mapping = found
        self.alike.setdefault(said, mapping)
        return mapping

    def made(
        self, relative: str, content: Callable[[str], bytes | None], merged: Loaded, mapping: CompiledMapping
    ) -> None:
        """Remembers what became of a file and of those that it extends."""
        said = _key(merged, mapping.file.name)
        self.alike.setdefault(said, mapping)
        chain = self._chain(relative, content)
        if chain is not None:
            self.sound[chain] = (said, mapping)

    def _chain(self, relative: str, content: Callable[[str], bytes | None]) -> bytes | None:
        """A digest of all files that one extends, itself first; None where it is not known what they extend."""
        whole, seen = hashlib.sha256(), set[str]()
        following: str | None = relative
        while following is not None:
            held = content(following)
            digest = hashlib.sha256(held or b"").digest()
            known = self.extended if digest in self.extended or self.before is None else self.before.extended
            if held is None or following in seen or digest not in known:
                return None
            seen.add(following)
            whole.update(following.encode() + b"\0" + digest)
            following = self.extended[digest] = known[digest]
        return whole.digest()

    def similar(self, merged: Loaded, name: str) -> CompiledMapping | None:
        """A mapping of this name with the code of another that says the same; what was compiled was sound."""
        value = merged.value
        if not isinstance(value, dict) or value.get("mapping") != name or not isinstance(value.get("version"), int):
            return None
        key = _key(merged, name)
        found = self.alike.get(key) or (self.before.alike.get(key) if self.before is not None else None)
        if found is None:
            return None
        return replace(found, file=replace(found.file, name=name, version=value["version"]))

    def ended(self) -> "Memory":
        """Itself, without what was before."""
        self.before = None
        return self


def environment(layers: Layers, folders: tuple[tuple[str, str], ...]) -> bytes:
    """The SHA-256 over all files that a folder and a pattern find."""
    whole = hashlib.sha256()
    for folder, pattern in folders:
        for relative, path in layers.find(folder, pattern).items():
            content = content_of(layers, path) or b""
            whole.update(f"{relative}\0{len(content)}\0".encode() + content)
    return whole.digest()


def content_of(layers: Layers, path: pathlib.Path) -> bytes | None:
    """The bytes of a file; None where it can not be read."""
    try:
        return layers.content(path)
    except OSError:
        return None


def _key(merged: Loaded, name: str) -> bytes:
    value = {key: item for key, item in merged.value.items() if key not in _NAMES}
    said = (name.partition("/")[0], name.rpartition("/")[2], value)
    return hashlib.sha256(orjson.dumps(said)).digest()
