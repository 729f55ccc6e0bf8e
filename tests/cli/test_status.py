"""`gateway status`: what a gateway serves, or one line that says why it can not be told."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.app.house import build

STATE = {
    "files": {"generation": 4, "hash": "cafe" * 16, "age_seconds": 7300.0, "last_refusal": ["a.yaml:1:1 is wrong"]},
    "workers": [
        {"worker": 1, "state": "serving", "pid": 17, "generation": 4, "hash": "cafe" * 16, "age_seconds": 30.4,
         "in_flight": 2, "connections": 3},
        {"worker": 2, "state": "starting", "pid": 18},
    ],
    "certificates_refusal": [],
}  # fmt: skip


class _Admin(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = {"/status": json.dumps(STATE).encode()}.get(self.path)
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(found or b"")))
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def admin() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Admin) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_every_worker_has_a_row(inside, admin):
    code, answer, told = inside("status", "--admin", admin)
    assert (code, told) == (0, [])
    head, titles, *rows = (line.split() for line in answer.splitlines())
    assert " ".join(head) == "generation 4, cafecafecafe, for 2.0 h"
    assert titles == ["WORKER", "STATE", "PID", "GENERATION", "HASH", "AGE", "IN", "FLIGHT", "CONNECTIONS"]
    assert rows[:2] == [["1", "serving", "17", "4", "cafecafecafe", "30", "s", "2", "3"], ["2", "starting", "18"]]
    assert [" ".join(row) for row in rows[2:]] == ["files were refused, the old ones go on:", "a.yaml:1:1 is wrong"]


def test_as_data_it_is_what_the_listener_tells(inside, admin):
    code, answer, told = inside("status", "--admin", admin, "--format", "json")
    assert (code, json.loads(answer), told) == (0, STATE, [])


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1", "no gateway can be asked there"),
        ("127.0.0.1:1", "is not a URL of the form http://HOST:PORT"),
        ("http://127.0.0.1:x", "no gateway can be asked there"),
    ],
)
def test_what_can_not_be_asked_is_one_line(inside, url, why):
    code, answer, (told,) = inside("status", "--admin", url)
    assert (code, answer) == (1, "")
    assert why in told


def test_a_port_that_only_the_gateway_knows_must_be_named(inside, tmp_path):
    code, _, (told,) = inside("status", "--settings", str(build(tmp_path)))
    assert code == 1
    assert told == "gateway: the settings let the admin listener take any port: name it with --admin"
