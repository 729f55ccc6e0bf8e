"""All mapping files of the layers: read, laid over each other, checked and compiled, or refused with every problem.

`<dialect>/<operation>.yaml` is a dialect's mapping; `<dialect>/<bank>/<operation>.yaml` says with `extends` only what
differs at one bank. An operation that a bank answers in another format has a mapping of its own: `<operation>.<form>`.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.files import Layers, Loaded, Path, Problem, Refused, Schema, near
from gateway.mapping.code import CompiledMapping
from gateway.mapping.compiler import compile_mapping
from gateway.mapping.memory import Memory, content_of, environment
from gateway.mapping.parsing import OPERATORS, Parser
from gateway.mapping.shapes import Shape, read_shape, union
from gateway.mapping.target import FOLDER as CONTRACT
from gateway.mapping.target import Contract, read_contract

FOLDER = "mappings"
_SCHEMA = "mappings/mapping.schema.json"
_ENVIRONMENT = ((CONTRACT, "*.schema.json"), (FOLDER, "mapping.schema.json"), (FOLDER, "*/*/shapes/*.yaml"))


class Library(msgspec.Struct, frozen=True):
    """Every compiled mapping by its name, and the contract that they fill."""

    contract: Contract
    mappings: dict[str, CompiledMapping]

    def select(self, dialect: str, lineage: Iterable[str], operation: str, form: str = "") -> CompiledMapping | None:
        """The mapping of an operation for a bank: its own, else that of a base it extends, else the dialect's.

        `lineage` is the bank's name, then the bases of its file, nearest first.
        """
        last = f"{operation}.{form}" if form else operation
        for owner in (*(f"{bank}/" for bank in lineage), ""):
            found = self.mappings.get(f"{dialect}/{owner}{last}")
            if found is not None:
                return found
        return None


def read_library(layers: Layers) -> Library:
    """Reads and compiles every mapping. Raises Refused with every problem of every file.

    What the reading before made of the same files is taken again.
    """
    stands_on = environment(layers, _ENVIRONMENT)
    known = _memory.last if _memory.last is not None and _memory.last.environment == stands_on else None
    memory = Memory(stands_on, known.contract if known is not None else read_contract(layers), known)
    reading = _Reading(layers, memory)
    for relative in reading.files:
        reading.mapping(relative)
    if reading.problems:
        raise Refused(reading.problems)
    _memory.last = memory.ended()
    return Library(memory.contract, reading.compiled)


class _Last:
    """The memory of the last reading of this process that found no problem."""

    last: Memory | None = None


_memory = _Last()


class _Reading:
    def __init__(self, layers: Layers, memory: Memory) -> None:
        self.layers = layers
        self.memory = memory
        self.problems: list[Problem] = []
        self.compiled: dict[str, CompiledMapping] = {}
        self.loaded: dict[str, Loaded | None] = {}
        self.shapes: dict[str, Shape | None] = {}
        self.files = {**layers.find(FOLDER, "*/*.yaml"), **layers.find(FOLDER, "*/*/*.yaml")}
        schema = layers.locate(_SCHEMA)
        assert schema is not None, "mapping.schema.json ships with the gateway"
        self.schema = Schema.read(layers.content(schema))

    def mapping(self, relative: str) -> None:
        """Compiles one file, its base laid under it."""
        name = relative.removeprefix(f"{FOLDER}/").removesuffix(".yaml")
        known = self.memory.unchanged(relative, self._content)
        if known is None:
            loaded = self._merged(relative, ())
            if loaded is not None:
                known = self.memory.similar(loaded, name) or self._compile(name, loaded)
                if known is not None:
                    self.memory.made(relative, self._content, loaded, known)
        if known is not None:
            self.compiled[name] = known

    def _content(self, relative: str) -> bytes | None:
        path = self.files.get(relative)
        return content_of(self.layers, path) if path is not None else None

    def _compile(self, name: str, loaded: Loaded) -> CompiledMapping | None:
        compiled = None
        problems = self.schema.check(loaded)
        if not problems and loaded.value["mapping"] != name:
            problems.append(loaded.problem(("mapping",), f"the file's place says '{name}'"))
        if not problems:
            parser = Parser(loaded)
            file = parser.file()
            shape = self._shape(loaded, file.dialect.partition("/")[0], file.shapes)
            problems = parser.problems
            if shape is not None and not problems:
                compiled, problems = compile_mapping(file, loaded, shape, self.memory.contract.records)
        self.problems += problems
        return compiled

    def _merged(self, relative: str, above: tuple[str, ...]) -> Loaded | None:
        if relative not in self.loaded:
            loaded, problems = self.layers.read(self.files[relative])
            self.problems += problems
            self.loaded[relative] = None if problems else loaded
            if loaded is not None and not problems and isinstance(loaded.value, dict):
                base = loaded.value.get("extends")
                self.memory.read(self._content(relative) or b"", f"{FOLDER}/{base}.yaml" if base else None)
        loaded = self.loaded[relative]
        if loaded is None or not isinstance(loaded.value, dict) or "extends" not in loaded.value:
            return loaded
        base_name = f"{FOLDER}/{loaded.value['extends']}.yaml"
        if base_name in (*above, relative) or base_name not in self.files:
            known = [one.removeprefix(f"{FOLDER}/").removesuffix(".yaml") for one in self.files if one != relative]
            unknown = "is not a mapping" + near(loaded.value["extends"], known)
            reason = "extends itself" if base_name in self.files else unknown
            self.problems.append(loaded.problem(("extends",), f"'{loaded.value['extends']}' {reason}"))
            return None
        base = self._merged(base_name, (*above, relative))
        return _overlay(base, loaded) if base and isinstance(base.value, dict) else None

    def _shape(self, loaded: Loaded, dialect: str, named: tuple[tuple[Path, str], ...]) -> Shape | None:
        found: list[Shape] = []
        for at, name in named:
            version, _, last = name.rpartition("/")
            relative = f"{FOLDER}/{dialect}/{version}/shapes/{last}.yaml"
            if relative not in self.shapes:
                self.shapes[relative] = self._read_shape(relative)
            shape = self.shapes[relative]
            if shape is not None:
                found.append(shape)
            elif self.layers.locate(relative) is None:
                known = [
                    "/".join((*one.split("/")[2:-2], one.rpartition("/")[2].removesuffix(".yaml")))
                    for one in self.layers.find(f"{FOLDER}/{dialect}", "**/shapes/*.yaml")
                ]
                self.problems.append(loaded.problem(at, f"there is no shape '{name}'{near(name, known)}"))
        return union(found) if found else None

    def _read_shape(self, relative: str) -> Shape | None:
        path = self.layers.locate(relative)
        if path is None:
            return None
        loaded, problems = self.layers.read(path)
        if loaded is not None and not problems:
            shape, problems = read_shape(loaded)
            if not problems:
                return shape
        self.problems += problems
        return None


def _overlay(base: Loaded, over: Loaded) -> Loaded:
    """Lays a bank's file over its base: objects member by member, all else as a whole; null takes a member away."""
    keys, values = dict(base.keys), dict(base.values)
    files: dict[Path, str] = {path: base.name for path in base.values if len(path) == 1}
    files.update(base.files)

    def lay(under: Any, upper: Any, at: Path) -> Any:
        if not at or (_is_object(under) and _is_object(upper)):
            # What both have stays where the base has it, so that its file and its line belong together.
            merged = dict(under)
            for name, child in upper.items():
                if child is None:
                    merged.pop(name, None)
                else:
                    merged[name] = lay(under.get(name), child, (*at, name))
            return merged
        for path in [path for path in values if path[: len(at)] == at]:
            values.pop(path)
        values.update({path: place for path, place in over.values.items() if path[: len(at)] == at})
        keys.update({path: place for path, place in over.keys.items() if path[: len(at)] == at})
        files[at] = over.name
        return upper

    value = lay(base.value, over.value, ())
    keys.update({(): over.keys[()]} if () in over.keys else {})
    values[()] = over.values[()]
    value.pop("extends", None)
    return Loaded(over.name, value, keys, values, files)


def _is_object(value: Any) -> bool:
    """Whether a value is a mapping of names, not an expression, which is only ever replaced as a whole."""
    return isinstance(value, dict) and not OPERATORS & set(value) - {"fields"}
