"""A gateway as a process of its own, with its log, its state and its counts at hand."""

import contextlib
import http.client
import json
import os
import pathlib
import queue
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

ROOT = pathlib.Path(__file__).parents[2]
SECONDS = 60.0
Found = TypeVar("Found")


class Running:
    """The process; `root` is the folder that `house.build` wrote, `tree` where the gateway itself is."""

    def __init__(self, root: pathlib.Path, *arguments: str, tree: pathlib.Path = ROOT) -> None:
        self.root = root
        self.lines: list[dict[str, Any]] = []
        self._new: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--settings", "gateway.yaml", *arguments],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(tree)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self.ports: dict[str, int] = {}

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                told = json.loads(line)
            except json.JSONDecodeError:
                told = {"event": "no line of a log", "text": line.decode(errors="replace")}
            self.lines.append(told)
            self._new.put(told)
        self._new.put(None)

    def line(self, event: str) -> dict[str, Any]:
        """The next line of an event."""
        while True:
            told = self._new.get(timeout=SECONDS)
            assert told is not None, f"the gateway ended before it said '{event}': {self.lines[-3:]}"
            if told["event"] == event:
                return told

    def serving(self) -> "Running":
        """Itself, once all doors are open."""
        self.ports = self.line("serving")["ports"]
        return self

    def get(self, listener: str, path: str) -> tuple[int, str]:
        """One request on a connection of its own."""
        with contextlib.closing(self.connection(listener)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def connection(self, listener: str) -> http.client.HTTPConnection:
        """A connection, to be kept or not."""
        port = self.ports[listener]
        if listener != "service":
            return http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        context = ssl.create_default_context(cafile=str(self.root / "secrets/ca.pem"))
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=SECONDS, context=context)

    def state(self) -> dict[str, Any]:
        """What the admin listener tells."""
        found: dict[str, Any] = json.loads(self.get("admin", "/status")[1])
        return found

    def counted(self, series: str) -> float | None:
        """One number of /metrics."""
        for line in self.get("health", "/metrics")[1].splitlines():
            name, _, number = line.rpartition(" ")
            if name == series:
                return float(number)
        return None

    def calls(self) -> float:
        """How many calls were answered, by all workers together."""
        return (
            self.counted('gateway_http_request_duration_seconds_count{route="open-banks",method="GET",status="200"}')
            or 0
        )

    def pids(self) -> list[int]:
        """Of the workers that take calls."""
        return [worker["pid"] for worker in self.state()["workers"] if worker["state"] == "serving"]

    def close(self) -> None:
        """Ends it, if it has not ended; nothing of it is left."""
        if self.process.poll() is None:
            self.end()
        self._reading.join(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


def until(look: Callable[[], Found | None]) -> Found:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


def alive(pid: int) -> bool:
    """Whether a process exists and has not ended."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@contextlib.contextmanager
def running(root: pathlib.Path, *arguments: str) -> Iterator[Running]:
    """A gateway that serves while the context lasts; afterwards nothing of it is left."""
    made = Running(root, *arguments)
    try:
        yield made.serving()
    finally:
        made.close()
