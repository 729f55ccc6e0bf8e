"""The command line as its user runs it: a process of its own, what it wrote, and how it ended."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("GATEWAY_")}


def gateway(
    *arguments: str, given: bytes = b"", folder: pathlib.Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Runs `gateway` with arguments; what went wrong is never a traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        input=given,
        capture_output=True,
        cwd=folder,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT), **environment},
        timeout=60,
        check=False,
    )
    assert b"Traceback" not in ended.stderr, ended.stderr.decode()
    return ended


def refused(*arguments: str, code: int = 1, **settings: object) -> list[str]:
    """The lines that a command told on standard error, where it ended with the code and answered nothing."""
    ended = gateway(*arguments, **settings)  # type: ignore[arg-type]
    assert (ended.returncode, ended.stdout) == (code, b""), ended
    return ended.stderr.decode().splitlines()
