"""Half of the load that a gateway bears, for many minutes, while things change and break around it.

Two worker processes count their limits in a Redis; the bank is nginx. What `disturbances` has is done in turn, with
quiet between. It must hold that no answer fails but those that a bank at fault or a killed worker explain, and that the
memory of all processes together is flat: that of the last whole round of disturbances within 5 % of that of the first
after the warm-up of two. (Only whole rounds compare: a worker that took a killed one's place is small for a while.) One
line a minute, and at the end one line of JSON; ends with 1 where something did not hold.
"""

import argparse
import asyncio
import itertools
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from typing import Any

import yaml

from tests.bench import pages
from tests.bench.callers import ask, open_connection, question, tls_context
from tests.bench.capacity import resident
from tests.bench.disturbances import Stage
from tests.bench.installation import BANK, contract_path, headers, install
from tests.bench.ports import PORTS, require_free
from tests.bench.proxies import running, wait_for

_ROWS, _WORKERS, _QUIET = 20, 2, 20.0
_FLAT, _WARM_ROUNDS = 0.05, 2
_MOST_TOLD = 20
_NEEDED = ("nginx", "redis-server", "taskset")
_SETTING_UP = 10


class Soak:
    """The callers, and what they were answered."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.answers: Counter[str] = Counter()
        self.unexplained: Counter[str] = Counter()
        self.told: list[str] = []
        self.memory: list[int] = []
        self.rounds: list[int] = []
        self.taken: list[float] = []
        self._context = tls_context(stage.folder)
        sent = headers(stage.folder)
        self._questions = [question(contract_path(one), sent) for one in pages.names(_ROWS)]
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def peak(self, seconds: float) -> float:
        """Answers a second to as many callers as one processor stands, each asking again when it was answered."""
        ends, before = time.monotonic() + seconds, self.answers["200"]

        async def on_and_on(number: int) -> None:
            while time.monotonic() < ends:
                await self._once(number, time.monotonic())
                number += 1

        await asyncio.gather(*(on_and_on(number) for number in range(32)))
        return (self.answers["200"] - before) / seconds

    async def load(self, rate: float, seconds: float) -> None:
        """Asks at a steady rate, whether or not answers come."""
        began, tasks = time.monotonic(), set[asyncio.Task[None]]()
        for number in range(int(seconds * rate)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self._once(number, due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def disturb(self, ends: float) -> None:
        """One thing after the other, with quiet between."""
        while True:
            self.rounds.append(len(self.memory))
            for turn in self.stage.turns:
                if time.monotonic() + 2 * _QUIET > ends:
                    return
                await asyncio.sleep(_QUIET)
                await turn()

    async def watch(self, ends: float) -> None:
        """The memory of the gateway's processes, each second."""
        while time.monotonic() < ends:
            await asyncio.sleep(1)
            self.memory.append(resident(self.stage.gateway))
            if len(self.memory) % 60 == 0:
                say(f"{len(self.memory) // 60} min: {self.memory[-1] / 1e6:.0f} MB, {dict(self.answers)}")

    def _kept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection from before that is still there, as any client would look for."""
        while self._free:
            connection = self._free.pop()
            if not connection[0].at_eof() and not connection[1].is_closing():
                return connection
            connection[1].close()
        return None

    async def _once(self, number: int, due: float) -> None:
        faults = self.stage.faults
        try:
            connection = self._kept() or await open_connection(self._context)
            status, body, last = await ask(*connection, self._questions[number % len(self._questions)])
            told = str(status) if status == 200 else f"{status} {json.loads(body)['code']}"
            if last:
                connection[1].close()
            else:
                self._free.append(connection)
        except (OSError, EOFError) as error:
            told = type(error).__name__
        self.answers[told] += 1
        self.taken.append((time.monotonic() - due) * 1000)
        if told != "200" and not _explained(told, faults | self.stage.faults):
            self.unexplained[told] += 1
            if len(self.told) < _MOST_TOLD:
                wrong = ", ".join(sorted(faults | self.stage.faults)) or "nothing"
                self.told.append(f"{told} after {len(self.memory)} s, with {wrong} at fault")


def _explained(told: str, faults: frozenset[str]) -> bool:
    """A bank at fault explains problems that speak of a bank, and too many calls that wait for it. A killed worker
    explains connections that broke, and too many calls for the one that is left: half of the peak is all it bears.
    """
    status, _, code = told.partition(" ")
    if "worker" in faults and (not status.isdigit() or code == "overloaded"):
        return True
    return "bank" in faults and (code.startswith("bank_") or code == "overloaded")


def say(line: str) -> None:
    """One line of what the soak tells."""
    print(line, flush=True)  # noqa: T201 - this is a command


def _flat(memory: list[int], rounds: list[int]) -> dict[str, Any]:
    """MB on average in each whole round; the growth from the first after the warm-up to the last, if there are both."""
    means = [statistics.mean(memory[begun:ended]) for begun, ended in itertools.pairwise(rounds)]
    judged = means[_WARM_ROUNDS:]
    growth = round(judged[-1] / judged[0] - 1, 4) if len(judged) > 1 else None
    return {"rounds_mb": [round(mean / 1e6, 1) for mean in means], "growth": growth}


async def _soak(soak: Soak, minutes: float) -> dict[str, object]:
    peak = await soak.peak(_SETTING_UP)
    say(f"the peak is {peak:.0f} answers a second; {minutes:g} minutes at half of it")
    soak.answers.clear()
    soak.taken.clear()
    ends = time.monotonic() + minutes * 60
    await asyncio.gather(soak.load(peak / 2, minutes * 60), soak.disturb(ends), soak.watch(ends))
    taken = sorted(soak.taken)
    return {
        "minutes": minutes,
        "rate": round(peak / 2, 1),
        "answers": dict(soak.answers),
        "unexplained": dict(soak.unexplained),
        "told": soak.told,
        "done": dict(soak.stage.done),
        "p50_ms": round(taken[len(taken) // 2], 1),
        "p99_ms": round(taken[len(taken) * 99 // 100], 1),
        "memory": _flat(soak.memory, soak.rounds),
    }


def _with_workers(folder: pathlib.Path) -> None:
    path = folder / "gateway.yaml"
    settings = yaml.safe_load(path.read_text())
    settings |= {"workers": _WORKERS, "redis": {"url": f"redis://127.0.0.1:{PORTS['REDIS']}/0"}}
    path.write_text(yaml.safe_dump(settings))
    path = folder / f"files/adapters/banks/{BANK}.yaml"
    # A circuit that stays open for longer than a bank was at fault would be most of what is seen.
    path.write_text(path.read_text() + "circuit: {open_for: 4s}\n")


def main() -> None:
    """Sets up, soaks, judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    options = parser.parse_args()
    missing = [name for name in _NEEDED if not shutil.which(name)]
    if missing:
        raise SystemExit(f"soak: this machine lacks {', '.join(missing)} (Debian: nginx redis-server util-linux)")
    require_free()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        install(folder, pages.names(_ROWS))
        pages.write(folder / "www", _ROWS, pages.PAGES)
        _with_workers(folder)
        stage = Stage(folder)
        stage.begin()
        serve = [
            str(pathlib.Path(sys.executable).parent / "gateway"),
            "serve",
            "--settings",
            str(folder / "gateway.yaml"),
        ]
        try:
            # On both processors: the workers are to compete as they would, with each other and their callers.
            with running(serve, "0,1", folder / "gateway.log") as stage.gateway:
                wait_for(f"http://127.0.0.1:{PORTS['GATEWAY_HEALTH']}/readyz", {}, folder / "gateway.log", 60)
                told = asyncio.run(_soak(Soak(stage), options.minutes))
        finally:
            stage.end()
    say(json.dumps(told))
    memory = told["memory"]
    assert isinstance(memory, dict)
    if memory["growth"] is None:
        raise SystemExit(f"soak: too short to judge memory: it takes {_WARM_ROUNDS + 2} whole rounds")
    if told["unexplained"] or abs(memory["growth"]) > _FLAT:
        raise SystemExit("soak: it did not hold")


if __name__ == "__main__":
    main()
