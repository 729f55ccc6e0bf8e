"""Secrets and payloads that go through the gateway are looked for in everything that it tells anybody else."""

from collections.abc import Iterator

import pytest

from gateway.demo.calls import Answer, Service, ask, new_traceparent
from gateway.demo.stage import Stage
from tests.e2e.surroundings import ALL_CONSENTS, PATIENT, Caller, Faults
from tests.telemetry.receiving import OtlpReceiver

PSU_ADDRESS, PSU_AGENT = "203.0.113.77", "CanaryBrowser/7.31 (somebody's telephone)"
QUERY = "from=2021-03-04"


def canaries(stage: Stage, pages: list[Answer]) -> Iterator[tuple[str, str]]:
    """(what, text) of all that must not be told: credentials, consents, the PSU, and values of payloads."""
    for name in ("ledger", "reports"):
        token = stage.folder.token(name).removeprefix("Bearer ")
        yield f"the token of {name}", token
        yield f"the token's signature of {name}", token.rpartition(".")[2]
    for consent in ALL_CONSENTS:
        yield "a bank's token", consent.token
        yield "a consent", consent.id if consent.id not in {*PATIENT, "brittle-albion"} else consent.bank_consent_id
        yield "a bank's consent", consent.bank_consent_id
    for reference in ("ids.key", "cursors.key", "hashes.key"):
        yield reference, (stage.folder.secrets / reference).read_text()
    yield "the PSU's address", PSU_ADDRESS
    yield "the PSU's agent", PSU_AGENT
    yield "a query", QUERY.partition("=")[2]
    for page in pages:
        if page.json["next"]:
            yield "a cursor", page.json["next"]
        for account in page.json.get("accounts", ()):
            yield "an account", account["id"]
            yield from (("a number", one["value"]) for one in account["identifications"])
            yield from (("a holder", name) for name in account["holders"])
        for row in page.json.get("transactions", ()):
            yield "a transaction", row["id"]
            yield from (("a text", text) for text in row["remittance"]["unstructured"])
            if row["counterparty"]:
                yield from (("a counterparty's number", one["value"]) for one in row["counterparty"]["identifications"])


@pytest.fixture
def told(stage: Stage, receiver: OtlpReceiver, caller: Caller, faults: Faults) -> dict[str, str]:
    """Calls that go well and calls that fail, each with canaries; then what each sink has of them, and the canaries."""
    psu = {"PSU_IP_Address": PSU_ADDRESS, "PSU_User_Agent": PSU_AGENT}
    pages: list[Answer] = []
    problems: list[Answer] = []
    for bank, simulated in PATIENT.items():
        pages.append(caller.get("/v1/accounts", bank, **psu))
        path = f"/v1/accounts/{pages[-1].json['accounts'][0]['id']}/transactions"
        pages.append(caller.get(f"{path}?{QUERY}", bank, **psu))
        faults.set(simulated, {"kind": "malformed_record", "operation": "transactions.list"})
        pages.append(caller.get(f"{path}?{QUERY}", bank, **psu))
        for kind in ("500", "half_body", "reset"):
            faults.set(simulated, {"kind": kind, "operation": "transactions.list"})
            problems.append(caller.get(path, bank, **psu))
        faults.forget()
        problems.append(caller.get(f"{path}?cursor={pages[1].json['next'] or 'AAAA'}&status=pending", bank, **psu))
    problems += [caller.get("/v1/accounts", consent.id, **psu) for consent in ALL_CONSENTS if "lapsed" in consent.id]
    problems.append(Caller(stage, certificate="reports").get("/v1/accounts", "amelia-at-albion", **psu))
    problems.append(caller.get("/v1/accounts", "amelia-at-albion", x_request_id="GB80ALBN90551240718263"))
    problems.append(caller.get("/v1/accounts/GB80ALBN90551240718263/balances?token=abc", "amelia-at-albion"))
    trace_id, _, traceparent = new_traceparent()
    last = Service(stage).get("/v1/accounts", "amelia-at-albion", traceparent=traceparent)
    gateway = stage.children[-1]
    gateway.first(lambda line: line if trace_id in line else None)
    while not any(span["trace_id"] == trace_id for span in receiver.spans(len(receiver.spans(0)) + 1, 2)):
        pass
    assert last.status == 200
    assert all(problem.status >= 400 for problem in problems)
    sinks = {
        "the log": gateway.log.read_text(),
        "the spans": receiver.raw().decode("latin-1"),
        "the metrics": ask("GET", f"{stage.health}/metrics").body.decode(),
        "the state": ask("GET", f"{stage.admin}/status").body.decode(),
        "the problems": "\n".join(f"{one.headers} {one.body.decode()}" for one in problems),
    }
    for sink, marks in {
        "the log": [trace_id, "patient-havel"],
        "the spans": ["patient-havel", "gateway.consent.hash"],
        "the metrics": ['bank="patient-havel"'],
        "the state": ["patient-havel"],
        "the problems": ["bank_failed", "consent_expired"],
    }.items():
        assert all(mark in sinks[sink] for mark in marks), f"{sink} does not tell of these calls at all"
    found = [
        f"{what} in {sink}"
        for what, text in set(canaries(stage, pages))
        for sink, content in sinks.items()
        if len(text) > 4 and (text in content or text.encode().decode("latin-1") in content)
    ]
    return {"found": "\n".join(sorted(found)), **sinks}


def test_no_canary_is_in_any_sink(told: dict[str, str]) -> None:
    assert told["found"] == ""
