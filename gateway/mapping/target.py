"""The contract as types: the canonical JSON Schemas read once, into what the compiler checks against and fills.

A string's form is the name of the definition that it refers to (`decimal`, `currency`, `date`, `instant`, ...): a
mapping must produce that form by a conversion that proves it. Strings without a pattern take any text. Of conditions
(`if`, `then`) one sort can be proven here: where one field is a word, another has a form.
"""

import re
from typing import Any

import msgspec

from gateway.files import Layers, Loaded, Problem, Refused

FOLDER = "mappings/canonical/v1"
_ROOTS = ("account", "balance", "transaction")


class Narrowing(msgspec.Struct, frozen=True):
    """Where `field` of an object is `word`, its field `narrowed` must be what `to` takes."""

    field: str
    word: str
    narrowed: str
    to: "Target"


class Target(msgspec.Struct, frozen=True):
    """One node of the contract.

    `kind` is text, integer, boolean, enum, list, object, or a form (`decimal`, ...). `struct` builds an object; its
    arguments are `fields` in order; `narrowing` is what holds between two of them. A string with a pattern but no
    known form is `patterned`: only constants fit it.
    """

    kind: str
    nullable: bool
    enum: tuple[str, ...] = ()
    fields: dict[str, "Target"] = {}
    item: "Target | None" = None
    struct: Any = None
    pattern: str | None = None
    narrowing: Narrowing | None = None

    def takes(self, value: object) -> bool:
        """Whether a constant of a mapping file may stand here."""
        if value is None:
            return self.nullable
        match self.kind:
            case "enum":
                return value in self.enum
            case "integer":
                return isinstance(value, int) and not isinstance(value, bool)
            case "boolean":
                return isinstance(value, bool)
            case "object" | "list":
                return False
            case _:
                fits = self.pattern is None or (isinstance(value, str) and re.search(self.pattern, value) is not None)
                return isinstance(value, str) and value != "" and fits


class Contract(msgspec.Struct, frozen=True):
    """The record types by name, and the schemas that they come from by file name."""

    records: dict[str, Target]
    schemas: dict[str, Any]


def read_contract(layers: Layers) -> Contract:
    """Reads the canonical schemas. Raises Refused with every problem."""
    files: dict[str, Loaded] = {}
    problems: list[Problem] = []
    for relative, path in layers.find(FOLDER, "*.schema.json").items():
        loaded, found = layers.read(path)
        problems += found
        if loaded:
            files[relative.rpartition("/")[2]] = loaded
    for name in _ROOTS:
        if f"{name}.schema.json" not in files and not problems:
            problems.append(Problem(f"{FOLDER}/{name}.schema.json", 1, 1, "", "the contract's schema is missing"))
    if problems:
        raise Refused(problems)
    schemas = {name: loaded.value for name, loaded in files.items()}
    reading = _Reading(schemas)
    records = {name: reading.node(schemas[f"{name}.schema.json"], f"{name}.schema.json", name) for name in _ROOTS}
    return Contract(records, schemas)


_FORMS = {"decimal", "currency", "date", "instant", "bic", "mcc", "iban"}


class _Reading:
    def __init__(self, schemas: dict[str, Any]) -> None:
        self.schemas = schemas

    def node(self, schema: dict[str, Any], file: str, name: str, *, nullable: bool = False) -> Target:
        if "anyOf" in schema or "oneOf" in schema:
            options = schema.get("anyOf") or schema["oneOf"]
            rest = [one for one in options if one.get("type") != "null"]
            return self.node(rest[0], file, name, nullable=len(rest) < len(options))
        if "$ref" in schema:
            target_file, _, pointer = schema["$ref"].partition("#")
            target_file = target_file or file
            definition = self.schemas[target_file]
            for step in pointer.strip("/").split("/") if pointer.strip("/") else []:
                definition = definition[step]
            return self.node(definition, target_file, pointer.rpartition("/")[2] or name, nullable=nullable)
        kinds = schema.get("type", "string")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        nullable = nullable or "null" in kinds
        enum = schema.get("enum") or ([schema["const"]] if "const" in schema else None)
        kind = next(one for one in kinds if one != "null")
        if enum is not None:
            return Target("enum", nullable or None in enum, tuple(v for v in enum if v is not None))
        if kind == "object":
            fields = {key: self.node(child, file, key) for key, child in schema["properties"].items()}
            narrowing = self._narrowing(schema, file)
            return Target("object", nullable, fields=fields, struct=_struct(name, fields), narrowing=narrowing)
        if kind == "array":
            return Target("list", nullable, item=self.node(schema["items"], file, name))
        if kind == "string":
            pattern = schema.get("pattern")
            form = name.lower() if name.lower() in _FORMS else "patterned" if pattern else "text"
            return Target(form, nullable, pattern=pattern)
        return Target(kind, nullable)

    def _narrowing(self, schema: dict[str, Any], file: str) -> Narrowing | None:
        match [*schema.get("if", {}).get("properties", {}).items()]:
            case [(field, {"const": word})]:
                [(narrowed, then)] = schema["then"]["properties"].items()
                return Narrowing(field, word, narrowed, self.node(then, file, narrowed))
        return None


def _struct(name: str, fields: dict[str, Target]) -> Any:
    title = "".join(part.capitalize() for part in re.split(r"[_-]", name))
    return msgspec.defstruct(title, [(key, Any) for key in fields], frozen=True, gc=False, module=__name__)
