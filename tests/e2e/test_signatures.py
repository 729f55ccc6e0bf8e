"""Signatures from end to end: banks take what the gateway signs, and the gateway reads only what banks sign.

The simulated banks verify by a reading of the standards that shares no code with the gateway's.
"""

from gateway.demo.folder import CONSENTS
from gateway.demo.stage import Stage
from tests.cli.commands import gateway
from tests.e2e.surroundings import Caller, Faults

_ALBION, HAVEL, LUTECE, PENNINE = CONSENTS


def test_banks_that_ask_for_signatures_are_answered(caller: Caller, faults: Faults) -> None:
    for consent in (HAVEL, LUTECE):
        account = caller.get("/v1/accounts", consent.id).json["accounts"][0]
        page = caller.get(f"/v1/accounts/{account['id']}/transactions?from=2026-01-01", consent.id)
        assert page.status == 200, page
        seen = faults.seen(consent.simulated)
        assert seen
        for request in seen:
            headers = {name.lower() for name, _ in request["headers"]}
            assert {"signature", "digest", "date"} <= headers
            assert request["status"] == 200


def test_an_answer_that_the_bank_did_not_sign_is_a_problem_and_kept(
    stage: Stage, caller: Caller, faults: Faults
) -> None:
    assert caller.get("/v1/accounts", PENNINE.id).status == 200
    faults.set("pennine", {"kind": "bad_signature", "count": 1})
    answer = caller.get("/v1/accounts", PENNINE.id)
    assert (answer.status, answer.json["code"], answer.json["origin"]) == (502, "bank_signature_refused", "bank")
    assert answer.json["bank"] == "pennine-sandbox"
    assert "pennine-sandbox" in answer.json["detail"]
    review = answer.json["review"]
    listed = gateway("review", "list", "--settings", str(stage.folder.settings)).stdout.decode()
    assert f"{review}  pennine-sandbox  accounts.list" in listed
    opened = gateway("review", "open", review, "--settings", str(stage.folder.settings)).stdout
    head, _, body = opened.partition(b"\n\n")
    assert b"x-jws-signature: " in head
    assert body.startswith(b'{"Data":{"Account":[')
    # The bank is not ill for it, and the next answer is read.
    assert caller.get("/v1/accounts", PENNINE.id).status == 200


def test_a_failure_that_the_bank_signed_is_the_banks(caller: Caller, faults: Faults) -> None:
    faults.set("pennine", {"kind": "500", "count": 3})
    assert caller.get("/v1/accounts", PENNINE.id).json["code"] == "bank_failed"
