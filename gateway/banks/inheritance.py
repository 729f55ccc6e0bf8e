"""Bank files of all layers, each with the files that it extends, merged into one value that still knows its places.

The nearest file that has a key gives it: mappings are merged key by key, everything else is taken whole. A file that
extends its own name is laid over the file of that name in the layer below: so an operator changes one URL of a bank
that ships. `abstract` and `extends` speak of their own file alone.
"""

import pathlib
import re
from typing import Any

from gateway.files import Layers, Loaded, Path, Problem, Schema, near
from gateway.files.reading import Place

FOLDER = "adapters/banks"
_OF_ONE_FILE = frozenset({"abstract", "extends"})
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Merged(Loaded, frozen=True, kw_only=True):
    """A bank's merged value; `lineage` is its name and those of its bases, nearest first."""

    lineage: tuple[str, ...]


class BankFiles:
    """The bank files of a set of layers; `problems` grows with what is wrong with the files as such."""

    def __init__(self, layers: Layers, schema: Schema) -> None:
        self.problems: list[Problem] = []
        self._layers = layers
        self._schema = schema
        found = layers.find(FOLDER, "*.yaml")
        # Per name the files of all layers, the last layer's first.
        self._places = {pathlib.PurePosixPath(relative).stem: layers.places(relative) for relative in found}
        self._read: dict[pathlib.Path, Loaded | None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all banks and bases, sound or not."""
        return tuple(self._places)

    def merged(self, name: str) -> Merged | None:
        """A bank with all it inherits, or None where one of its files is not sound."""
        chain: list[tuple[str, int]] = [(name, 0)]
        files: list[Loaded] = []
        while True:
            loaded = self._file(*chain[-1])
            if loaded is None:
                return None
            files.append(loaded)
            base = loaded.value.get("extends")
            if base is None:
                break
            below = (base, chain[-1][1] + 1 if base == chain[-1][0] else 0)
            trouble = self._trouble(below, chain)
            if trouble is not None:
                self.problems.append(loaded.problem(("extends",), trouble))
                return None
            chain.append(below)
        return _merge(files, tuple(dict.fromkeys(link for link, _ in chain)))

    def _file(self, name: str, depth: int) -> Loaded | None:
        path = self._places[name][depth]
        if path not in self._read:
            loaded, problems = self._layers.read(path)
            if loaded is not None:
                problems += self._schema.check(loaded)
                if not _NAME.fullmatch(name):
                    remedy = "name the file in small letters, digits and single dashes"
                    problems.append(Problem(loaded.name, 1, 1, "", f"'{name}' is not a bank's name: {remedy}"))
            self.problems += problems
            self._read[path] = None if problems else loaded
        return self._read[path]

    def _trouble(self, below: tuple[str, int], chain: list[tuple[str, int]]) -> str | None:
        name, depth = below
        if below in chain:
            return f"the files extend each other in a circle: {' → '.join([*(link for link, _ in chain), name])}"
        if name not in self._places:
            return f"there is no bank file '{name}'{near(name, self._places)}"
        if depth >= len(self._places[name]):
            return f"no layer below has a file '{name}' to extend"
        return None


def _merge(files: list[Loaded], lineage: tuple[str, ...]) -> Merged:
    """Of files from the nearest to the farthest."""
    value: dict[str, Any] = {}
    keys: dict[Path, Place] = {}
    values: dict[Path, Place] = {}
    names: dict[Path, str] = {}
    for loaded in reversed(files):
        value = _laid_over(value, {key: item for key, item in loaded.value.items() if key not in _OF_ONE_FILE})
        keys |= loaded.keys
        values |= loaded.values
        names |= dict.fromkeys(loaded.values, loaded.name)
    own = files[0]
    value["abstract"] = own.value.get("abstract", False)
    return Merged(own.name, value, keys, values, names, lineage=lineage)


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, item in above.items():
        under = merged.get(key)
        merged[key] = _laid_over(under, item) if isinstance(under, dict) and isinstance(item, dict) else item
    return merged
