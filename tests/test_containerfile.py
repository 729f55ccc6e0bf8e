"""The image's recipe: linted, pinned by the locks, and its steps run to a gateway that serves from a read-only tree."""

import base64
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from tests.containerfile import ROOT, Image, pins, stages, unprivileged

LOCKS = ("requirements-runtime.lock", "requirements-build.lock", "requirements-chart.lock")
OURS = "bank-integration-gateway"
SETTINGS = """\
listeners:
  service:
    address: 127.0.0.1:0
    tls: {certificate: "file:server.pem", key: "file:server.key", client_ca: "file:ca.pem"}
  admin: {address: "127.0.0.1:0"}
secrets: ../secrets
keys: {ids: "file:ids.key", cursors: ["file:cursors.key"], hashes: "file:hashes.key"}
"""


@pytest.mark.parametrize("lock", LOCKS)
def test_every_lock_has_hashes_and_the_developers_versions(lock: str) -> None:
    text = (ROOT / lock).read_text()
    told = re.findall(r"^\S+==.*(?:\n {4}\S.*)*", text, re.MULTILINE)
    assert told
    assert [one for one in told if "--hash=sha256:" not in one] == []
    developers = pins("requirements.lock")
    assert {name: version for name, version in pins(lock).items() if developers.get(name, version) != version} == {}


def test_no_tool_of_developers_is_in_the_image() -> None:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=\[]", one)[0] for one in project["dependencies"]}
    held = set(pins("requirements-runtime.lock"))
    assert wanted <= held
    assert {"pytest", "mypy", "hypothesis", "ruff", "trustme"} & held == set()


def test_the_image_says_what_it_is_and_runs_as_nobody() -> None:
    [base] = [each.rest for each in stages()["before"]]
    assert re.fullmatch(r"PYTHON_IMAGE=\S+:\d+\.\d+\.\d+-\S+", base), "an exact version"
    image = {each.word: each for each in stages()["image"]}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f'image.version="{version}"' in image["LABEL"].rest
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", image["USER"].rest)
    assert image["STOPSIGNAL"].rest == "SIGTERM"
    assert not re.search(r"key|secret|password|token", image["ENV"].rest, re.IGNORECASE)
    assert "RUN" not in image, "the last stage only takes what others made"


def test_a_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for instructions in stages().values()
        for each in instructions
        if each.word == "COPY" and not each.rest.startswith("--from")
        for source in each.rest.split()[:-1]
    }
    assert sent == copied


def test_it_is_linted() -> None:
    hadolint = shutil.which("hadolint", path=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("hadolint is not installed: make setup-chart")
    done = subprocess.run(
        [hadolint, "--format", "json", ROOT / "Containerfile"], capture_output=True, timeout=60, check=False
    )
    assert json.loads(done.stdout) == []
    assert done.returncode == 0


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """All steps done, then no one may write; pytest's own folder could not be entered by another user."""
    with tempfile.TemporaryDirectory(prefix="image-", ignore_cleanup_errors=True) as folder:
        root = pathlib.Path(folder)
        root.chmod(0o755)
        image = Image(root)
        _mount_settings(image)
        for path in [root, *root.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o555 | 0o444)
        yield image
        for path in [root, *root.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)


def _mount_settings(image: Image) -> None:
    """What an operator mounts."""
    mounted = image.path("/etc/gateway")
    (mounted / "settings").mkdir()
    (mounted / "settings/gateway.yaml").write_text(SETTINGS)
    held = mounted / "secrets"
    held.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(held / "ca.pem")
    leaf = authority.issue_cert("localhost")
    leaf.cert_chain_pems[0].write_to_path(held / "server.pem")
    leaf.private_key_pem.write_to_path(held / "server.key")
    for name in ("ids", "cursors", "hashes"):
        (held / f"{name}.key").write_bytes(base64.b64encode(secrets.token_bytes(32)))


def _command(image: Image, *words: str) -> list[str]:
    """As the engine would find it: the first word by the image's own PATH."""
    first = shutil.which(words[0], path=image.environment()["PATH"])
    assert first is not None, words
    return [first, *words[1:]]


def _tree(root: pathlib.Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in root.rglob("*")}


def test_it_holds_the_wheel_and_the_lock_and_nothing_else(image: Image) -> None:
    code = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
    done = subprocess.run(
        _command(image, "python", "-c", code),
        env=image.environment(),
        cwd=image.path(image.folder),
        capture_output=True,
        timeout=60,
        check=True,
        **unprivileged(),
    )
    held = {re.sub(r"[-_.]+", "-", name).lower() for name in json.loads(done.stdout)}
    assert held == {OURS, *pins("requirements-runtime.lock")}
    for package in ("gateway", "adapters"):
        [site] = image.path("/opt/gateway/lib").glob("python3*/site-packages")
        sources = {path.stem for path in (site / package).glob("*.py")}
        assert sources == {path.name.partition(".")[0] for path in (site / package / "__pycache__").iterdir()}


def test_it_serves_is_healthy_and_stops_without_writing_a_file(image: Image) -> None:
    before = _tree(image.root)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # As `--env` would: another gateway may have the image's port on this machine.
    settings = {**image.environment(), "GATEWAY_HEALTH_ADDRESS": f"127.0.0.1:{port}", "TMPDIR": "/nowhere"}
    place: dict[str, Any] = {"env": settings, "cwd": image.path(image.folder), **unprivileged()}
    words = [*image.last("ENTRYPOINT").values(), *image.last("CMD").values()]
    health = _command(image, *json.loads(image.last("HEALTHCHECK").rest.partition(" CMD ")[2]))
    serving = subprocess.Popen(
        _command(image, *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **place
    )
    try:
        assert serving.stdout is not None
        told = []
        for line in serving.stdout:
            told.append(line)
            if '"serving"' in line:
                break
        assert serving.poll() is None, told
        healthy = subprocess.run(health, capture_output=True, timeout=30, check=False, **place)
        assert healthy.returncode == 0, healthy.stderr
        serving.send_signal(getattr(signal, image.last("STOPSIGNAL").rest))
        assert serving.wait(30) == 0
    finally:
        serving.kill()
        serving.communicate()
    assert subprocess.run(health, capture_output=True, timeout=30, check=False, **place).returncode != 0
    assert _tree(image.root) == before


def test_its_user_may_not_write_in_it(image: Image) -> None:
    done = subprocess.run(
        _command(image, "python", "-c", "open('/opt/gateway/new', 'w')".replace("/opt", str(image.path("/opt")))),
        env=image.environment(),
        capture_output=True,
        timeout=30,
        check=False,
        **unprivileged(),
    )
    assert b"PermissionError" in done.stderr
