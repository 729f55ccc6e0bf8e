"""What a bank does wrong, and what of it reaches the caller."""

from gateway.demo.calls import Service, ask
from gateway.demo.screen import Screen
from gateway.demo.stage import Stage
from gateway.demo.steps.proving import ALBION, PENNINE, prove, prove_problem, records


def broken_record(stage: Stage, screen: Screen) -> None:
    """One unreadable record costs no other: the page is answered, and says what it lacks."""
    service = Service(stage)
    page = records(screen, service.get("/v1/accounts", ALBION.id), "accounts", ALBION)
    path = f"/v1/accounts/{page[0]['id']}/transactions"
    whole = records(screen, service.get(path, ALBION.id), "transactions", ALBION)
    set_fault(stage, ALBION.simulated, {"kind": "malformed_record", "operation": "transactions.list", "count": 1})
    screen.asked("GET /v1/accounts/{account_id}/transactions, while the bank writes words where one amount stands")
    answer = service.get(path, ALBION.id)
    screen.document(answer.json, "incomplete")
    told = answer.json["incomplete"] or {}
    kept = len(answer.json.get("transactions", ()))
    holds = answer.status == 200 and told.get("left_out") == 1 and kept == len(whole) - 1
    prove(screen, holds, f"{kept} good records are answered, and the page says that it is incomplete, where and why")


def forged_answer(stage: Stage, screen: Screen) -> None:
    """An answer that its bank did not sign is not read: the caller is told whose it was, the operator has it sealed."""
    service = Service(stage)
    set_fault(stage, PENNINE.simulated, {"kind": "bad_signature", "count": 1})
    screen.asked("GET /v1/accounts, while the signature on the bank's answer is of another body")
    answer = service.get("/v1/accounts", PENNINE.id)
    prove_problem(screen, answer, 502, "bank_signature_refused")
    kept = [path.name for path in stage.folder.reviews.iterdir()]
    prove(
        screen, kept == [f"{answer.json.get('review')}.sealed"], "the answer is kept sealed, for `gateway review open`"
    )
    records(screen, service.get("/v1/accounts", PENNINE.id), "accounts", PENNINE)
    prove(screen, holds=True, sentence="the next answer, signed by the bank, is read")


def set_fault(stage: Stage, bank: str, fault: dict[str, object]) -> None:
    """Makes a simulated bank do something wrong."""
    ask("PUT", f"{stage.simulator_admin}/banks/{bank}/faults", {"faults": [fault]})
