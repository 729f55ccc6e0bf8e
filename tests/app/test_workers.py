"""Several processes that are one gateway: files in all or none, deaths mended, counts whole, no orphans."""

import asyncio
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
import trustme

from gateway.app.messages import Prepare
from gateway.app.workers import prepare_in_turns
from gateway.files import Layers, Problem
from tests.app.house import ROUTES, build, write
from tests.app.running import Running, alive, running, until

SERVICE = "policies/service.yaml"
WITHOUT_LIMITS = """
defaults:
  timeout: 10s
  body_limit: 0B
  filters:
    - name: headers
    - name: mtls
    - {name: jwt, issuers: [{issuer: 'https://i.example', keys: 'https://i.example/k'}], audience: 'https://g.example'}
"""
ACCOUNTS = "extends: service.yaml\nroutes: []\n"


def house(root: pathlib.Path) -> pathlib.Path:
    """A folder whose policies have no limits."""
    build(root)
    write(root, SERVICE, WITHOUT_LIMITS)
    for name in ("accounts", "banks"):
        write(root, f"policies/{name}.yaml", ACCOUNTS)
    return root


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(house(tmp_path_factory.mktemp("workers")), "--workers", "2") as made:
        yield made


@pytest.fixture(autouse=True)
def whole(gateway: Running) -> None:
    """Each test begins with two workers that take calls."""
    until(lambda: len(gateway.pids()) == 2)


def test_the_parent_tells_of_every_worker(gateway: Running) -> None:
    state = gateway.state()
    workers = state["workers"]
    assert [worker["worker"] for worker in workers] == [1, 2]
    assert len({gateway.process.pid, *(worker["pid"] for worker in workers)}) == 3
    for worker in workers:
        assert (worker["generation"], worker["hash"]) == (state["files"]["generation"], state["files"]["hash"])
        assert worker["in_flight"] == 0
    assert set(state["certificates"]) == {"service"}
    assert gateway.get("health", "/readyz")[0] == 200
    assert gateway.counted("gateway_workers") == 2


def test_the_calls_of_all_workers_are_counted_together(gateway: Running) -> None:
    before = gateway.calls()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: gateway.get("service", "/open/banks")[0], range(40)))
    assert answers == [200] * 40
    assert gateway.calls() == before + 40


def test_what_a_worker_counted_outlives_it_and_nobody_is_refused_meanwhile(gateway: Running) -> None:
    for _ in range(20):
        gateway.get("service", "/open/banks")
    before, pids = gateway.calls(), gateway.pids()
    exits = gateway.counted('gateway_worker_exits_total{reason="signal_9"}') or 0
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in pids))
    # Nobody accepts: the parent holds the socket, and whoever comes now waits for the next worker.
    assert gateway.get("service", "/open/banks")[0] == 200
    until(lambda: len(gateway.pids()) == 2)
    assert not set(pids) & set(gateway.pids())
    assert gateway.calls() == before + 1
    assert gateway.counted('gateway_worker_exits_total{reason="signal_9"}') == exits + 2
    told = [line for line in gateway.lines if line["event"] == "a worker ended and is replaced"]
    assert {line["pid"] for line in told} >= set(pids)


def test_a_worker_that_is_killed_costs_only_the_calls_that_it_had(gateway: Running) -> None:
    """Kept-alive connections of four callers, each with one call at a time, while a worker is killed."""
    stop, failures, answered = threading.Event(), [], [0] * 4

    def call(number: int) -> None:
        connection = gateway.connection("service")
        while not stop.is_set():
            try:
                connection.request("GET", "/open/banks")
                answer = connection.getresponse()
                assert (answer.status, answer.read()[:10]) == (200, b'{"banks":[')
                answered[number] += 1
            except ConnectionRefusedError:
                failures.append("refused")
            except (OSError, http.client.HTTPException) as error:
                failures.append(type(error).__name__)
                connection.close()
                connection = gateway.connection("service")
        connection.close()

    callers = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for caller in callers:
        caller.start()
    until(lambda: min(answered) > 5)
    victim = gateway.pids()[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: not alive(victim))
    seen = list(answered)
    until(lambda: all(now > then + 5 for now, then in zip(answered, seen, strict=True)))
    stop.set()
    for caller in callers:
        caller.join()
    assert "refused" not in failures
    assert len(failures) <= 4, failures


def test_good_files_serve_in_every_worker_and_broken_ones_in_none(gateway: Running) -> None:
    before = gateway.state()["files"]
    write(gateway.root, "policies/open.yaml", ROUTES.replace("GET", "GTE"))
    refused = gateway.line("files refused, the old ones go on serving")
    (problem,) = refused["problems"]
    assert problem.startswith(f"{gateway.root}/files/policies/open.yaml:3:32 routes[open-banks].method: 'GTE' is not")
    state = gateway.state()
    assert (state["files"]["generation"], len(state["files"]["last_refusal"])) == (before["generation"], 1)
    write(gateway.root, "policies/open.yaml", ROUTES.replace("/open/banks", "/opened/banks"))
    number = gateway.line("files loaded")["generation"]
    state = gateway.state()
    assert number == before["generation"] + 1
    assert [worker["generation"] for worker in state["workers"]] == [number, number]
    assert len({worker["hash"] for worker in state["workers"]} | {state["files"]["hash"]}) == 1
    for _ in range(10):
        assert gateway.get("service", "/opened/banks")[0] == 200
    # A worker that comes later serves what all others serve, although the files on the disk are broken by then.
    write(gateway.root, "policies/open.yaml", "routes: [")
    gateway.line("files refused, the old ones go on serving")
    victim = gateway.pids()[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in gateway.pids() and len(gateway.pids()) == 2)
    assert {worker["generation"] for worker in gateway.state()["workers"]} == {number}
    write(gateway.root, "policies/open.yaml", ROUTES)
    assert gateway.line("files loaded")["generation"] == number + 1


def test_sighup_loads_anew_what_did_not_change(gateway: Running) -> None:
    before = gateway.state()["files"]
    gateway.process.send_signal(signal.SIGHUP)
    assert gateway.line("files loaded")["generation"] == before["generation"] + 1
    after = gateway.state()
    assert after["files"]["hash"] == before["hash"]
    assert {worker["generation"] for worker in after["workers"]} == {before["generation"] + 1}


def test_new_certificates_are_shown_by_every_worker_and_nobody_is_refused(gateway: Running) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    pem = leaf.cert_chain_pems[0].bytes()
    secrets = gateway.root / "secrets"
    for name, content in (
        ("server.pem", pem),
        ("server.key", leaf.private_key_pem.bytes()),
        ("ca.pem", authority.cert_pem.bytes()),
    ):
        (secrets / name).write_bytes(content)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def shown(_: int) -> bytes | None:
        with (
            socket.create_connection(("127.0.0.1", gateway.ports["service"]), 60) as plain,
            context.wrap_socket(plain) as secure,
        ):
            return secure.getpeercert(binary_form=True)

    def all_shown() -> set[bytes | None]:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return set(pool.map(shown, range(24)))

    new = {ssl.PEM_cert_to_DER_cert(pem.decode())}
    until(lambda: all_shown() == new)
    until(lambda: all_shown() == new)
    assert gateway.state()["certificates_refusal"] == []
    assert gateway.get("service", "/open/banks")[0] == 200


def test_signals_to_the_whole_group_are_the_parents_business(gateway: Running) -> None:
    pids = gateway.pids()
    for pid in pids:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, number)
    assert gateway.get("service", "/open/banks")[0] == 200
    assert gateway.pids() == pids


# -- the end ----------------------------------------------------------------------------------------------------------
class Slow:
    """A call in flight: its bank is a socket that listens and answers nothing until it is let."""

    def __init__(self, gateway: Running, listening: socket.socket) -> None:
        self.connection = gateway.connection("service")
        self.connection.request("GET", "/slow")
        self.upstream, _ = listening.accept()

    def finish(self) -> http.client.HTTPResponse:
        self.upstream.recv(65536)
        self.upstream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        answer = self.connection.getresponse()
        answer.read()
        return answer

    def close(self) -> None:
        self.upstream.close()
        self.connection.close()


@pytest.fixture
def upstream() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        yield listening


@pytest.fixture
def ending(tmp_path: pathlib.Path, upstream: socket.socket) -> Iterator[tuple[Running, list[int], Slow]]:
    """A gateway of two workers, one of which has a call in flight."""
    house(tmp_path)
    url = f"http://127.0.0.1:{upstream.getsockname()[1]}"
    slow = f"  - {{name: slow, method: GET, path: /slow, upstream: {{url: '{url}'}}, public: true}}\n"
    write(tmp_path, "policies/open.yaml", ROUTES + slow)
    with running(tmp_path, "--workers", "2") as made, contextlib.closing(Slow(made, upstream)) as call:
        yield made, made.pids(), call


def test_sigterm_finishes_what_is_under_way(ending: tuple[Running, list[int], Slow]) -> None:
    gateway, pids, call = ending
    gateway.process.send_signal(signal.SIGTERM)
    until(lambda: not _listens(gateway.ports["service"]))
    assert json.loads(gateway.get("health", "/readyz")[1]) == {"ready": False, "waits_for": ["drained"]}
    answer = call.finish()
    assert (answer.status, answer.getheader("Connection")) == (200, "close")
    assert gateway.process.wait(60) == 0
    assert gateway.line("stopped")["cut"] == 0
    assert not any(alive(pid) for pid in pids)


def test_a_second_signal_ends_the_waiting(ending: tuple[Running, list[int], Slow]) -> None:
    gateway, pids, call = ending
    gateway.process.send_signal(signal.SIGTERM)
    until(lambda: not _listens(gateway.ports["service"]))
    gateway.process.send_signal(signal.SIGTERM)
    with pytest.raises((OSError, http.client.HTTPException)):
        call.connection.getresponse()
    assert gateway.process.wait(60) == 1
    assert gateway.line("stopped")["cut"] == 1
    assert not any(alive(pid) for pid in pids)


def test_workers_of_a_parent_that_was_killed_finish_and_go(ending: tuple[Running, list[int], Slow]) -> None:
    gateway, pids, call = ending
    gateway.process.kill()
    gateway.process.wait(60)
    until(lambda: not _listens(gateway.ports["service"]))
    assert call.finish().status == 200
    until(lambda: not any(alive(pid) for pid in pids))


class Preparing:
    """A worker's hand of which only preparing is seen; it is done when it is told."""

    def __init__(self, under_way: list["Preparing"], problems: tuple[Problem, ...] = ()) -> None:
        self._under_way = under_way
        self._problems = problems
        self.done = asyncio.Event()

    def send(self, message: object) -> None:
        assert isinstance(message, Prepare)
        self._under_way.append(self)

    async def prepared(self, number: int) -> tuple[Problem, ...]:
        assert number == 7
        await self.done.wait()
        self._under_way.remove(self)
        return self._problems


async def test_workers_prepare_in_turns_and_all_are_heard():
    under_way: list[Preparing] = []
    problems = [Problem("a.yaml", 1, 1, "", "one"), Problem("a.yaml", 2, 1, "", "two")]
    hands = [Preparing(under_way), *(Preparing(under_way, (problem,)) for problem in problems), Preparing(under_way)]
    told = asyncio.create_task(prepare_in_turns(hands, 7, Layers(()), 2))
    seen = []
    while not told.done():
        await asyncio.sleep(0)
        if under_way and not under_way[0].done.is_set():
            seen.append(len(under_way))
            under_way[0].done.set()
    assert await told == problems
    assert seen[0] == max(seen) == 2


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False
