import io
import os
import subprocess
import sys
import threading

import pytest

from gateway.telemetry import lines
from gateway.telemetry.lines import LineWriter


class Gate(io.BytesIO):
    """A reader that stops reading until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.open = threading.Event(), threading.Event()

    def write(self, written: bytes) -> int:  # type: ignore[override]
        self.entered.set()
        self.open.wait(20)
        return super().write(written)


def test_lines_of_many_threads_arrive_whole_and_in_the_order_of_each():
    stream = io.BytesIO()
    writer = LineWriter(stream)

    def put(name: str) -> None:
        for number in range(500):
            writer.put(f"{name} {number}\n".encode())

    threads = [threading.Thread(target=put, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush()
    written = stream.getvalue().decode().splitlines()
    writer.close()
    assert len(written) == 2000
    for name in "abcd":
        assert [line for line in written if line[0] == name] == [f"{name} {number}" for number in range(500)]


def test_a_line_is_written_soon_without_being_asked_for():
    read, write = os.pipe()
    with os.fdopen(write, "wb") as stream, os.fdopen(read, "rb") as reader:
        writer = LineWriter(stream)
        writer.put(b"one\n")
        assert reader.readline() == b"one\n"
        writer.put(b"two\n")
        assert reader.readline() == b"two\n"
        writer.close()


def test_a_reader_that_stops_costs_lines_and_never_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lines, "BOUND", 100)
    stream = Gate()
    writer = LineWriter(stream)
    writer.put(b"first\n")
    assert stream.entered.wait(5)
    for number in range(150):
        writer.put(b"%d\n" % number)
    assert writer.dropped == 50
    assert not writer.flush(0.05)
    stream.open.set()
    assert writer.flush()
    assert stream.getvalue().splitlines() == [b"first", *(b"%d" % number for number in range(100))]
    writer.close()


def test_close_writes_what_waits_and_counts_what_comes_later():
    stream = io.BytesIO()
    writer = LineWriter(stream)
    writer.put(b"waits\n")
    writer.close()
    assert stream.getvalue() == b"waits\n"
    writer.put(b"late\n")
    assert writer.dropped == 1


def test_close_does_not_wait_for_ever():
    stream = Gate()
    writer = LineWriter(stream)
    writer.put(b"stuck\n")
    assert stream.entered.wait(5)
    writer.close(0.05)
    stream.open.set()


def test_a_reader_that_has_gone_is_counted():
    stream = io.BytesIO()
    writer = LineWriter(stream)
    stream.close()
    writer.put(b"lost\n")
    assert writer.flush()
    assert writer.dropped == 1
    writer.close()


def test_processes_with_one_lock_write_one_after_the_other():
    held = os.memfd_create("lock")
    holding = "import os, sys; os.lockf(int(sys.argv[1]), os.F_LOCK, 0); print('held', flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", holding, str(held)], pass_fds=[held], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    stream = io.BytesIO()
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        writer = LineWriter(stream, lock=held)
        writer.put(b"one\n")
        assert not writer.flush(0.2)
        assert stream.getvalue() == b""
    finally:
        child.kill()
        child.communicate()
    assert writer.flush(20), "the lock of a process that died is free"
    writer.close()
    assert stream.getvalue() == b"one\n"
    assert not _locked(held)
    os.close(held)


def _locked(descriptor: int) -> bool:
    try:
        os.lockf(descriptor, os.F_TEST, 0)
    except OSError:
        return True
    return False
