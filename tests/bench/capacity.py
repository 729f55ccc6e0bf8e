"""What one gateway on one processor bears: handshakes, connections held, and answers in time at half of its peak.

Handshakes are counted by the processor time that they cost the gateway, since the callers' own half of each is dearer.
A connection's memory is what the gateway has grown by while it is held, after one request on each.
"""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.installation import ROOT
from tests.bench.load import LOAD_PROCESSOR, cpu_seconds, processes
from tests.bench.proxies import Proxy

_PAGE = os.sysconf("SC_PAGE_SIZE")


def handshakes(gateway: Proxy, folder: pathlib.Path, count: int) -> dict[str, float]:
    """Full handshakes with a client certificate: microseconds each, and how many a processor makes in a second."""
    with _caller("handshakes", folder, 50):
        pass
    before = cpu_seconds(gateway.process)
    with _caller("handshakes", folder, count) as caller:
        caller.wait()
        spent = cpu_seconds(gateway.process) - before
    return {"handshake_us": round(spent * 1e6 / count, 1), "handshakes_per_second": round(count / spent)}


def connections(gateway: Proxy, folder: pathlib.Path, count: int) -> dict[str, float]:
    """Connections over mutual TLS that a MB of the gateway's memory holds."""
    before = resident(gateway.process)
    with _caller("hold", folder, count) as caller:
        assert caller.stdout is not None
        assert caller.stdout.readline().strip() == "held"
        grown = resident(gateway.process) - before
        caller.communicate("")
    return {"connections_held": count, "connections_per_mb": round(count / (grown / 1e6), 1)}


def at_half_peak(folder: pathlib.Path, peak: float, paths: pathlib.Path, seconds: int) -> dict[str, float]:
    """Milliseconds at half of the requests a second that were the most, at a steady rate."""
    with _caller("pace", folder, peak / 2, seconds, *paths.read_text().split()) as caller:
        told: dict[str, float] = json.loads(caller.communicate()[0].splitlines()[-1])
    return {"rate": round(peak / 2, 1), **told}


@contextmanager
def _caller(what: str, folder: pathlib.Path, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    command = ["taskset", "-c", LOAD_PROCESSOR, sys.executable, "-m", "tests.bench.callers", what, str(folder)]
    caller = subprocess.Popen(
        [*command, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with caller:
        yield caller
        if caller.poll() is None:
            caller.communicate()
    if caller.returncode:
        raise SystemExit(f"bench: the callers of '{what}' failed")


def resident(root: int) -> int:
    """Bytes of memory that a process and its descendants hold."""
    return sum(int(pathlib.Path(f"/proc/{one}/statm").read_text().split()[1]) * _PAGE for one in processes(root))
