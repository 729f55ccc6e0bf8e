import pathlib

import pytest

from gateway.files import Layers, shipped
from gateway.files.layers import SHIPPED


def write(root: pathlib.Path, **files: str) -> pathlib.Path:
    for name, text in files.items():
        path = root / "policies" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_what_ships_is_there():
    assert all((shipped() / folder).is_dir() for folder in SHIPPED)
    assert Layers.over_shipped().roots == (shipped(),)


def test_a_later_layers_file_hides_an_earlier_one(tmp_path):
    below = write(tmp_path / "below", one="a: 1", two="a: 2")
    above = write(tmp_path / "above", two="a: 3", three="a: 4")
    found = Layers((below, above)).find("policies", "*.yaml")
    assert list(found.items()) == [
        ("policies/one.yaml", below / "policies/one.yaml"),
        ("policies/three.yaml", above / "policies/three.yaml"),
        ("policies/two.yaml", above / "policies/two.yaml"),
    ]
    assert Layers((below, above)).locate("policies/two.yaml") == above / "policies/two.yaml"
    assert Layers((below, above)).locate("policies/four.yaml") is None


def test_a_config_map_is_read_through_its_links_once(tmp_path):
    held = write(tmp_path / "policies" / "..2026_11_22", one="a: 1")
    (tmp_path / "policies" / "..data").symlink_to("..2026_11_22")
    (tmp_path / "policies" / "one.yaml").symlink_to("..data/policies/one.yaml")
    assert list(Layers((tmp_path,)).find("policies", "**/*")) == ["policies/one.yaml"]
    loaded, problems = Layers((tmp_path,)).read(tmp_path / "policies/one.yaml")
    assert loaded is not None
    assert (loaded.value, problems, held.is_dir()) == ({"a": 1}, [], True)


def test_problems_name_what_ships_from_its_root_and_the_operators_files_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path, one="a: NO"))
    layers = Layers.over_shipped((pathlib.Path(),))
    assert layers.display(shipped() / "policies" / "service.yaml") == "policies/service.yaml"
    _, (problem,) = layers.read(pathlib.Path("policies/one.yaml"))
    assert str(problem).startswith("policies/one.yaml:1:4 a: 'NO': ")


@pytest.mark.parametrize(
    ("make", "why"),
    [(lambda _: None, "No such file or directory"), (pathlib.Path.mkdir, "Is a directory")],
)
def test_a_file_that_can_not_be_opened_is_a_problem(tmp_path, make, why):
    make(tmp_path / "gone.yaml")
    loaded, (problem,) = Layers((tmp_path,)).read(tmp_path / "gone.yaml")
    assert loaded is None
    assert str(problem) == f"gone.yaml:1:1 can not be read: {why}"


def test_layers_that_are_held_stay_as_they_were(tmp_path):
    below = write(tmp_path / "below", one="a: 1", two="a: 2")
    above = write(tmp_path / "above", two="a: 3")
    (above / "policies" / "..data").mkdir()
    (above / "policies" / "..data" / "hidden.yaml").write_text("a: 9")
    (above / "policies" / "linked").symlink_to(below / "policies")
    layers = Layers((below, above))
    held = layers.hold()
    found = layers.find("policies", "*.yaml")
    assert held.find("policies", "*.yaml") == found
    assert list(held.find("policies", "**/*.yaml")) == [
        *("policies/linked/one.yaml", "policies/linked/two.yaml", "policies/one.yaml", "policies/two.yaml")
    ]
    assert held.find("policies", "*/*.yaml").keys() == {"policies/linked/one.yaml", "policies/linked/two.yaml"}
    (above / "policies/two.yaml").write_text("a: 4")
    (below / "policies/one.yaml").unlink()
    write(below, three="a: 5")
    assert held.find("policies", "*.yaml") == found
    assert held.places("policies/two.yaml") == (above / "policies/two.yaml", below / "policies/two.yaml")
    assert held.locate("policies/three.yaml") is None
    assert [held.content(path) for path in found.values()] == [b"a: 1", b"a: 3"]
    loaded, problems = held.read(below / "policies/one.yaml")
    assert loaded is not None
    assert (loaded.value, problems) == ({"a": 1}, [])


def test_a_link_to_a_folder_above_has_an_end(tmp_path):
    write(tmp_path, one="a: 1")
    (tmp_path / "policies" / "again").symlink_to(tmp_path / "policies")
    assert 1 < len(Layers((tmp_path,)).hold().held or ()) < 20
