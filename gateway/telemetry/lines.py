"""Lines to a stream from a thread of their own: whoever writes a line never waits for the reader of the stream.

At most `BOUND` lines wait; more are counted and lost, for a gateway that stands still because nobody reads its log is
worse. Lines are gathered for a moment and leave in one write; what waits is written at close, and at interpreter exit.
"""

import atexit
import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO

BOUND = 20_000
_GATHER = 0.05


class LineWriter:
    """Takes whole lines (bytes that end with a newline) from any thread; `form` gives each its form when written.

    Processes that write to one stream have the `lock` of one file (a descriptor): a pipe keeps only short writes whole.
    """

    def __init__(self, stream: BinaryIO, form: Callable[[bytes], bytes] = bytes, lock: int | None = None) -> None:
        self.dropped = 0
        self._lock = lock
        self._stream = stream
        self._form = form
        self._lines: deque[bytes | threading.Event] = deque()
        self._waiting = threading.Event()
        self._urgent = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._write_all, name="log-lines", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def put(self, line: bytes) -> None:
        """Hands over a line, or counts it as dropped."""
        if len(self._lines) >= BOUND or self._closing:
            self.dropped += 1
            return
        self._lines.append(line)
        if not self._waiting.is_set():
            self._waiting.set()

    def flush(self, seconds: float = 2.0) -> bool:
        """Waits until all lines put before are with the operating system; False when that took too long."""
        reached = threading.Event()
        self._lines.append(reached)
        self._urgent.set()
        self._waiting.set()
        return reached.wait(seconds)

    def close(self, seconds: float = 2.0) -> None:
        """Writes what waits, within a bound, and ends the thread."""
        atexit.unregister(self.close)
        self._closing = True
        self._urgent.set()
        self._waiting.set()
        self._thread.join(seconds)

    def _write_all(self) -> None:
        while not self._closing or self._lines:
            self._waiting.wait()
            self._urgent.wait(_GATHER)
            # Cleared before the lines are taken: a line that is put from here on wakes the thread again.
            self._urgent.clear()
            self._waiting.clear()
            self._write_waiting()

    def _write_waiting(self) -> None:
        lines: list[bytes] = []
        reached: list[threading.Event] = []
        while self._lines:
            taken = self._lines.popleft()
            if isinstance(taken, bytes):
                lines.append(self._form(taken))
            else:
                reached.append(taken)
        try:
            with self._alone():
                self._stream.write(b"".join(lines))
                self._stream.flush()
        except (OSError, ValueError):
            # The reader is gone, or the stream closed: nothing can be told where it would be told.
            self.dropped += len(lines)
        for event in reached:
            event.set()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process writes meanwhile; one that dies lets go."""
        if self._lock is None:
            yield
            return
        os.lockf(self._lock, os.F_LOCK, 0)
        try:
            yield
        finally:
            os.lockf(self._lock, os.F_ULOCK, 0)
