"""Measures what a reload costs the calls beside it: p50 and p99 without one, and while 1,000 mappings load again.

`python -m tests.bench.reloading`; `--workers N` for several processes, `--each` to change every mapping at each reload
and not only one. Phases with and without reloads take turns, so that a noisy machine is noisy to both; callers come at
a steady rate over kept TLS connections, so that a stall is seen by all that come meanwhile. The bar: p99 at most 2 x.
"""

import argparse
import asyncio
import pathlib
import ssl
import statistics
import sys
import tempfile
import time

from tests.app.house import build, write
from tests.app.running import Running, running, until

_MAPPINGS = 1000
_CONNECTIONS = 8
_REQUEST = b"GET /open/banks HTTP/1.1\r\nHost: gateway\r\n\r\n"
_UNLIMITED = """
defaults:
  timeout: 10s
  body_limit: 0B
  filters:
    - name: mtls
    - {name: jwt, issuers: [{issuer: 'https://i.example', keys: 'https://i.example/k'}], audience: 'https://g.example'}
"""


def main() -> None:
    """Parses, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--each", action="store_true", help="change every mapping at each reload")
    parser.add_argument("--phases", type=int, default=3, help="phases of each kind")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of a phase without reloads")
    parser.add_argument("--rate", type=float, default=200.0, help="calls a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reloading-") as name:
        root = pathlib.Path(name)
        build(root)
        write(root, "policies/service.yaml", _UNLIMITED)
        for file in ("accounts", "banks"):
            write(root, f"policies/{file}.yaml", "extends: service.yaml\nroutes: []\n")
        for number in range(_MAPPINGS):
            _map(root, number, 1)
        with running(root, "--workers", str(options.workers)) as gateway:
            quiet, loading, took = asyncio.run(_measure(gateway, options))
    for what, seconds in (("without reloads", quiet), ("during reloads", loading)):
        _say(f"{what:16} {len(seconds):6} calls   p50 {_at(seconds, 50):8.2f} ms   p99 {_at(seconds, 99):8.2f} ms")
    _say(f"a reload of {_MAPPINGS} mappings took {statistics.median(took):.2f} s, {len(took)} of them")
    _say(f"p99 during reloads is {_at(loading, 99) / _at(quiet, 99):.2f} x that without (the bar: 2)")


def _map(root: pathlib.Path, number: int, version: int) -> None:
    name = f"uk_openbanking/bank{number:04d}/transactions.list"
    write(
        root,
        f"mappings/{name}.yaml",
        f"mapping: {name}\nversion: {version}\nextends: uk_openbanking/transactions.list\n"
        f"fields:\n  references: {{end_to_end: $.TransactionReference, mandate: {{const: m{version}}}}}\n",
    )


async def _measure(gateway: Running, options: argparse.Namespace) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of the calls in both kinds of phases, and the seconds of the reloads."""
    quiet: list[float] = []
    loading: list[float] = []
    took: list[float] = []
    callers = [await _connect(gateway) for _ in range(_CONNECTIONS)]
    await _call(callers, options.rate, asyncio.create_task(asyncio.sleep(2)))  # to be warm
    for phase in range(options.phases):
        quiet += await _call(callers, options.rate, asyncio.create_task(asyncio.sleep(options.seconds)))
        reload = asyncio.create_task(asyncio.to_thread(_reload, gateway, phase + 2, options.each))
        loading += await _call(callers, options.rate, reload)
        took.append(reload.result())
    return quiet, loading, took


def _reload(gateway: Running, version: int, each: bool) -> float:  # noqa: FBT001 - a switch of the command line
    for number in range(_MAPPINGS if each else 1):
        _map(gateway.root, number, version)
    began = time.perf_counter()
    loaded = sum(line["event"] == "files loaded" for line in gateway.lines)
    until(lambda: sum(line["event"] == "files loaded" for line in gateway.lines) > loaded)
    return time.perf_counter() - began


Caller = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _connect(gateway: Running) -> Caller:
    context = ssl.create_default_context(cafile=str(gateway.root / "secrets/ca.pem"))
    return await asyncio.open_connection("127.0.0.1", gateway.ports["service"], ssl=context)


async def _call(callers: list[Caller], rate: float, while_: "asyncio.Task[object]") -> list[float]:
    """Calls at a steady rate until the task is done; each is timed from when it was due, not from when it was sent."""
    taken: list[float] = []

    async def one(number: int) -> None:
        reader, writer = callers[number]
        due = time.perf_counter() + number / rate
        while not while_.done():
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(_REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            taken.append((time.perf_counter() - due) * 1000)
            due += len(callers) / rate

    await asyncio.gather(*(one(number) for number in range(len(callers))))
    return taken


def _at(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
