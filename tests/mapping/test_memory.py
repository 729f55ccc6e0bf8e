"""Files are read again: what did not change is the very same, what changed anywhere below is made anew."""

import pathlib

import pytest

from gateway.files import Layers, Refused, shipped
from gateway.mapping.code import CompiledMapping
from gateway.mapping.library import read_library

BASE = "uk_openbanking/accounts.list"
OVERLAY = "mapping: uk_openbanking/{bank}/accounts.list\nextends: uk_openbanking/accounts.list\nversion: {version}\n"


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """One dialect's accounts, and two banks that say the same of them, and a third."""
    (tmp_path / "mappings/uk_openbanking").mkdir(parents=True)
    for name in ("canonical", "mapping.schema.json"):
        (tmp_path / "mappings" / name).symlink_to(shipped() / "mappings" / name)
    for place in (shipped() / "mappings/uk_openbanking").glob("*/shapes"):
        target = tmp_path / "mappings/uk_openbanking" / place.parent.name / "shapes"
        target.mkdir(parents=True)
        for shape in place.glob("*.yaml"):
            (target / shape.name).write_text(shape.read_text())
    base = shipped() / f"mappings/{BASE}.yaml"
    (tmp_path / f"mappings/{BASE}.yaml").write_text(base.read_text())
    for bank, label in (("one", "same"), ("two", "same"), ("three", "other")):
        write(tmp_path, bank, label)
    return tmp_path


def write(root: pathlib.Path, bank: str, label: str, version: int = 1) -> None:
    path = root / f"mappings/uk_openbanking/{bank}/accounts.list.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(OVERLAY.format(bank=bank, version=version) + f"fields: {{label: {{const: {label}}}}}\n")


def compiled(root: pathlib.Path) -> dict[str, CompiledMapping]:
    return {name.split("/")[1]: one for name, one in read_library(Layers((root,)).hold()).mappings.items()}


def test_what_did_not_change_is_not_made_again(root):
    first = compiled(root)
    write(root, "three", "changed")
    second = compiled(root)
    assert [name for name in first if first[name] is second[name]] == ["accounts.list", "one", "two"]
    assert "'changed'" in second["three"].quick.source or "changed" in second["three"].quick.constants.values()


def test_banks_that_say_the_same_share_code_under_their_own_names(root):
    write(root, "two", "same", version=7)
    found = compiled(root)
    assert found["one"].quick is found["two"].quick is not found["three"].quick
    assert [(found[bank].file.name, found[bank].file.version) for bank in ("one", "two")] == [
        ("uk_openbanking/one/accounts.list", 1),
        ("uk_openbanking/two/accounts.list", 7),
    ]


def test_a_change_below_counts_in_all_that_stands_on_it(root):
    first = compiled(root)
    base = root / f"mappings/{BASE}.yaml"
    base.write_text(base.read_text().replace("empty:", "empty: [unheard-of]\n#") + "\n# and a comment\n")
    if "unheard-of" not in base.read_text():
        base.write_text(base.read_text() + "empty: [unheard-of]\n")
    second = compiled(root)
    assert not [name for name in first if first[name].quick is second[name].quick]
    for shape in (root / "mappings/uk_openbanking").glob("*/shapes/accounts.yaml"):
        shape.write_text(shape.read_text() + "\n# nothing else\n")
    third = compiled(root)
    assert not [name for name in first if second[name] is third[name]]


def test_what_is_refused_is_refused_again_and_leaves_what_was_known(root):
    first = compiled(root)
    good = (root / "mappings/uk_openbanking/three/accounts.list.yaml").read_text()
    for _ in range(2):
        (root / "mappings/uk_openbanking/three/accounts.list.yaml").write_text(good.replace("label", "lable"))
        with pytest.raises(Refused, match="did you mean 'label'"):
            compiled(root)
    (root / "mappings/uk_openbanking/three/accounts.list.yaml").write_text(good)
    assert compiled(root) == first
    assert compiled(root)["three"] is first["three"]


def test_a_name_that_its_place_does_not_say_is_refused_though_the_code_is_known(root):
    compiled(root)
    path = root / "mappings/uk_openbanking/two/accounts.list.yaml"
    path.write_text(path.read_text().replace("uk_openbanking/two/", "uk_openbanking/one/"))
    with pytest.raises(Refused, match=r"the file's place says 'uk_openbanking/two/accounts.list'"):
        compiled(root)
