"""Every fenced block of the README is run, in its order, as a reader would: in two shells, beside the checkout.

`console`: each `$ command` is run, and the lines below it must be found in what it prints. A command that stays up is
left running once its lines are there. `yaml`: written to the file that its first line names. `text` is a picture.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STAYS = ("gateway demo", "gateway serve", "make demo")
SECONDS = 120
HEALTH_PORT = re.compile(r'"health":(\d+)')


def blocks() -> list[tuple[str, str]]:
    """(kind, content) of all fenced blocks."""
    return BLOCK.findall(README)


def commands(content: str) -> Iterator[tuple[str, list[str]]]:
    """(command, lines that must be found) of a console block."""
    found: list[tuple[str, list[str]]] = []
    for line in content.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return iter(found)


class Reader:
    """A reader's folder, which looks like the checkout, and what the reader has set and started."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        for entry in ROOT.iterdir():
            if entry.name not in {".git", ".venv", "dist"}:
                (folder / entry.name).symlink_to(entry)
        # The environment that the tests run in is the one that `make setup` would have made.
        (folder / ".venv").symlink_to(sys.prefix)
        self.environment = {
            **os.environ,
            # `serve` takes any free ports here: another gateway may run on this machine.
            "GATEWAY_SERVICE_ADDRESS": "127.0.0.1:0",
            "GATEWAY_ADMIN_ADDRESS": "127.0.0.1:0",
            "GATEWAY_HEALTH_ADDRESS": "127.0.0.1:0",
        }
        self.read: list[str] = []
        self.health_port = "8081"
        self._staying: list[subprocess.Popen[bytes]] = []

    def write(self, content: str) -> None:
        name = content.splitlines()[0].removeprefix("# ")
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def run(self, command: str, expected: list[str]) -> None:
        if command.startswith("make setup"):
            # Done already where tests run; what it would do must be known to make.
            command = "make --dry-run --always-make setup"
        if command.startswith(STAYS):
            self._stay(command, expected)
            return
        script = "\n".join(["set -e", *self.read, command.replace("localhost:8081", f"localhost:{self.health_port}")])
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        for line in expected:
            assert line in done.stdout, (command, line, done.stdout, done.stderr)
        if command.startswith(". "):
            self.read.append(command)

    def _stay(self, command: str, expected: list[str]) -> None:
        """Runs until the lines are there; `make demo` then ends, for what follows is another demo."""
        log = self.folder / f"log-{len(self._staying)}"
        with log.open("wb") as written:
            process = subprocess.Popen(
                # `make demo` would first make the environment, which is there.
                [
                    "bash",
                    "-c",
                    "\n".join([*self.read, f"exec {command.replace('make demo', '.venv/bin/gateway demo')}"]),
                ],
                cwd=self.folder,
                env=self.environment,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._staying.append(process)
        until = time.monotonic() + SECONDS
        while not all(line in log.read_text() for line in expected):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        if command == "make demo":
            process.send_signal(signal.SIGINT)
            assert process.wait(SECONDS) == 0, log.read_text()
        port = HEALTH_PORT.search(log.read_text())
        self.health_port = port[1] if port else self.health_port

    def leave(self) -> None:
        """Ends what was started."""
        for process in self._staying:
            process.terminate()
        for process in self._staying:
            process.wait(30)


@pytest.fixture
def reader(tmp_path: pathlib.Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.leave()


@pytest.mark.timeout(400)
@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "make", "curl", "openssl"))),
    reason="the README wants bash, make, curl and openssl: install them",
)
def test_every_block_does_what_it_says(reader: Reader) -> None:
    for kind, content in blocks():
        match kind:
            case "console":
                for command, expected in commands(content):
                    reader.run(command, expected)
            case "yaml":
                reader.write(content)
            case "text":
                continue
            case _:
                raise AssertionError(f"a block of kind {kind!r} is run by nobody: {content}")


def test_it_takes_ten_minutes() -> None:
    assert len(README.splitlines()) <= 200
    assert len(README.split()) < 2000


def test_what_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
