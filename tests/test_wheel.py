"""A wheel built from the tree carries all that the gateway needs: the tour runs from it, in an empty folder."""

import json
import os
import pathlib
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]
NAME = "bank_integration_gateway"
DATA = ("gateway", "adapters", "mappings", "policies")
SECONDS = 180


def run(*command: str | pathlib.Path, folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    # Neither the checkout nor the editable install may help.
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    out = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, folder=out)
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The `bin` of a new environment that holds the wheel, and sees the dependencies but not this project."""
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, with_pip=False)
    site = pathlib.Path(sysconfig.get_path("purelib", vars={"base": str(root), "platbase": str(root)}))
    seen = root / "dependencies"
    seen.mkdir()
    for entry in pathlib.Path(sysconfig.get_path("purelib")).iterdir():
        # Files that name this project are its editable install; .pth files would run it.
        if NAME not in entry.name and entry.suffix != ".pth":
            (seen / entry.name).symlink_to(entry)
    (site / "dependencies.pth").write_text(f"{seen}\n")
    installer = [sys.executable, "-m", "pip", "--python", root / "bin/python", "install", "--no-deps", "--no-index"]
    done = run(*installer, "--disable-pip-version-check", wheel, folder=root)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "bin"


def test_the_wheel_holds_every_data_file(wheel: pathlib.Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    for folder in DATA:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".yaml", ".json", ".csv", ".txt"} and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT).as_posix() in inside


def test_what_is_imported_is_the_wheel(environment: pathlib.Path, tmp_path: pathlib.Path) -> None:
    code = "import json, adapters, gateway; print(json.dumps([gateway.__file__, list(adapters.__path__)[0]]))"
    done = run(environment / "python", "-c", code, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    for path in json.loads(done.stdout):
        assert pathlib.Path(path).is_relative_to(environment.parent / "lib"), path


@pytest.mark.timeout(SECONDS + 60)
def test_the_tour_runs_from_an_empty_folder(environment: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = run(environment / "gateway", "demo", "--once", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 12 steps did what they say." in done.stdout
    assert list(tmp_path.iterdir()) == []
