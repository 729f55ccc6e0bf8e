"""Processes of ours: started with a log file, waited for by what they print, and ended with us, whatever happens.

On Linux the kernel ends a child when its parent dies, even of SIGKILL; a child is in a session of its own, so that
Ctrl-C reaches only the parent, which ends its children in order.
"""

import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

_START_SECONDS = 30.0
_END_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_LAST_LINES = 5
_PR_SET_PDEATHSIG = 1
_Found = TypeVar("_Found")


class ChildFailed(Exception):
    """A process ended, or did not begin; the message has the last lines that it wrote."""


class Child:
    """One process. What it prints and logs goes to `log`."""

    def __init__(self, name: str, arguments: Iterable[str], log: pathlib.Path) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as written:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own modules
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Safe here: whoever starts children has no threads, and what runs between fork and exec is one call.
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def first(self, look: Callable[[str], _Found | None]) -> _Found:
        """What `look` finds in the first line of the log in which it finds something. Raises ChildFailed."""
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            running = self.running
            for line in self.log.read_text(errors="replace").splitlines():
                found = look(line)
                if found is not None:
                    return found
            if not running:
                raise ChildFailed(f"{self.name} ended with code {self._process.returncode}{self._last_words()}")
            time.sleep(_LOOK_SECONDS)
        raise ChildFailed(f"{self.name} was not ready after {_START_SECONDS:.0f} seconds{self._last_words()}")

    def tell(self, number: signal.Signals) -> None:
        """Sends a signal; nothing where it has ended."""
        if self.running:
            self._process.send_signal(number)

    def wait(self, seconds: float = _END_SECONDS) -> int:
        """Its exit code; it is killed where it does not end in time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _last_words(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return f": {'; '.join(lines[-_LAST_LINES:])}" if lines else ""


def end(children: Iterable[Child]) -> None:
    """Ends processes, all at once: each may take its time to finish, none may take longer."""
    ending = list(children)
    for child in ending:
        child.tell(signal.SIGTERM)
    for child in ending:
        child.wait()


def _die_with(parent: int) -> Callable[[], None] | None:
    """What a child does before it becomes the program: asks the kernel for SIGTERM when its parent dies (prctl(2))."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return ask
