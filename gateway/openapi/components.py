"""The contract's schemas as components of one document: `$ref`s between files become references within it."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

from gateway import errors
from gateway.errors import GatewayError
from gateway.openapi.fields import HEADERS, Json

Schemas: TypeAlias = Mapping[str, Json]
"""File name (`account.schema.json`) -> its schema."""


class Components:
    """Gathers what a document refers to, and nothing else."""

    def __init__(self, schemas: Schemas) -> None:
        self._files = schemas
        self._examples: dict[str, Json] = {}
        self._homes: dict[str, str] = {}
        self._done: dict[str, Json] = {}

    def gathered(self) -> Json:
        """All that was referred to so far, by kind and name."""
        return {"schemas": dict(sorted(self._done.items())), "examples": dict(sorted(self._examples.items()))}

    def rewritten(self, value: Any, file: str = "") -> Any:
        """A value of a file with its references turned; what they lead to becomes a component."""
        if isinstance(value, list):
            return [self.rewritten(child, file) for child in value]
        if not isinstance(value, dict):
            return value
        kept = {key: child for key, child in value.items() if key not in {"$schema", "$id", "$defs", "$ref"}}
        turned = {key: child if key == "examples" else self.rewritten(child, file) for key, child in kept.items()}
        return ({"$ref": self._reference(value["$ref"], file)} if "$ref" in value else {}) | turned

    def example(self, reference: str) -> Json:
        """The first example, its lists of whole records filled with those records' own."""
        schema, _ = self._find(reference)
        filled = {
            name: self._find(items["$ref"])[0]["examples"]
            for name, member in schema["properties"].items()
            if (items := member.get("items", {})).get("$ref", "#").endswith(".json")
        }
        return {**schema["examples"][0], **filled}

    def problem(
        self, status: int, kinds: Iterable[type[GatewayError]], headers: tuple[str, ...], *, reads: bool
    ) -> Json:
        """The answer of one status: which codes it may have, with an example of each.

        `reads` says that the call changes nothing, so that it can always be repeated (RFC 9110 section 9.2.1).
        """
        kinds = tuple(kinds)
        whole = self.rewritten({"$ref": "problem.schema.json"})
        narrowed = {"status": {"const": status}, "code": {"enum": [kind.code for kind in kinds]}}
        return {
            "description": f"{HTTPStatus(status).phrase}: {'; '.join(kind.title for kind in kinds)}.",
            "headers": {name: HEADERS[name] for name in headers},
            "content": {
                "application/problem+json": {
                    "schema": {**whole, "properties": narrowed},
                    "examples": {
                        kind.code: self._exemplified(kind, repeatable=kind.safe_to_repeat or reads) for kind in kinds
                    },
                }
            },
        }

    def _exemplified(self, kind: type[GatewayError], *, repeatable: bool) -> Json:
        example = dict(self._files["problem.schema.json"]["examples"][0])
        if kind is not errors.RequestInvalid:
            del example["errors"], example["detail"]
        example |= {
            "type": kind().type_uri,
            "title": kind.title,
            "status": kind.status,
            "code": kind.code,
            "origin": kind.origin,
            "safe_to_repeat": repeatable,
        }
        name = kind.code if repeatable else f"{kind.code}.unsafe"
        self._examples[name] = {"summary": kind.title, "value": example}
        return {"$ref": f"#/components/examples/{name}"}

    def _reference(self, reference: str, file: str) -> str:
        schema, home = self._find(reference, file)
        name = home.rpartition("/")[2].removesuffix(".schema.json")
        if self._homes.setdefault(name, home) != home:
            raise ValueError(f"two schemas of the contract are named '{name}': {self._homes[name]} and {home}")
        if name not in self._done:
            self._done[name] = {}  # Stands for it while it is turned: a schema may lead back to itself.
            self._done[name] = self.rewritten(schema, home.partition("#")[0])
        return f"#/components/schemas/{name}"

    def _find(self, reference: str, file: str = "") -> tuple[Json, str]:
        """The schema of a reference as it stands in a file, and that reference in full."""
        target, _, pointer = reference.partition("#")
        schema = self._files[target or file]
        for key in pointer.split("/")[1:]:
            schema = schema[key]
        return schema, f"{target or file}#{pointer}" if pointer else target or file
