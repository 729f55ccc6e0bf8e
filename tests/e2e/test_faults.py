"""What banks do wrong, as callers are told: cases in `cases/faults.yaml`, each at a bank of each dialect."""

import pathlib
import time
from typing import Any

import pytest
import yaml

from gateway.demo.calls import ask
from gateway.demo.stage import Stage
from tests.e2e.surroundings import PATIENT, Caller, Faults

CASES = yaml.safe_load(pathlib.Path(__file__).with_name("cases").joinpath("faults.yaml").read_text())
DEADLINE_SECONDS = 3.0


@pytest.mark.parametrize("bank", PATIENT)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_fault_becomes_one_answer(caller: Caller, faults: Faults, bank: str, case: dict[str, Any]) -> None:
    expected, simulated = case["out"], PATIENT[bank]
    path = f"/v1/accounts/{caller.accounts(bank)[0]['id']}/transactions"
    good = caller.get(path, bank).json["transactions"]
    faults.forget()
    faults.set(simulated, *({"operation": "transactions.list", **fault} for fault in case["in"]))
    began = time.monotonic()
    answer = caller.get(path, bank)
    assert time.monotonic() - began < DEADLINE_SECONDS + 2
    assert answer.status == expected["status"], answer
    asked = [one for one in faults.seen(simulated) if one["operation"] == "transactions.list"]
    assert len(asked) == expected["asked"]
    if "code" in expected:
        assert (answer.json["code"], answer.json["origin"]) == (expected["code"], "bank")
        assert answer.json["safe_to_repeat"], "a read may always be repeated"
    else:
        left_out = expected.get("left_out", 0)
        assert len(answer.json["transactions"]) == len(good) - left_out
        assert (answer.json["incomplete"] or {"left_out": 0})["left_out"] == left_out
    for name, value in expected.get("headers", {}).items():
        assert answer.headers[name] == value


def test_one_bad_record_costs_no_other(caller: Caller, faults: Faults) -> None:
    path = f"/v1/accounts/{caller.accounts('patient-albion')[0]['id']}/transactions"
    good = caller.get(path, "patient-albion").json["transactions"]
    faults.set("albion", {"kind": "malformed_record", "operation": "transactions.list"})
    first, again = (caller.get(path, "patient-albion").json for _ in range(2))
    [review] = first["incomplete"]["reviews"]
    assert (review["field"], review["reason"], review["path"]) == ("amount.value", "malformed", "$.Amount.Amount")
    assert [row["id"] for row in good if row not in good[: review["position"]]][1:] == [
        row["id"] for row in first["transactions"][review["position"] :]
    ]
    assert again["incomplete"]["reviews"][0]["review_id"] == review["review_id"], "the same record, the same review"


def test_a_bank_that_fails_is_left_alone_for_a_while(stage: Stage, caller: Caller, faults: Faults) -> None:
    assert caller.get("/v1/banks/brittle-albion").json["health"]["status"] == "up"
    faults.set("albion", {"kind": "500"})
    codes = [caller.get("/v1/accounts", "brittle-albion").json["code"] for _ in range(3)]
    assert codes == ["bank_failed", "bank_failed", "bank_unreachable"]
    assert len(faults.seen("albion")) == 2, "the third call was not sent"
    assert caller.get("/v1/banks/brittle-albion").json["health"]["status"] == "down"
    # The same institution under another file has a circuit of its own.
    faults.forget()
    assert caller.get("/v1/accounts", "patient-albion").status == 200
    metrics = ask("GET", f"{stage.health}/metrics").body.decode()
    assert 'bank="brittle-albion"' in metrics
