"""Two gateways of two workers each count as one through a real Redis; what each policy says holds while it is away."""

import asyncio
import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.app import house
from tests.store.servers import RedisServer

LIMIT, CALLS, CONNECTIONS = 4_321, 10_000, 40
LOCAL_LIMIT = 3
WORKERS = 2
ROUTES = "defaults: {timeout: 1m, body_limit: 0B, filters: []}\nroutes:\n" + "".join(
    f"""\
  - name: {name}
    method: GET
    path: /{name}
    operation: banks.list
    public: true
    filters:
      - name: rate_limit
        when_unavailable: {mode}
        windows:
          - {{name: {name}, key: [route], limit: {limit}, window: 30d}}
          - {{name: everything-{mode}, key: [route], limit: 1000000, window: 1h}}
"""
    for name, mode, limit in (
        ("exact", "closed", LIMIT),
        ("guarded", "closed", 1000),
        ("lenient", "open", 1),
        ("local", "local", LOCAL_LIMIT),
    )
)


class Replica:
    """A gateway's processes, from outside."""

    def __init__(self, folder: pathlib.Path, tree: pathlib.Path, redis: RedisServer) -> None:
        folder.mkdir()
        settings = house.build(folder)
        # What makes no limit of its own, however busy the machine is.
        patient = "limits: {handshake_timeout: 2m, header_timeout: 2m, idle_timeout: 5m}\n"
        text = settings.read_text() + patient + f"redis: {{url: '{redis.url}', timeout: 5s, connect_timeout: 10s}}\n"
        settings.write_text(text.replace("banks: [one, two]", "banks: []"))
        for unused in ("mappings", "adapters"):
            shutil.rmtree(folder / "files" / unused)
        house.write(folder, "policies/open.yaml", ROUTES)
        command = (sys.executable, "-m", "gateway", "serve", "--settings", "gateway.yaml", "--workers", str(WORKERS))
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env={**os.environ, "PYTHONPATH": str(tree)}, stdout=log, stderr=subprocess.STDOUT
            )
        self.ports: dict[str, int] = {}

    def wait(self) -> None:
        """Until it serves."""
        while not self.ports:
            assert self.process.poll() is None, self._log.read_text()
            for line in self.lines("serving"):
                self.ports = line["ports"]
            time.sleep(0.02)

    def lines(self, event: str) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
        return [line for line in found if line["event"].startswith(event)]

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[list[Replica]]:
    root = tmp_path_factory.mktemp("replicas")
    tree = house.bare(root / "tree")
    made = [Replica(root / name, tree, redis) for name in ("one", "two")]
    try:
        for replica in made:
            replica.wait()
        yield made
    finally:
        for replica in made:
            replica.close()


async def call(replica: Replica, path: str, times: int, answers: list[str]) -> None:
    """Calls over one connection of its own, a few at a time; adds status and head of each answer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", replica.ports["service"], ssl=context)
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    try:
        for start in range(0, times, 10):
            several = min(10, times - start)
            writer.write(request * several)
            for _ in range(several):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                answers.append(head)
                length = re.search(r"(?i)content-length: (\d+)", head)
                assert length is not None, head
                await reader.readexactly(int(length[1]))
    finally:
        writer.close()


async def calls(replicas: list[Replica], path: str, times: int, connections: int) -> list[str]:
    """So many calls, over connections that are spread over the replicas."""
    answers: list[str] = []
    each = times // connections
    await asyncio.gather(
        *(call(replicas[number % len(replicas)], path, each, answers) for number in range(connections))
    )
    return answers


def statuses(answers: list[str]) -> Counter[str]:
    return Counter(head.split(" ", 2)[1] for head in answers)


async def metric(replica: Replica, name: str) -> float:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{replica.ports['health']}/metrics") as answer,
    ):
        text = await answer.text()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


async def until(replicas: list[Replica], *, there: bool) -> None:
    """Until all workers know how Redis fares."""
    async with asyncio.timeout(60):
        for replica in replicas:
            while await metric(replica, "gateway_redis_up") != int(there):  # noqa: ASYNC110 (only asking tells)
                await asyncio.sleep(0.05)


async def unshared(replicas: list[Replica]) -> dict[str, float]:
    """How many calls of each route were counted apart, or not at all."""
    return {
        route: sum([await metric(replica, f'gateway_limits_unshared_total{{route="{route}",') for replica in replicas])
        for route in ("guarded", "lenient", "local")
    }


async def test_four_processes_let_exactly_the_limit_through(replicas: list[Replica]) -> None:
    before = await unshared(replicas)
    answers = await calls(replicas, "/exact", CALLS, CONNECTIONS)
    assert statuses(answers) == {"200": LIMIT, "429": CALLS - LIMIT}
    assert await unshared(replicas) == before


async def test_case_35_each_policy_holds_while_redis_is_dead(replicas: list[Replica], redis: RedisServer) -> None:
    assert statuses(await calls(replicas, "/guarded", 20, 4)) == {"200": 20}
    before = await unshared(replicas)
    # A busy machine may have kept Redis from one of them earlier: only what this death makes them say counts.
    told = [len(replica.lines("redis is away")) for replica in replicas]
    redis.kill()
    try:
        await until(replicas, there=False)
        closed = await calls(replicas, "/guarded", 40, 8)
        assert statuses(closed) == {"503": 40}
        assert all("retry-after: 1\r\n" in head.lower() for head in closed)
        opened = await calls(replicas, "/lenient", 40, 8)
        assert statuses(opened) == {"200": 40}
        assert not any("ratelimit:" in head.lower() for head in opened), "what is left is not known"
        assert all("ratelimit-policy:" in head.lower() for head in opened)
        local = statuses(await calls(replicas, "/local", 400, 40))
        assert LOCAL_LIMIT <= local["200"] <= LOCAL_LIMIT * WORKERS * len(replicas)
        assert local["200"] + local["429"] == 400
        now = await unshared(replicas)
        assert {route: now[route] - before[route] for route in now} == {"guarded": 40, "lenient": 40, "local": 400}
        for replica in replicas:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{replica.ports['health']}/readyz") as ready,
            ):
                assert ready.status == 200, "a replica without Redis serves what it can"
        for replica, earlier in zip(replicas, told, strict=True):
            said = len(replica.lines("redis is away")) - earlier
            assert said == WORKERS, "told once by each process, not once a call"
    finally:
        redis.start()
    await until(replicas, there=True)
    assert statuses(await calls(replicas, "/guarded", 40, 8)) == {"200": 40}
    shared = statuses(await calls(replicas, "/local", 40, 8))
    assert shared == {"200": LOCAL_LIMIT, "429": 40 - LOCAL_LIMIT}, "all count as one again"


async def test_case_35_a_redis_that_hangs_holds_nobody_up(replicas: list[Replica], redis: RedisServer) -> None:
    redis.hang()
    try:
        await until(replicas, there=False)
        begun = time.monotonic()
        assert statuses(await calls(replicas, "/lenient", 400, 8)) == {"200": 400}
        # Had each call waited for itself, these would have taken at least 400 / 8 times five seconds.
        assert time.monotonic() - begun < 50
    finally:
        redis.wake()
    await until(replicas, there=True)
