"""The examples of the mapping language's page: all are compiled and run, and make what the page says they make."""

import json
import pathlib
import re
from typing import Any

import pytest
import yaml

from gateway.files import Layers, shipped
from gateway.mapping.cases import CaseCall, run_by_hand
from gateway.mapping.language import CONVERSIONS
from gateway.mapping.library import read_library
from gateway.mapping.parsing import OPERATORS

PAGE = (shipped() / "docs" / "mappings.md").read_text()
BLOCKS = re.findall(r"^```(?:yaml|json) (\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MAPPING = "larch/transactions.list"


def block(kind: str) -> str:
    (found,) = (text for name, text in BLOCKS if name == kind)
    return found


def expected(text: str) -> dict[str, Any]:
    """Field -> what the comment below it says (`# -> ...`, going on in lines that begin with `#  `)."""
    found: dict[str, Any] = {}
    field, depth = "", 2 if text.startswith("mapping:") else 0
    for line in text.replace("\n#  ", "").splitlines():
        named = re.match(rf" {{{depth}}}(\w+):", line)
        field = named[1] if named else field
        if line.startswith("# -> "):
            found[field] = json.loads(line.removeprefix("# -> "))
    return found


def stripped(value: Any) -> Any:
    """A value without the members of its objects that are null or empty."""
    if isinstance(value, list):
        return [stripped(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: stripped(child) for name, child in value.items() if child not in (None, [], {})}


def run(folder: pathlib.Path, name: str, text: str) -> dict[str, Any]:
    """The only record of the page's document, by a mapping of the page laid over what ships."""
    for relative, content in (("1/shapes/rows.yaml", block("shape")), ("transactions.list.yaml", block("mapping"))):
        place = folder / "mappings" / "larch" / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    place = folder / "mappings" / f"{name}.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    page = run_by_hand(read_library(Layers.over_shipped((folder,))), {}, name, block("document").encode(), CaseCall())
    (record,) = json.loads(page)["transactions"]
    return {name: stripped(child) for name, child in record.items()}


@pytest.mark.parametrize("fields", [text for kind, text in BLOCKS if kind == "fields"])
def test_the_examples_make_what_the_page_says(tmp_path: pathlib.Path, fields: str) -> None:
    whole = yaml.safe_load(block("mapping"))
    whole["fields"] |= yaml.safe_load(fields)
    record = run(tmp_path, MAPPING, yaml.safe_dump(whole, sort_keys=False))
    wanted = expected(fields)
    assert wanted
    assert {field: record[field] for field in wanted} == wanted


def test_the_file_of_the_page_is_a_mapping(tmp_path: pathlib.Path) -> None:
    record = run(tmp_path, MAPPING, block("mapping"))
    assert record["amount"] == {"value": "-1204.50", "currency": "EUR"}


def test_the_overlay_of_the_page_differs_where_it_says(tmp_path: pathlib.Path) -> None:
    overlay = block("overlay")
    record = run(tmp_path, "larch/quay/transactions.list", overlay)
    wanted = expected(overlay)
    assert {field: record[field] for field in wanted} == wanted
    assert record["amount"] == {"value": "-1204.50", "currency": "EUR"}
    assert record["source"]["mapping"] == "larch/quay/transactions.list@2"


def test_the_page_tells_of_every_operator_and_conversion_and_is_no_book() -> None:
    words = set(re.findall(r"[a-z_]+", PAGE))
    assert words >= OPERATORS | set(CONVERSIONS)
    assert len(PAGE.splitlines()) <= 200
