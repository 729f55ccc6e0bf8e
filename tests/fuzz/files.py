"""Files that people edit: policies, mappings, shapes, banks, settings."""

import atexit
import pathlib
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from unittest.mock import patch

import jsonschema

from gateway import settings
from gateway.banks.registry import read_banks
from gateway.files import Layers, Problem, Refused, read_yaml, shipped
from gateway.mapping import library
from gateway.mapping.target import Contract, read_contract
from gateway.routes import read
from tests.app.house import SETTINGS
from tests.banks.files import DIALECTS, PLAIN
from tests.fuzz.target import Target, mutated
from tests.mapping.laboratory import ACCOUNTS, SHAPES, TRANSACTIONS, place

TESTS = pathlib.Path(__file__).parents[1]
WORDS = [
    *(b"null", b"~", b"yes", b"0x1", b"1e9", b"- ", b": ", b"{", b"}", b"[", b"]", b"\n  ", b"\n", b"\t", b"#", b"'"),
    *(b"&a ", b"*a", b"<<: ", b"!!python/object:os.system ", b"!x ", b"? ", b"|\n", b">\n", b"---\n", b"%YAML 1.1\n"),
    *(b"\xef\xbb\xbf", b"\xff", b"\xc2\x85", b"\0", b"\xe2\x80\xa8", b'"\\ud800"', b"9" * 30, b"- - - - - - - - "),
    *(b"$.rows[*]", b"$", b"path: ", b"const: ", b"each: ", b"when: ", b"fields: ", b"join: ", b"first: ", b"lookup: "),
    *(
        b"name: ",
        b"filters: ",
        b"extends: ",
        b"version: ",
        b"type: ",
        b"- {name: jwt}",
        b"{x*}",
        b"/{id}",
        b"%2f",
        b"//",
    ),
]
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def have_places(problems: tuple[Problem, ...], name: str, content: bytes) -> None:
    """Each names a file, and a line and column that the file has; each is one line of text."""
    assert problems
    # Other readers end lines at more characters than "\n": none counts fewer.
    lines = len(content.decode("utf-8", "replace").splitlines()) + content.count(b"\n") + 1
    for problem in problems:
        assert problem.message
        assert "\n" not in str(problem)
        assert problem.column >= 1
        assert problem.line >= 1
        if problem.file.endswith(name):
            assert problem.line <= lines, problem


def file(name: str, path: pathlib.Path, load: Callable[[], object]) -> Callable[[bytes], None]:
    """The judgement of one file that is read with everything around it."""

    def judge(content: bytes) -> None:
        path.write_bytes(content)
        try:
            load()
        except Refused as refused:
            have_places(refused.problems, name, content)

    return judge


def _seeds(folder: str, *more: str) -> list[bytes]:
    return [*(one.encode() for one in more), *(path.read_bytes() for path in sorted((TESTS / folder).glob("*.yaml")))]


def _policy() -> Target:
    root = FOLDER / "policy"
    (root / "policies").mkdir(parents=True)
    path, layers = root / "policies" / "one.yaml", Layers((root,))
    shipping = [one.read_bytes() for one in sorted((shipped() / "policies").glob("*.yaml"))]
    return Target(
        "policy_files",
        "a policy file is taken, or refused with places; nothing else happens",
        mutated([*shipping, *_seeds("routes/refused")], WORDS),
        file("one.yaml", path, lambda: read(layers)),
        30,
    )


@cache
def _contract() -> Contract:
    return read_contract(Layers.over_shipped())


def _compile(layers: Layers) -> None:
    """What ships beside the file is the same each time, and reading it is most of what compiling costs."""
    with (
        patch.object(library, "read_contract", lambda _layers: _contract()),
        patch.object(jsonschema.Draft202012Validator, "check_schema"),
    ):
        library.read_library(layers)


def _mapping(name: str, seeds: list[bytes], relative: str) -> Target:
    root = FOLDER / name
    layers = place(root, TRANSACTIONS, ACCOUNTS)
    path = root / "mappings" / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    return Target(
        name,
        "a mapping's file is compiled, or refused with places; nothing else happens",
        mutated(seeds, WORDS),
        file(path.name, path, lambda: _compile(layers)),
        25,
    )


def _read_banks(layers: Layers) -> None:
    with patch.object(jsonschema.Draft202012Validator, "check_schema"):
        read_banks(layers, DIALECTS)


def _banks() -> Target:
    root = FOLDER / "banks"
    (root / "adapters/banks").mkdir(parents=True)
    (root / "mappings").mkdir()
    (root / "mappings/canonical").symlink_to(shipped() / "mappings/canonical")
    (root / "adapters/banks/albion.yaml").write_text(PLAIN)
    path, layers = root / "adapters/banks/one.yaml", Layers((root,))
    shipping = [one.read_bytes() for one in sorted((shipped() / "adapters/banks").glob("*.yaml"))[:12]]
    return Target(
        "bank_files",
        "a bank's file is taken, or refused with places; nothing else happens",
        mutated([PLAIN.encode(), *shipping], WORDS),
        file("one.yaml", path, lambda: _read_banks(layers)),
        25,
    )


def _settings() -> Target:
    root = FOLDER / "settings"
    (root / "secrets").mkdir(parents=True)
    (root / "files").mkdir()
    path = root / "gateway.yaml"
    return Target(
        "settings_files",
        "a settings file is taken, or refused with places; nothing else happens",
        mutated([SETTINGS.encode()], WORDS),
        file("gateway.yaml", path, lambda: settings.load({}, path)),
        15,
    )


def _judge_yaml(content: bytes) -> None:
    loaded, problems = read_yaml("one.yaml", content)
    assert loaded is not None or problems
    if problems:
        have_places(tuple(problems), "one.yaml", content)


def targets() -> list[Target]:
    """All of them."""
    return [
        Target(
            "yaml",
            "text is read, or refused with places; aliases, tags and depth never expand",
            mutated([SETTINGS.encode(), *_seeds("mapping/refused"), *_seeds("routes/refused")], WORDS),
            _judge_yaml,
            50,
        ),
        _policy(),
        _mapping(
            "mapping_files", _seeds("mapping/refused", TRANSACTIONS, ACCOUNTS), "testing/one/transactions.list.yaml"
        ),
        _mapping("shape_files", _seeds("mapping/refused/shapes", *SHAPES.values()), "testing/1/shapes/rows.yaml"),
        _banks(),
        _settings(),
    ]
