"""A bank that fails at one gateway is left alone by the other, through a real Redis, where its file says so."""

import collections
import contextlib
import http.client
import http.server
import json
import pathlib
import threading
import time
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tests.app import house
from tests.app.running import Running, until
from tests.store.servers import RedisServer

FAILURES = 3
OPEN_FOR = 600
ISSUER, AUDIENCE = "https://identity.test", "https://gateway.test"
POLICY = f"""
defaults:
  timeout: 1m
  body_limit: 0B
  filters:
    - {{name: jwt, issuers: [{{issuer: "{ISSUER}", keys: "file:issuer.json"}}], audience: "{AUDIENCE}", binding: none}}
    - {{name: consent}}
routes:
  - {{name: accounts, method: GET, path: /accounts, operation: accounts.list}}
"""
BANK = """
title: Bank {name}
dialect: uk_openbanking
version: "3.1.11"
environment: sandbox
country: GB
zone: Europe/London
network: private
base_urls: {{default: '{url}/{name}'}}
retry: {{attempts: 1}}
timeouts: {{connect: 30s, answer: 50s}}
circuit: {{failures: {failures}, window: 10m, open_for: {open_for}s, shared: {shared}}}
"""
# What one gateway has seen of either bank is the other's business only where this says so.
SHARED = {"one": "true", "two": "false"}


class FailingBanks:
    """Both banks, behind one address: whoever asks is answered 500, and counted by the bank's name."""

    def __init__(self) -> None:
        self.asked: collections.Counter[str] = collections.Counter()
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked[self.path.split("/")[1]] += 1
                self.send_response(500)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._serving = threading.Thread(target=self._server.serve_forever)
        self._serving.start()

    def close(self) -> None:
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()


class Issuer:
    """Signs the one token that callers here have; its keys lie in a file."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        self.keys = json.dumps({"keys": [{**public, "kid": "k", "alg": "ES256", "use": "sig"}]})
        now = int(time.time())
        about = {"iss": ISSUER, "aud": AUDIENCE, "sub": "s", "client_id": "s", "tenant": "t", "scope": "", "jti": "j"}
        headers = {"typ": "at+jwt", "kid": "k"}
        self.token = jwt.encode({**about, "iat": now, "exp": now + 3600}, key, "ES256", headers)


class Replica(Running):
    """A gateway of one process, which serves both banks."""

    def __init__(
        self, root: pathlib.Path, tree: pathlib.Path, redis: RedisServer, banks: FailingBanks, issuer: Issuer
    ) -> None:
        root.mkdir()
        settings = house.build(root)
        more = f"redis: {{url: '{redis.url}', timeout: 5s, connect_timeout: 10s}}\nconsents: consents.yaml\n"
        settings.write_text(settings.read_text() + more)
        house.write(root, "policies/open.yaml", POLICY)
        listed = "consents:\n"
        for name, shared in SHARED.items():
            text = BANK.format(name=name, url=banks.url, failures=FAILURES, open_for=OPEN_FOR, shared=shared)
            house.write(root, f"adapters/banks/{name}.yaml", text)
            listed += f"  - {{id: {name}, tenant: t, bank: {name}, access_token: 'file:token'}}\n"
        (root / "consents.yaml").write_text(listed)
        (root / "secrets/issuer.json").write_text(issuer.keys)
        (root / "secrets/token").write_text("simulated")
        self._headers = {"Authorization": f"Bearer {issuer.token}"}
        super().__init__(root, tree=tree)

    def call(self, bank: str) -> tuple[int, str, str | None]:
        """Status, the problem's code, and for how many seconds the caller is asked to wait."""
        with contextlib.closing(self.connection("service")) as connection:
            connection.request("GET", "/accounts", headers={**self._headers, "Consent-Id": bank})
            answer: http.client.HTTPResponse = connection.getresponse()
            problem = json.loads(answer.read())
            return answer.status, problem["type"].rpartition(":")[2], answer.headers.get("Retry-After")

    def circuit(self, bank: str, state: str) -> bool:
        """Whether the bank's circuit is in this state here."""
        return self.counted(f'gateway_bank_circuit_state{{bank="{bank}",state="{state}"}}') == 1


@pytest.fixture
def redis(tmp_path: pathlib.Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with contextlib.closing(RedisServer(folder)) as server:
        yield server


@pytest.fixture
def banks() -> Iterator[FailingBanks]:
    with contextlib.closing(FailingBanks()) as made:
        yield made


@pytest.fixture
def replicas(tmp_path: pathlib.Path, redis: RedisServer, banks: FailingBanks) -> Iterator[list[Replica]]:
    tree, issuer = house.bare(tmp_path / "tree", "mappings/uk_openbanking"), Issuer()
    with contextlib.ExitStack() as ends:
        made = []
        for name in ("here", "there"):
            made.append(Replica(tmp_path / name, tree, redis, banks, issuer))
            ends.callback(made[-1].close)
        for replica in made:
            replica.serving()
        yield made


def test_a_bank_that_fails_at_one_gateway_is_not_asked_by_the_other(
    replicas: list[Replica], banks: FailingBanks
) -> None:
    here, there = replicas
    # The bank that is not shared first: what were told of it by mistake would be known no later than the other's.
    for bank in ("two", "one"):
        assert [here.call(bank)[:2] for _ in range(FAILURES)] == [(502, "bank_failed")] * FAILURES
        assert here.circuit(bank, "open")
    assert here.call("one")[:2] == (503, "bank_unreachable")
    until(lambda: there.circuit("one", "open"))
    status, code, wait = there.call("one")
    assert (status, code) == (503, "bank_unreachable")
    assert 0 < int(wait or 0) <= OPEN_FOR
    assert banks.asked["one"] == FAILURES, "it was asked by the gateway that saw it fail, and by no other"
    assert there.circuit("two", "closed")
    assert there.call("two")[:2] == (502, "bank_failed")
    assert banks.asked["two"] == FAILURES + 1
