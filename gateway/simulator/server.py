"""Starts and ends simulated banks: each on its own TLS port, with the admin listener beside them."""

import asyncio
import contextlib
import functools
import pathlib
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime

import msgspec
from aiohttp import web

from gateway.contract import Clock
from gateway.simulator.admin import build_admin
from gateway.simulator.bank import SimulatedBank
from gateway.simulator.configuration import Bank
from gateway.simulator.data_file import SHIPPED, read_banks
from gateway.simulator.delivery import serve_request
from gateway.simulator.seals import read_seals

_GRACE_SECONDS = 1.0
_LOOPBACK = "127.0.0.1"


def clock_on(today: date | None) -> Clock:
    """A clock that tells the real time of day, on the given day (None: on the real one)."""
    if today is None:
        return functools.partial(datetime.now, UTC)
    shift = datetime.combine(today, datetime.min.time()) - datetime.combine(datetime.now(UTC), datetime.min.time())
    return lambda: datetime.now(UTC) + shift


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to serve. `certificate` and `key` are the banks' own, PEM; `client_authorities` signed the clients'.

    `fixed_ports`: each bank on the port of its file, else on any free one; `admin_port` 0: any free one. The admin
    listener is always on loopback. Listening on a host other than loopback is for containers. With `signers`
    (certificates of third parties that registered, PEM) and `signing_key` (the banks' own, RSA, PEM) banks ask for
    signatures, and sign, as their files say.
    """

    certificate: pathlib.Path
    key: pathlib.Path
    client_authorities: pathlib.Path
    files: tuple[pathlib.Path, ...] = (SHIPPED,)
    host: str = _LOOPBACK
    fixed_ports: bool = False
    admin_port: int = 0
    clock: Clock = functools.partial(datetime.now, UTC)
    signers: pathlib.Path | None = None
    signing_key: pathlib.Path | None = None


class RunningBank(msgspec.Struct, frozen=True):
    """One bank that is being served. `base_url` has no trailing slash."""

    name: str
    port: int
    base_url: str
    state: SimulatedBank

    @property
    def bank(self) -> Bank:
        """Its configuration."""
        return self.state.bank


class Simulation(msgspec.Struct, frozen=True):
    """All that is being served."""

    banks: dict[str, RunningBank]
    admin_url: str


@contextlib.asynccontextmanager
async def serve(options: Options) -> AsyncIterator[Simulation]:
    """Serves all banks of the files until the context ends; then no port is left.

    Raises `gateway.files.Refused` for files with problems, OSError for a port that is taken or TLS material that can
    not be read, ssl.SSLError and SealsUnusable for material that is none.
    """
    configured = read_banks(options.files)
    seals = None
    if options.signers is not None and options.signing_key is not None:
        seals = read_seals(options.signers, options.client_authorities, options.signing_key)
    tls = _tls(options)
    async with contextlib.AsyncExitStack() as stack:
        running: dict[str, RunningBank] = {}
        for name, bank in configured.items():
            state = SimulatedBank(name, bank, options.clock, seals)
            server = web.Server(functools.partial(serve_request, state, options.clock), access_log=None)
            wanted = bank.port if options.fixed_ports else 0
            runner = web.ServerRunner(server, shutdown_timeout=_GRACE_SECONDS)
            port = await _listen(stack, runner, options.host, wanted, tls)
            running[name] = RunningBank(name, port, f"https://{_authority(options.host, port)}{bank.base_path}", state)
        admin = web.AppRunner(build_admin(running), access_log=None, shutdown_timeout=_GRACE_SECONDS)
        port = await _listen(stack, admin, _LOOPBACK, options.admin_port, None)
        yield Simulation(running, f"http://{_authority(_LOOPBACK, port)}")


async def run(options: Options, report: Callable[[Simulation], None]) -> None:
    """Serves until cancelled; tells what was started once all of it is."""
    async with serve(options) as simulation:
        report(simulation)
        await asyncio.Event().wait()


async def _listen(
    stack: contextlib.AsyncExitStack,
    runner: web.BaseRunner,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
) -> int:
    """Serves a runner until the stack unwinds; the port that was bound."""
    stack.push_async_callback(_end, runner)
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=tls)
    await site.start()
    bound: int = runner.addresses[0][1]
    return bound


async def _end(runner: web.BaseRunner) -> None:
    """Ends a runner and its connections: a TLS farewell is not waited for, so that nothing is left in the loop."""
    connections = [] if runner.server is None else runner.server.connections
    transports = [connection.transport for connection in connections if connection.transport is not None]
    await runner.cleanup()
    for transport in transports:
        transport.abort()
    # A transport that was aborted closes its socket in the loop's next rounds.
    for _ in range(4):
        await asyncio.sleep(0)


def _authority(host: str, port: int) -> str:
    """The host as a client names it; a wildcard is reached through loopback."""
    name = {"0.0.0.0": _LOOPBACK, "::": "[::1]"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"{name}:{port}"


def _tls(options: Options) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(options.certificate, options.key)
    context.load_verify_locations(options.client_authorities)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
