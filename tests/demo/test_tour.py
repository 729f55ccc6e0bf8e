"""The tour as its user runs it: what it says, how it ends, and that nothing is left when it has ended."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from gateway.demo.steps import STEPS

SECONDS = 90
PORT = re.compile(r"(?:localhost|127\.0\.0\.1):(\d+)")


class Tour:
    """`gateway demo` as a process, in an empty folder, with a folder of its own for temporary files."""

    def __init__(self, folder: pathlib.Path, *options: str) -> None:
        self.work, self.temporary = folder / "work", folder / "temporary"
        self.work.mkdir()
        self.temporary.mkdir()
        self.out = folder / "out.txt"
        # The checkout may not be installed where the tests run.
        environment = {
            **os.environ,
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        with self.out.open("wb") as written:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "demo", *options],
                cwd=self.work,
                env=environment,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self, words: str) -> str:
        """All that was said, once these words are among it, or the tour has ended."""
        until = time.monotonic() + SECONDS
        while words not in (text := self.out.read_text()) and self.process.poll() is None:
            assert time.monotonic() < until, text
            time.sleep(0.05)
        return self.out.read_text()

    def children(self) -> list[int]:
        """The processes that it has started and that are there."""
        found = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in found.split()]


@pytest.fixture
def tours() -> Iterator[list[Tour]]:
    """Tours that a test starts; what still runs afterwards is killed."""
    started: list[Tour] = []
    yield started
    for tour in started:
        tour.process.kill()
        tour.process.wait()


def gone(pid: int) -> bool:
    """Whether a process has ended (one that nobody has asked for yet is a zombie)."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until_gone(pids: list[int]) -> None:
    until = time.monotonic() + 15
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < until, [pid for pid in pids if not gone(pid)]
        time.sleep(0.05)


def assert_nothing_listens(text: str) -> None:
    ports = {int(port) for port in PORT.findall(text)}
    assert len(ports) >= 4, text
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_once_shows_every_step_and_leaves_nothing(tmp_path: pathlib.Path, tours: list[Tour]) -> None:
    tour = Tour(tmp_path, "--once")
    tours.append(tour)
    assert tour.process.wait(SECONDS) == 0, tour.out.read_text()
    text = tour.out.read_text()
    for number, step in enumerate(STEPS, 1):
        assert f"{number}/{len(STEPS)} {step.title}" in text
    assert "✗" not in text
    for words in (
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        '"code": "rate_limited"',
        "accounts.list.yaml:5:3 fields.lable",
        "did you mean 'label'?",
        "Everyday of Amelia Hartnell",
        "the caller's span",
        "All 12 steps did what they say.",
    ):
        assert words in text
    assert "\x1b" not in text, "plain where there is no terminal"
    assert list(tour.temporary.iterdir()) == []
    assert list(tour.work.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stays_up_until_it_is_told_to_end(tmp_path: pathlib.Path, tours: list[Tour], number: signal.Signals) -> None:
    kept = tmp_path / "kept"
    tour = Tour(tmp_path, *(["--folder", str(kept)] if number is signal.SIGTERM else []))
    tours.append(tour)
    text = tour.said("-d '")
    assert "It stays up until Ctrl-C." in text
    children = tour.children()
    assert len(children) == 3
    read, *commands = [line.strip() for line in text.splitlines() if line.strip().startswith((". ", "call", "curl"))]
    assert len(commands) == 6
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", f"{read}\n{command} --silent --show-error --fail-with-body"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr, done.stdout)
        assert done.stdout.startswith("{"), command
    tour.process.send_signal(number)
    assert tour.process.wait(SECONDS) == 0, tour.out.read_text()
    assert all(gone(pid) for pid in children)
    assert_nothing_listens(text)
    assert list(tour.temporary.iterdir()) == []
    if kept.exists():
        names = {
            "gateway.yaml",
            "consents.yaml",
            "try.sh",
            "ca.pem",
            "services",
            "banks",
            "secrets",
            "files",
            "logs",
            "reviews",
        }
        assert {path.name for path in kept.iterdir()} == names, "kept, because that was asked for"
        assert (kept / "services/ledger.key").stat().st_mode & 0o077 == 0


def test_ends_with_its_children_when_told_in_the_middle(tmp_path: pathlib.Path, tours: list[Tour]) -> None:
    tour = Tour(tmp_path)
    tours.append(tour)
    tour.said(f"1/{len(STEPS)}")
    children = tour.children()
    assert children
    tour.process.send_signal(signal.SIGTERM)
    assert tour.process.wait(SECONDS) == 130
    assert "gateway: ended before the tour was over" in tour.out.read_text()
    assert "Traceback" not in tour.out.read_text()
    assert all(gone(pid) for pid in children)
    assert list(tour.temporary.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with a parent that is killed")
def test_children_do_not_outlive_a_tour_that_is_killed(tmp_path: pathlib.Path, tours: list[Tour]) -> None:
    tour = Tour(tmp_path)
    tours.append(tour)
    tour.said(f"1/{len(STEPS)}")
    children = tour.children()
    assert len(children) == 3
    tour.process.kill()
    tour.process.wait()
    wait_until_gone(children)


def test_refuses_a_folder_that_holds_something(tmp_path: pathlib.Path, tours: list[Tour]) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/letter.txt").touch()
    tour = Tour(tmp_path, "--once", "--folder", str(tmp_path / "full"))
    tours.append(tour)
    assert tour.process.wait(SECONDS) == 1
    assert tour.out.read_text().strip().splitlines()[-1] == f"gateway: {tmp_path / 'full'} is not empty"


def test_a_step_that_does_not_hold_fails_the_tour(tmp_path: pathlib.Path, tours: list[Tour]) -> None:
    tour = Tour(tmp_path, "--folder", str(tmp_path / "kept"))
    tours.append(tour)
    # A gateway that is gone answers nothing: the step that calls next can not hold.
    tour.said(f"1/{len(STEPS)}")
    gateway = next(pid for pid in tour.children() if b"\0serve\0" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(gateway, signal.SIGKILL)
    assert tour.process.wait(SECONDS) == 1
    last = tour.out.read_text().strip().splitlines()[-1]
    assert last.startswith("gateway: ")
    assert "a call got no answer" in last
    assert list(tour.temporary.iterdir()) == []
