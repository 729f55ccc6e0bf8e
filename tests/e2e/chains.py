"""Chains of real processes: a caller's raw bytes, a proxy or none, the gateway, a proxy or none, and a recorder.

A gateway is `gateway serve` with public routes for the paths that are asked for, and a closed one, that go on to a
plain upstream. Proxies are Debian's nginx and HAProxy, and Envoy, each set up to share its connections between callers.
"""

import asyncio
import contextlib
import functools
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TypeAlias

import msgspec

from tests.app import premises
from tests.e2e.recorder import NUMBER, Recorder, recording

PROXIES = ("nginx", "haproxy", "envoy")
Started: TypeAlias = subprocess.Popen[bytes]
_CHUNK = re.compile(rb"[0-9a-f]+\r\n(.*?)\r\n", re.DOTALL)
_HERE = pathlib.Path(__file__).parent
_ROOT = _HERE.parents[1]
_PATH = f"{pathlib.Path(sys.executable).parent}:{os.environ.get('PATH', '')}:/usr/sbin"
_ENVOY = ("--concurrency", "1", "-l", "error", "--disable-hot-restart")
_SETTINGS = (
    premises.SETTINGS.replace("127.0.0.1:0", "127.0.0.1:%d", 1)
    + """\
drain: {notice: 0s, grace: 1s}
telemetry: {ratio: 0}
limits: %s
"""
)
_POLICY = """\
defaults: {timeout: 10s, body_limit: %s, filters: []}
routes:
"""
_ROUTE = """\
  - name: %s
    method: [GET, POST, PUT, PATCH, DELETE]
    path: %s
    upstream: {url: 'http://127.0.0.1:%d'}
"""
_OPEN = ("foo", "plain", "v1", "answers", "open")
_ENVOY_TLS = """\
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
"""


class Answer(msgspec.Struct, frozen=True):
    """One answer: `number` is the recorder's, None where somebody before it answered."""

    status: int
    fields: dict[str, str]
    body: bytes
    whole: bool = True

    @property
    def number(self) -> int | None:
        """The number of the recorded request that it answers."""
        number = self.fields.get(NUMBER, "")
        return int(number) if number.isdecimal() else None


class Chain(msgspec.Struct, frozen=True):
    """Where raw bytes are sent, and where what is let through arrives. `secure`: the first hop is the gateway."""

    name: str
    port: int
    recorder: Recorder
    secure: bool

    async def say(self, content: bytes, *, to_head: bool = False) -> list[Answer]:
        """All answers to what is sent on one connection, until the other side ends it: it must, within ten seconds."""
        context = _trusting() if self.secure else None
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)
        received = b""
        try:
            async with asyncio.timeout(10):
                writer.write(content)
                while piece := await reader.read(65536):
                    received += piece
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
        return list(answers_in(received, to_head=to_head))


def answers_in(received: bytes, *, to_head: bool) -> Iterator[Answer]:
    """The answers of one connection, 1xx left out; `to_head` says that the first is to a HEAD request."""
    while received:
        if not received.startswith(b"HTTP/1."):
            # A proxy that speaks HTTP/0.9, which has no heads: either the recorder's number or a page of its own.
            yield (
                Answer(200, {NUMBER: received.decode()}, received) if received.isdigit() else Answer(400, {}, received)
            )
            return
        head, end, received = received.partition(b"\r\n\r\n")
        if not end:
            return  # cut off in the middle: the connection was reset under a refusal
        line, *lines = head.decode("latin-1").split("\r\n")
        status = int(line.split(" ")[1])
        fields = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        body, whole = b"", True
        # Whoever could not read a head knows of no HEAD, and answers it with a body.
        empty = status < 200 or status in {204, 304} or (to_head and (not received or received.startswith(b"HTTP/1.")))
        if not empty and "content-length" in fields:
            size = int(fields["content-length"])
            body, received = received[:size], received[size:]
            whole = len(body) == size
        elif not empty and "chunked" in fields.get("transfer-encoding", ""):
            chunks, end, received = received.partition(b"0\r\n\r\n")
            body, whole = b"".join(_CHUNK.findall(chunks)), bool(end)
        elif not empty:
            body, received = received, b""
        if status >= 200:
            to_head = False
            yield Answer(status, fields, body, whole)


@functools.cache
def _trusting() -> ssl.SSLContext:
    """Who answers is not the matter here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@contextlib.contextmanager
def process(command: list[str], log: pathlib.Path, **environment: str) -> Iterator[Started]:
    """A process of its own session until the end of the block."""
    with log.open("wb") as sink:
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **environment},
        )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def lay_out(root: pathlib.Path, port: int, upstream: int, *, limits: str = "{}", body_limit: str = "64KiB") -> None:
    """Writes what a gateway needs that listens on one port and whose upstream listens on the other."""
    premises.furnish(root)
    policies = root / "files/policies"
    policies.mkdir(parents=True)
    for shipped in (_ROOT / "policies").glob("*.yaml"):
        (policies / shipped.name).write_text("routes: []\n")
    routes = [_ROUTE % (name, f"/{name}/{{rest*}}", upstream) + "    public: true\n" for name in _OPEN]
    routes.append(_ROUTE % ("one", "/{one}", upstream) + "    public: true\n")
    routes.append(_ROUTE % ("closed", "/closed/{rest*}", upstream) + "    filters: [{name: mtls}]\n")
    (policies / "chain.yaml").write_text(_POLICY % body_limit + "".join(routes))
    (root / "gateway.yaml").write_text(_SETTINGS % (port, limits))


def serve(root: pathlib.Path, **environment: str) -> AbstractContextManager[Started]:
    """`gateway serve` on what was laid out."""
    command = [sys.executable, "-m", "gateway", "serve", "--settings", str(root / "gateway.yaml")]
    return process(command, root / "gateway.log", **environment)


def proxy(kind: str, root: pathlib.Path, port: int, target: int, *, secure: bool) -> AbstractContextManager[Started]:
    """A proxy that listens on a port and asks the other, over TLS where `secure`."""
    file = root / {"nginx": "nginx.conf", "haproxy": "haproxy.cfg", "envoy": "envoy.yaml"}[kind]
    filled = (_HERE / "proxies" / file.name).read_text()
    for name, value in {
        "PORT": port,
        "TARGET": target,
        "FOLDER": root,
        "SCHEME": "https" if secure else "http",
        "HAPROXY_TLS": "ssl verify none" if secure else "",
        "ENVOY_TLS": _ENVOY_TLS if secure else "",
    }.items():
        filled = filled.replace(f"@{name}@", str(value))
    file.write_text(filled)
    options = {"nginx": ["-c"], "haproxy": ["-db", "-f"], "envoy": [*_ENVOY, "-c"]}[kind]
    found = shutil.which(kind, path=_PATH)
    assert found is not None
    return process([found, *options, str(file)], root / f"{kind}.log")


def absent(kind: str) -> bool:
    """Whether a proxy is not on this machine."""
    return shutil.which(kind, path=_PATH) is None


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def wait_for(port: int, started: Started, log: pathlib.Path) -> None:
    """Returns when somebody listens on a port."""
    until = time.monotonic() + 60
    while started.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"{started.args} does not listen: {log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def chains(root: pathlib.Path) -> Iterator[dict[str, Chain]]:
    """`alone`, `other parser`, and `behind X` and `before X` for each proxy that is here; all start at once.

    The gateway that is alone is the one that stands behind the proxies too.
    """
    with contextlib.ExitStack() as stack:
        found: dict[str, Chain] = {}
        waited_for: list[tuple[int, Started, pathlib.Path]] = []

        def begin(name: str, recorder: Recorder, upstream: int, **environment: str) -> int:
            folder, port = root / name.replace(" ", "-"), free_port()
            lay_out(folder, port, upstream)
            waited_for.append((port, stack.enter_context(serve(folder, **environment)), folder / "gateway.log"))
            found[name] = Chain(name, port, recorder, secure=True)
            return port

        def put(kind: str, place: str, target: int, *, secure: bool) -> int:
            folder, port = root / f"{place}-{kind}", free_port()
            folder.mkdir(exist_ok=True)
            started = stack.enter_context(proxy(kind, folder, port, target, secure=secure))
            waited_for.append((port, started, folder / f"{kind}.log"))
            return port

        recorder = stack.enter_context(recording())
        alone = begin("alone", recorder, recorder.port)
        other = stack.enter_context(recording())
        begin("other parser", other, other.port, AIOHTTP_NO_EXTENSIONS="1")
        for kind in PROXIES:
            if absent(kind):
                continue
            port = put(kind, "behind", alone, secure=True)
            found[f"behind {kind}"] = Chain(f"behind {kind}", port, recorder, secure=False)
            own = stack.enter_context(recording())
            begin(f"before {kind}", own, put(kind, "between", own.port, secure=False))
        for one in waited_for:
            wait_for(*one)
        yield found
