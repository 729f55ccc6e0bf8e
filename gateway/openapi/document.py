"""The document: a path for every row that has an operation, in the rows' order."""

from collections.abc import Sequence

import msgspec
import orjson

from gateway.openapi.components import Components, Schemas
from gateway.openapi.fields import HEADERS, HEADERS_BY_STATUS, PARAMETERS, SECURITY, Json
from gateway.openapi.operations import DOOR, FILTERS, OPERATIONS

_READS = ("GET", "HEAD")


class Served(msgspec.Struct, frozen=True):
    """A route as a caller sees it; `operation` is None for a plain upstream, `scopes` are what its token needs."""

    method: str
    template: str
    operation: str | None
    filters: tuple[str, ...]
    scopes: tuple[str, ...] = ()


def openapi_bytes(rows: Sequence[Served], schemas: Schemas) -> bytes:
    """The document as JSON, for a person to read and a tool to load."""
    return orjson.dumps(document(rows, schemas), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def document(rows: Sequence[Served], schemas: Schemas) -> Json:
    """OpenAPI 3.1.0 of the rows that have an operation, in their order; components are only those that they use.

    Raises KeyError for an operation, filter or path parameter that has no description here.
    """
    components = Components(schemas)
    paths: dict[str, Json] = {}
    named: set[str] = set()
    for row in rows:
        if row.operation is not None:
            # An operationId is unique: of several ways to one operation, the first has it.
            name = {} if row.operation in named else {"operationId": row.operation}
            named.add(row.operation)
            described = name | _described(row, row.operation, components)
            paths.setdefault(row.template, {})[row.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Bank integration gateway",
            "version": "1.0.0",
            "description": "One contract for every bank. Every field is present; what a bank did not give is null.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {**components.gathered(), "securitySchemes": SECURITY},
    }


def _described(row: Served, name: str, components: Components) -> Json:
    operation = OPERATIONS[name]
    parts = [FILTERS[name] for name in row.filters]
    in_path = [segment[1:-1] for segment in row.template.split("/") if segment.startswith("{")]
    taken = [*in_path, *operation.parameters, *(one for part in parts for one in part.parameters)]
    headers = tuple(field for part in parts for field in part.headers)
    kinds = dict.fromkeys((*DOOR, *operation.problems, *(kind for part in parts for kind in part.problems)))
    responses: dict[str, Json] = {
        "200": {
            "description": operation.summary + ".",
            "headers": {field: HEADERS[field] for field in headers},
            "content": {
                "application/json": {
                    "schema": components.rewritten({"$ref": operation.answers}),
                    "example": components.example(operation.answers),
                }
            },
        }
    }
    for status in sorted({kind.status for kind in kinds}):
        # A problem is never cached, so it has no age.
        fields = (*(field for field in headers if field != "Age"), *HEADERS_BY_STATUS.get(status, ()))
        responses[str(status)] = components.problem(
            status, [kind for kind in kinds if kind.status == status], fields, reads=row.method in _READS
        )
    secured = {part.security: list(row.scopes) if part.security == "bearer" else [] for part in parts if part.security}
    return {
        "tags": [name.partition(".")[0]],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": [components.rewritten(PARAMETERS[one]) for one in taken],
        "responses": responses,
        "security": [secured] if secured else [],
    }
