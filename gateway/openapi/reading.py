"""Reads the contract's schemas through the layers of files."""

import jsonschema

from gateway.files import Layers, Problem, Refused, Schema
from gateway.openapi.fields import Json

FOLDER = "mappings/canonical/v1"


def read_schemas(layers: Layers) -> dict[str, Json]:
    """The contract's schemas by file name. Raises Refused with every problem of every file."""
    found: list[Problem] = []
    schemas: dict[str, Json] = {}
    for relative, path in layers.find(FOLDER, "*.schema.json").items():
        loaded, problems = layers.read(path)
        found += problems
        if loaded is not None and not problems:
            try:
                Schema(loaded.value)
            except jsonschema.SchemaError as error:
                found.append(loaded.problem(tuple(error.absolute_path), "not as JSON Schema 2020-12 has it"))
            schemas[relative.rpartition("/")[2]] = loaded.value
    if found:
        raise Refused(found)
    return schemas
