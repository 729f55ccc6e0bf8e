"""Two replicas behind a real HAProxy are restarted in turn under load: no request fails, though none is tried twice."""

import contextlib
import http.client
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from tests.app.house import build
from tests.app.running import Running, until

pytestmark = [
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed"),
    pytest.mark.timeout(300),  # four gateways start, on a machine that may be busy
]

# Checks come more often than the notice lasts: a replica is known to go before it takes no more.
HAPROXY = """
defaults
  mode http
  retries 0
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout check 2s
frontend callers
  bind 127.0.0.1:{front}
  default_backend replicas
backend replicas
  balance roundrobin
  option httpchk GET /readyz
  default-server check inter 100ms fall 1 rise 1 no-check-ssl ssl verify required ca-file {root}/a/secrets/ca.pem
  server a 127.0.0.1:{a[service]} port {a[health]} ca-file {root}/a/secrets/ca.pem
  server b 127.0.0.1:{b[service]} port {b[health]} ca-file {root}/b/secrets/ca.pem
listen stats
  bind 127.0.0.1:{stats}
  stats enable
  stats uri /
"""
CALLERS = 4


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in held]


class Replica:
    """A gateway that comes back on the same ports."""

    def __init__(self, root: pathlib.Path, service: int, health: int) -> None:
        self.root, self.ports = root, {"service": service, "health": health}
        root.mkdir()
        settings = build(root)
        text = settings.read_text().replace("address: 127.0.0.1:0", f"address: 127.0.0.1:{service}")
        text = text.replace("health: {address: '127.0.0.1:0'}", f"health: {{address: '127.0.0.1:{health}'}}")
        settings.write_text(text.replace("notice: 0s", "notice: 2s"))
        self.gateway = Running(root)

    def restart(self) -> None:
        assert self.gateway.end(signal.SIGTERM) == 0
        assert self.gateway.line("stopped")["cut"] == 0
        self.gateway.close()
        self.gateway = Running(self.root)
        self.gateway.serving()


@pytest.fixture
def replicas(tmp_path: pathlib.Path) -> Iterator[dict[str, Replica]]:
    ports = free_ports(4)
    made = {"a": Replica(tmp_path / "a", *ports[:2]), "b": Replica(tmp_path / "b", *ports[2:])}
    try:
        for replica in made.values():
            replica.gateway.serving()
        yield made
    finally:
        for replica in made.values():
            replica.gateway.close()


@pytest.fixture
def balancer(tmp_path: pathlib.Path, replicas: dict[str, Replica]) -> Iterator[dict[str, int]]:
    front, stats = free_ports(2)
    ports = {name: replica.ports for name, replica in replicas.items()}
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(root=tmp_path, front=front, stats=stats, **ports))
    with subprocess.Popen(["haproxy", "-f", str(configuration), "-db"], stderr=subprocess.DEVNULL) as process:
        yield {"front": front, "stats": stats}
        process.terminate()


def up(balancer: dict[str, int]) -> set[str]:
    """The replicas that the balancer calls."""
    with (
        contextlib.suppress(OSError),
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", balancer["stats"])) as c,
    ):
        c.request("GET", "/;csv")
        rows = [line.split(",") for line in c.getresponse().read().decode().splitlines()]
        return {row[1] for row in rows if row[0] == "replicas" and row[1] in {"a", "b"} and row[17] == "UP"}
    return set()


def test_a_rolling_restart_under_load_fails_no_request(replicas: dict[str, Replica], balancer: dict[str, int]) -> None:
    until(lambda: up(balancer) == {"a", "b"})
    stop, failures, answered = threading.Event(), [], [0] * CALLERS

    def call(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", balancer["front"], timeout=30)
        while not stop.is_set():
            try:
                connection.request("GET", "/open/banks")
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                failures.append(type(error).__name__)
                connection.close()
                continue
            answered[number] += 1
            stop.wait(0.01)  # the replicas that start need the processor too
            if answer.status != 200 or not body.startswith(b'{"banks":['):
                failures.append(f"{answer.status} {body[:100]!r}")
        connection.close()

    callers = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        for replica in replicas.values():
            before = list(answered)
            replica.restart()
            until(lambda: up(balancer) == {"a", "b"})
            assert all(now > then for now, then in zip(answered, before, strict=True))
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    assert failures == []
