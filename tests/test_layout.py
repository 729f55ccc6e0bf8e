"""Rules of style that can be tests: docstrings, mirrored tests, unique codes, documented filters, import contracts."""

import ast
import pathlib
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from gateway import errors

ROOT = pathlib.Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = sorted(path.relative_to(ROOT) for folder in ("gateway", "adapters") for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))
# Suites of their own: what they test is no single module.
SUITES = ("tests/e2e", "tests/corpus", "tests/bench", "tests/fuzz", "tests/helm")
WHOLE = frozenset(
    {
        "tests/test_canonical.py",  # mappings/canonical
        "tests/test_containerfile.py",  # Containerfile
        "tests/test_layout.py",
        "tests/test_readme.py",
        "tests/test_wheel.py",
    }
)
MOST_LINES, MANY_LINES, USUAL_LINES = 400, 300, 110
VAGUE = frozenset(
    {"utils", "util", "helpers", "helper", "misc", "common", "manager", "managers", "base", "core", "lib"}
)


def test_a_module_opens_with_its_rule() -> None:
    silent = [module for module in MODULES if not ast.get_docstring(ast.parse((ROOT / module).read_text()))]
    assert silent == [], "a module opens with a docstring that states its rule"


def test_a_module_is_one_idea_and_most_are_short() -> None:
    lengths = {module: len((ROOT / module).read_text().splitlines()) for module in MODULES}
    assert {module: length for module, length in lengths.items() if length > MOST_LINES} == {}, "this is two ideas"
    assert sorted(lengths.values())[len(lengths) // 2] < USUAL_LINES
    assert sum(length > MANY_LINES for length in lengths.values()) <= len(lengths) // 20


def test_a_name_says_what_is_in_it() -> None:
    assert [module for module in MODULES if module.stem in VAGUE] == []


def test_a_test_mirrors_what_it_tests() -> None:
    astray = []
    for test in TESTS:
        if test.as_posix() in WHOLE or test.as_posix().startswith(SUITES):
            continue
        below = test.relative_to("tests")
        candidates = _mirrored(below.with_name(below.name.removeprefix("test_")))
        if not any((ROOT / path).exists() for path in candidates):
            astray.append(test)
    assert astray == [], "each should be called like the module that it tests"


def _mirrored(named: pathlib.Path) -> Iterator[pathlib.Path]:
    """What a test may mirror: a module or package of its own path, a YAML of it, or documentation of its name."""
    for root in ("gateway", "."):
        yield pathlib.Path(root, named)
        yield pathlib.Path(root, named.with_suffix(""))
        yield pathlib.Path(root, named.with_suffix(".md"))
    # A dialect's tests may stand flat: test_<dialect>_<module>.py.
    for dialect in (ROOT / "adapters").iterdir():
        if dialect.is_dir() and named.stem.startswith(f"{dialect.name}_"):
            yield pathlib.Path("adapters", dialect.name, f"{named.stem.removeprefix(f'{dialect.name}_')}.py")


def test_every_code_of_an_error_is_its_own() -> None:
    codes = Counter(kind.code for kind in errors.kinds())
    assert len(codes) > 20
    assert [code for code, count in codes.items() if count > 1] == []


def test_every_filter_is_documented() -> None:
    schema = orjson.loads((ROOT / "policies/policy.schema.json").read_bytes())
    listed = schema["$defs"]["filters"]["items"]["properties"]["name"]["enum"]
    for name in listed:
        assert (ROOT / "gateway/filters" / f"{name}.py").is_file()
        described = schema["$defs"][name]
        assert described["description"], name
        for setting, form in described["properties"].items():
            if setting != "name":
                target = schema["$defs"][form["$ref"].rpartition("/")[2]] if "$ref" in form else form
                assert "description" in form or "description" in target or setting == "windows", f"{name}.{setting}"


def test_every_setting_is_described() -> None:
    def undescribed(schema: dict[str, Any], at: str) -> Iterator[str]:
        for name, child in schema.get("properties", {}).items():
            if "description" not in child:
                yield f"{at}.{name}"
            yield from undescribed(child, f"{at}.{name}")

    for file in ("gateway/settings.schema.json", "adapters/banks/bank.schema.json"):
        assert list(undescribed(orjson.loads((ROOT / file).read_bytes()), file)) == []


def test_import_contracts_hold_every_package() -> None:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    [floors] = [one for one in contracts if one["type"] == "layers"]
    assert floors["exhaustive"]
    forbidden = {
        name: set(one["forbidden_modules"])
        for one in contracts
        if one["type"] == "forbidden"
        for name in one["source_modules"]
    }
    assert forbidden["gateway"] == {"adapters"}
    packages = {f"gateway.{path.stem}" for path in (ROOT / "gateway").iterdir() if path.suffix in {"", ".py"}}
    packages -= {"gateway.__init__", "gateway.__pycache__", "gateway.contract", "gateway.errors"}
    assert packages - forbidden["adapters"] == set(), "an adapter may import the contract and the errors only"


def test_nothing_shipped_names_another_place() -> None:
    """What ships stands alone: no path of the machine that it was written on."""
    for folder in ("gateway", "adapters", "mappings", "policies", "docs", "helm"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".yaml", ".json", ".md"}:
                text = path.read_text()
                assert str(ROOT) not in text, path
                assert "../shared" not in text, path
