"""Callers that wrk can not be: callers.py WHAT FOLDER ...; each prints one object of JSON when it is done.

`handshakes COUNT` makes full TLS handshakes with a client certificate, none resumed. `hold COUNT` opens connections,
asks once on each, and keeps them open until its standard input ends. `pace RATE SECONDS PATH...` asks at a steady rate,
whether or not answers come; a latency is counted from when its question was due, so that no late answer hides others.
"""

import asyncio
import json
import pathlib
import resource
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import cycle

from tests.bench.installation import headers
from tests.bench.ports import PORTS

_AT_ONCE = 16
_LONGEST = 30.0


def tls_context(folder: pathlib.Path) -> ssl.SSLContext:
    """As the service that the bench plays: its certificate, and the authority of the gateway's."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "secrets/service-both.pem")
    return context


async def open_connection(context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the gateway's service listener."""
    return await asyncio.open_connection(
        "127.0.0.1", PORTS["GATEWAY"], ssl=context, server_hostname="localhost", ssl_handshake_timeout=_LONGEST
    )


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytes) -> tuple[int, bytes, bool]:
    """One answer, read whole: its status, its body, and whether it is the connection's last."""
    writer.write(asked)
    async with asyncio.timeout(_LONGEST):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        body = await reader.readexactly(length)
    return int(head[9:12]), body, b"\r\nconnection: close\r\n" in head


def question(path: str, more: dict[str, str]) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in more.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def handshakes(folder: pathlib.Path, count: str) -> dict[str, float]:
    """Connects and leaves; how many a second, as far as this one processor makes them."""
    context, left = tls_context(folder), int(count)

    async def connect_on() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            _, writer = await open_connection(context)
            writer.close()

    began = time.monotonic()
    await asyncio.gather(*(connect_on() for _ in range(_AT_ONCE)))
    return {"made": int(count), "seconds": time.monotonic() - began}


async def hold(folder: pathlib.Path, count: str) -> dict[str, float]:
    """Opens and keeps; tells when all are open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < int(count) + 64:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(int(count) + 64, hard), hard))
    context, held, asked = tls_context(folder), [], question("/nothing", {})
    while len(held) < int(count):
        opened = await asyncio.gather(*(open_connection(context) for _ in range(min(_AT_ONCE, int(count) - len(held)))))
        for reader, writer in opened:
            await ask(reader, writer, asked)
        held += opened
    print("held", flush=True)  # noqa: T201 - who measures waits for it
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    return {"held": len(held)}


async def pace(folder: pathlib.Path, rate: str, seconds: str, *paths: str) -> dict[str, float]:
    """Asks on time; answers in milliseconds."""
    questions = cycle([question(path, headers(folder)) for path in paths])
    context, free = tls_context(folder), asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()
    taken: list[float] = []
    failed = 0

    async def once(due: float) -> None:
        nonlocal failed
        try:
            connection = free.get_nowait() if not free.empty() else await open_connection(context)
            status, _, _ = await ask(*connection, next(questions))
            failed += status != 200
            free.put_nowait(connection)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            failed += 1
        taken.append((time.monotonic() - due) * 1000)

    began, tasks = time.monotonic(), set[asyncio.Task[None]]()
    for number in range(int(float(rate) * float(seconds))):
        due = began + number / float(rate)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        task = asyncio.create_task(once(due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    taken.sort()
    return {
        "asked": len(taken),
        "failed": failed,
        "p50_ms": round(taken[len(taken) // 2], 2),
        "p99_ms": round(taken[len(taken) * 99 // 100], 2),
    }


_KINDS: dict[str, Callable[..., Awaitable[dict[str, float]]]] = {"handshakes": handshakes, "hold": hold, "pace": pace}

if __name__ == "__main__":
    told = asyncio.run(_KINDS[sys.argv[1]](pathlib.Path(sys.argv[2]), *sys.argv[3:]))  # type: ignore[arg-type]
    print(json.dumps(told), flush=True)  # noqa: T201 - read by who started it
