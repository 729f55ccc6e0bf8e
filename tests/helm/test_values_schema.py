"""The chart's schema: in step with the gateway's own files, strict throughout, and every value described."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from tests.helm.values_schema import FILE, HELM, PREFIX, built

SCHEMA: dict[str, Any] = json.loads(FILE.read_text())


def objects(part: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of the schema that has properties, with its place."""
    if isinstance(part, dict):
        if "properties" in part and part.get("type") == "object":
            yield at, part
        for name, one in part.items():
            yield from objects(one, f"{at}/{name}")
    elif isinstance(part, list):
        for index, one in enumerate(part):
            yield from objects(one, f"{at}/{index}")


def test_it_takes_what_the_gateways_settings_take() -> None:
    assert json.loads(FILE.read_text()) == built(), "make chart-schema"


def test_it_is_strict_and_every_value_is_described() -> None:
    found = dict(objects(SCHEMA, ""))
    assert len(found) > 40
    assert [at for at, one in found.items() if one.get("additionalProperties") is not False] == []
    undescribed = [
        f"{at}.{name}"
        for at, one in found.items()
        for name, value in one["properties"].items()
        if "description" not in value and not at.startswith(f"/$defs/{PREFIX}")
    ]
    assert undescribed == []


def test_every_value_has_its_default_in_the_file() -> None:
    values = yaml.safe_load((HELM / "values.yaml").read_text())
    assert set(values) == set(SCHEMA["properties"]) - {"global"}
