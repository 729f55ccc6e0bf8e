"""A gateway that is told to stop finishes what it has begun, then is gone with its ports."""

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator

import msgspec
import pytest

from gateway.demo.calls import Answer
from gateway.demo.children import Child, end
from gateway.demo.stage import Stage, ports_of, start_gateway
from tests.e2e.surroundings import Caller, Faults


@pytest.fixture
def second(stage: Stage) -> Iterator[tuple[Stage, Child]]:
    """Another gateway on the same settings, to be ended by the test."""
    gateway = start_gateway(stage.folder, "second")
    try:
        yield msgspec.structs.replace(stage, ports=ports_of(gateway)), gateway
    finally:
        end([gateway])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_finishes_what_is_under_way(second: tuple[Stage, Child], faults: Faults, number: signal.Signals) -> None:
    stage, gateway = second
    caller = Caller(stage)
    caller.accounts("patient-albion")
    faults.forget()
    faults.set("albion", {"kind": "latency", "milliseconds": 1500})
    answers: list[Answer] = []
    under_way = threading.Thread(target=lambda: answers.append(caller.get("/v1/accounts", "patient-albion")))
    under_way.start()
    until = time.monotonic() + 10
    while not faults.seen("albion"):
        assert time.monotonic() < until, "the bank was not asked"
        time.sleep(0.02)
    gateway.tell(number)
    assert gateway.wait(20) == 0
    under_way.join()
    assert answers[0].status == 200
    assert answers[0].headers["connection"] == "close"
    stopped = gateway.first(lambda line: line if '"stopped"' in line else None)
    assert json.loads(stopped)["cut"] == 0
    for port in stage.ports.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_lives_and_is_ready_while_it_serves(stage: Stage) -> None:
    for path, member in (("/livez", "live"), ("/readyz", "ready")):
        connection = http.client.HTTPConnection("127.0.0.1", stage.ports["health"], timeout=10)
        connection.request("GET", path)
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())[member]) == (200, True)
        connection.close()
