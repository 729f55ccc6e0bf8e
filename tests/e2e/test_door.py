"""What the gateway and the banks refuse, each as one problem: cases in `cases/door.yaml` and `cases/banks.yaml`."""

import contextlib
import http.client
import pathlib
import socket
import ssl
import uuid
from typing import Any

import pytest
import yaml

from gateway.demo.calls import Service
from gateway.demo.stage import Stage
from tests.e2e.surroundings import Caller, Faults

FOLDER = pathlib.Path(__file__).with_name("cases")
CASES = [
    pytest.param(case, id=case["name"])
    for file in ("door.yaml", "banks.yaml")
    for case in yaml.safe_load((FOLDER / file).read_text())
]


@pytest.mark.parametrize("case", CASES)
def test_refuses_with_a_problem(stage: Stage, case: dict[str, Any]) -> None:
    asked, expected = case["in"], case["out"]
    credentials = {name: asked[name] for name in ("certificate", "token") if name in asked}
    path, consent = asked["path"], asked.get("consent")
    if "{account}" in path:
        path = path.replace("{account}", Caller(stage).accounts(consent)[0]["id"])
    answer = Caller(stage, **credentials).get(path, consent, **asked.get("headers", {}))
    problem = answer.json
    assert (answer.status, problem["code"]) == (expected["status"], expected["code"]), answer
    assert problem["origin"] == expected.get("origin", "gateway")
    for name, part in expected.get("headers", {}).items():
        assert part in answer.headers[name]


def test_a_handshake_without_a_certificate_fails(stage: Stage) -> None:
    assert Service(stage, certificate=None).shake_hands() == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    assert Service(stage).shake_hands() is None


def test_a_certificate_of_another_authority_is_refused_in_the_handshake(stage: Stage) -> None:
    context = ssl.create_default_context(cafile=str(stage.folder.authority))
    # Signed by the banks' authority, which speaks for no service.
    context.load_cert_chain(stage.folder.secrets / "banks/client.pem", stage.folder.secrets / "banks/client.key")
    connection = http.client.HTTPSConnection("localhost", stage.ports["service"], timeout=10, context=context)
    with contextlib.closing(connection), pytest.raises((ssl.SSLError, ConnectionError)):
        _get(connection, "/v1/banks")


def _get(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path)
    return connection.getresponse().status


def test_plain_http_on_the_tls_port_gets_no_answer_of_the_contract(stage: Stage) -> None:
    with socket.create_connection(("127.0.0.1", stage.ports["service"]), timeout=10) as plain:
        plain.sendall(b"GET /v1/banks HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            received = plain.recv(4096)
        except ConnectionError:
            received = b""
    assert b"HTTP/1.1 200" not in received


def test_a_spent_window_says_how_long_to_wait(caller: Caller) -> None:
    answers = [caller.get("/limited/banks") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[-1].json["code"] == "rate_limited"
    assert answers[-1].json["violated-policies"] == ["few"]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[0].headers["ratelimit-policy"] == '"few";q=2;w=3600'


def test_a_cursor_serves_only_the_list_that_gave_it(caller: Caller) -> None:
    first, second = caller.accounts("amelia-at-albion")[:2]
    cursor = caller.get(f"/v1/accounts/{first['id']}/transactions", "amelia-at-albion").json["next"]
    path = f"/v1/accounts/{second['id']}/transactions?cursor={cursor}"
    assert caller.get(path, "amelia-at-albion").status == 410
    other = caller.accounts("patient-albion")[0]["id"]
    assert caller.get(f"/v1/accounts/{other}/transactions?cursor={cursor}", "patient-albion").status == 410
    changed = f"/v1/accounts/{first['id']}/transactions?cursor={cursor}&status=booked"
    assert caller.get(changed, "amelia-at-albion").json["code"] == "request_invalid"


def test_the_ids_of_a_call_are_played_back_and_reach_the_bank(caller: Caller, faults: Faults) -> None:
    interaction = str(uuid.uuid4())
    answer = caller.get("/v1/accounts", "amelia-at-albion", x_fapi_interaction_id=interaction)
    assert answer.headers["x-fapi-interaction-id"] == interaction
    assert ["x-fapi-interaction-id", interaction] in faults.seen("albion")[-1]["headers"]


def test_the_psu_is_told_to_the_bank_only_when_present(caller: Caller, faults: Faults) -> None:
    caller.get("/v1/accounts", "blanka-at-havel")
    caller.get("/v1/accounts", "blanka-at-havel", PSU_IP_Address="203.0.113.9")
    absent, present = (dict(one["headers"]) for one in faults.seen("havel")[-2:])
    assert "psu-ip-address" not in absent
    assert present["psu-ip-address"] == "203.0.113.9"
    # Ours by name, theirs by meaning: the contract's Consent-Id ends at the gateway.
    assert present["consent-id"] == "4c1e6a0e-havel-blanka"
