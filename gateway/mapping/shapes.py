"""Shapes: the declared form of a bank's document, in a named subset of JSON Schema, read into a tree of types.

The subset: `type`, `properties`, `required`, `items`, `enum`, `const`, `$ref` (within the file's `$defs`) and
`description`; anything else is refused. One rule differs from JSON Schema, because banks do: a null is read as absent,
so a property that is not `required` may be null, and a required one may not.

A mapping may name several shapes (two versions of one standard): what it reads is their union.
"""

from typing import Any

import msgspec

from gateway.files import Loaded, Path, Problem, near

KINDS = ("object", "array", "string", "number", "integer", "boolean")
_KEYS = {"type", "properties", "required", "items", "enum", "const", "$ref", "$defs", "description"}


class Shape(msgspec.Struct, frozen=True):
    """One node: the JSON types it may have, and what is inside; `enum` closes the texts it may be."""

    kinds: frozenset[str]
    properties: dict[str, "Shape"] = {}
    required: frozenset[str] = frozenset()
    items: "Shape | None" = None
    enum: tuple[str, ...] | None = None


ANY_TEXT = Shape(frozenset({"string"}))


def read_shape(loaded: Loaded) -> tuple[Shape, list[Problem]]:
    """Reads a shape file. Returns the shape (what could be read of it) and every problem."""
    reading = _Reading(loaded)
    shape = reading.node(loaded.value, (), ())
    for name, definition in reading.definitions.items():
        reading.node(definition, ("$defs", name), (name,))
    return shape, list(dict.fromkeys(reading.problems))


def union(shapes: list[Shape]) -> Shape:
    """What any of the shapes would take: kinds and properties of all, required only what all require."""
    if len(shapes) == 1:
        return shapes[0]
    objects = [shape for shape in shapes if "object" in shape.kinds]
    names = dict.fromkeys(name for shape in objects for name in shape.properties)
    items = [shape.items for shape in shapes if shape.items]
    closed = all(shape.enum is not None for shape in shapes)
    return Shape(
        frozenset().union(*(shape.kinds for shape in shapes)),
        {name: union([s.properties[name] for s in objects if name in s.properties]) for name in names},
        frozenset.intersection(*(shape.required for shape in objects)) if objects else frozenset(),
        union(items) if items else None,
        tuple(dict.fromkeys(v for s in shapes for v in s.enum or ())) if closed else None,
    )


class _Reading:
    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.problems: list[Problem] = []
        definitions = loaded.value.get("$defs", {}) if isinstance(loaded.value, dict) else {}
        self.definitions: dict[str, Any] = definitions if isinstance(definitions, dict) else {}

    def refuse(self, path: Path, message: str, *, key: bool = False) -> None:
        self.problems.append(self.loaded.problem(path, message, key=key))

    def node(self, value: Any, path: Path, following: tuple[str, ...]) -> Shape:
        if not isinstance(value, dict):
            self.refuse(path, "a shape must be a mapping")
            return ANY_TEXT
        for key in value:
            if key not in _KEYS:
                remedy = near(key, _KEYS) or "; a shape takes " + ", ".join(sorted(_KEYS))
                self.refuse((*path, key), f"'{key}' is not in the subset of JSON Schema of shapes{remedy}", key=True)
        if "$ref" in value:
            return self._follow(value["$ref"], path, following)
        kinds = self._kinds(value, path)
        properties: dict[str, Shape] = {}
        for name, child in self._mapping(value, "properties", path).items():
            properties[name] = self.node(child, (*path, "properties", name), following)
        required = self._texts(value, "required", path)
        for index, name in enumerate(required):
            if name not in properties:
                self.refuse((*path, "required", index), f"'{name}' is not among the properties{near(name, properties)}")
        items = self.node(value["items"], (*path, "items"), following) if "items" in value else None
        enum = self._texts(value, "enum", path) if "enum" in value else None
        if "const" in value:
            enum = self._texts({"const": [value["const"]]}, "const", path)
        return Shape(kinds, properties, frozenset(required), items, tuple(enum) if enum is not None else None)

    def _mapping(self, value: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
        found = value.get(key) or {}
        if not isinstance(found, dict):
            self.refuse((*path, key), "must be a mapping")
            return {}
        return found

    def _texts(self, value: dict[str, Any], key: str, path: Path) -> list[str]:
        found = value.get(key) or []
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            self.refuse((*path, key), "must be texts")
            return []
        return found

    def _kinds(self, value: dict[str, Any], path: Path) -> frozenset[str]:
        named = value.get("type")
        if named is None and ("enum" in value or "const" in value):
            return frozenset({"string"})
        kinds = [named] if isinstance(named, str) else named
        if not isinstance(kinds, list) or not kinds:
            self.refuse(path, "'type' is required")
            return frozenset({"string"})
        for kind in kinds:
            if kind == "null":
                self.refuse((*path, "type"), "'null' need not be named: a null is read as absent")
            elif kind not in KINDS:
                self.refuse((*path, "type"), f"'{kind}' is not a type{near(kind, KINDS)}")
        return frozenset(kind for kind in kinds if kind in KINDS)

    def _follow(self, reference: Any, path: Path, following: tuple[str, ...]) -> Shape:
        name = str(reference).removeprefix("#/$defs/")
        if not str(reference).startswith("#/$defs/") or name not in self.definitions:
            known = [f"#/$defs/{one}" for one in self.definitions]
            self.refuse((*path, "$ref"), f"'{reference}' is not a definition of this file{near(reference, known)}")
            return ANY_TEXT
        if name in following:
            self.refuse((*path, "$ref"), f"'{name}' contains itself")
            return ANY_TEXT
        return self.node(self.definitions[name], ("$defs", name), (*following, name))
