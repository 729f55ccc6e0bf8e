"""Load on a proxy, and what each request cost it: processor time of its processes, divided by its answers.

A run counts only where nothing failed and the bank was asked once for each answer: wrk leaves its connections at the
end with a request each under way, so the bank may have seen at most that many more.
"""

import json
import os
import pathlib
import re
import subprocess
import time
import urllib.request
from typing import NamedTuple

from tests.bench.installation import REFERENCES
from tests.bench.ports import PORTS

PROXY_PROCESSOR, LOAD_PROCESSOR = "0", "1"
_TICK = os.sysconf("SC_CLK_TCK")
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
_WARM_SECONDS = 1
_SETTLE_SECONDS, _SETTLE_TRIES, _IDLE = 0.2, 100, 0.1


class Run(NamedTuple):
    """One run: microseconds of processor a request, answers a second, milliseconds, and why it does not count."""

    cpu_us: float
    rps: float
    p50_ms: float
    p99_ms: float
    void: str


class Load:
    """A load of some connections for some seconds on one proxy after the other."""

    def __init__(self, connections: int, seconds: int) -> None:
        self._connections, self._seconds = connections, seconds
        self._questions = 0

    def measure(self, process: int, url: str, paths: pathlib.Path, headers: dict[str, str]) -> Run:
        """Loads a proxy, of whose processes one is the root.

        What is divided lies between two looks at the processor time and at the bank's count, in the midst of the load:
        neither the beginning, with its handshakes, nor the end is in it.
        """
        before = self._settled(process)
        with _wrk(url, paths, headers, self._connections, _WARM_SECONDS + self._seconds + 1) as load:
            time.sleep(_WARM_SECONDS)
            spent, answered = cpu_seconds(process), self._seen()
            time.sleep(self._seconds)
            spent, answered = cpu_seconds(process) - spent, self._seen() - answered
            text = load.communicate()[0]
        asked, answers = self._settled(process) - before, int(_found(r"(\d+) requests in", text)[1])
        return Run(
            cpu_us=round(spent * 1e6 / max(answered, 1), 1),
            rps=float(_found(r"Requests/sec:\s+([\d.]+)", text)[1]),
            p50_ms=_milliseconds("50", text),
            p99_ms=_milliseconds("99", text),
            void=_void(text, answers, asked, self._connections),
        )

    def _settled(self, process: int) -> int:
        """How many requests the bank has seen, once the proxy has come to the end of what a load left under way."""
        seen, spent = self._seen(), cpu_seconds(process)
        for _ in range(_SETTLE_TRIES):
            time.sleep(_SETTLE_SECONDS)
            last, seen = seen, self._seen()
            before, spent = spent, cpu_seconds(process)
            if seen == last and spent - before <= _IDLE * _SETTLE_SECONDS:
                break
        return seen

    def _seen(self) -> int:
        """What nginx has counted; each question for it is a request that it counts too."""
        self._questions += 1
        with urllib.request.urlopen(f"http://127.0.0.1:{PORTS['BANK_COUNT']}/", timeout=5) as response:
            counted = _found(r"\n\s*\d+\s+\d+\s+(\d+)", response.read().decode())
        return int(counted[1]) - self._questions


def _void(text: str, answers: int, asked: int, connections: int) -> str:
    failed, broken = re.search(r"Non-2xx or 3xx responses: (\d+)", text), re.search(r"Socket errors: (.+)", text)
    if failed:
        return f"{failed[1]} failed answers"
    if broken:
        return f"socket errors: {broken[1]}"
    if not 0 <= asked - answers <= connections:
        return f"the bank was asked {asked} times for {answers} answers"
    return "" if answers else "no answers"


def _wrk(
    url: str, paths: pathlib.Path, headers: dict[str, str], connections: int, seconds: int
) -> subprocess.Popen[str]:
    sent = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command = ["taskset", "-c", LOAD_PROCESSOR, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s"]
    command += ["--latency", *sent, "-s", str(REFERENCES / "wrk.lua"), url, "--", str(paths)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _milliseconds(percent: str, text: str) -> float:
    value, unit = _found(rf"{percent}%\s+([\d.]+)(us|ms|s|m)\b", text).groups()
    return round(float(value) * _UNITS[unit], 3)


def _found(pattern: str, text: str) -> re.Match[str]:
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"wrk did not say {pattern!r}:\n{text}")
    return match


def exported() -> dict[str, int]:
    """What the OTLP sink has taken: requests and bytes."""
    with urllib.request.urlopen(f"http://127.0.0.1:{PORTS['OTLP']}/", timeout=5) as response:
        taken: dict[str, int] = json.load(response)
    return taken


def files_loaded() -> list[str]:
    """What the gateway tells of the files that it serves: it loads them anew, at a cost, when one of them changes."""
    with urllib.request.urlopen(f"http://127.0.0.1:{PORTS['GATEWAY_HEALTH']}/metrics", timeout=5) as response:
        lines: list[str] = response.read().decode().splitlines()
    return [line for line in lines if line.startswith(("gateway_files_generation ", "gateway_files_refused_total "))]


def cpu_seconds(root: int) -> float:
    """Processor seconds, of user and system, that a process and its descendants have spent."""
    total = 0
    for process in processes(root):
        try:
            fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / _TICK


def processes(root: int) -> list[int]:
    """A process and its descendants."""
    found = [root]
    for process in found:
        for children in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found
