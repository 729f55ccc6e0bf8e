"""How a step says what must be true."""

from typing import Any

from gateway.demo.calls import Answer
from gateway.demo.folder import CONSENTS, Consented
from gateway.demo.screen import Screen

ALBION, HAVEL, LUTECE, PENNINE = CONSENTS


class StepFailed(Exception):
    """What was said is not so; the message is the sentence that does not hold."""


def prove(screen: Screen, holds: object, sentence: str) -> None:
    """Shows that a sentence holds. Raises StepFailed where it does not."""
    if not holds:
        screen.failed(sentence)
        raise StepFailed(sentence)
    screen.proved(sentence)


def prove_problem(screen: Screen, answer: Answer, status: int, code: str) -> None:
    """Shows a refusal: that it is a problem of RFC 9457 with this status and code."""
    is_problem = answer.headers.get("content-type") == "application/problem+json"
    if is_problem:
        screen.document(answer.json, "type", "title", "status", "detail", "code", "origin", "safe_to_repeat")
    told = f"{answer.status}, {answer.json.get('code')}" if is_problem else str(answer.status)
    prove(screen, is_problem and told == f"{status}, {code}", f"refused with a problem: {status}, {code}")


def records(screen: Screen, answer: Answer, plural: str, consent: Consented) -> list[dict[str, Any]]:
    """The records of a page. Raises StepFailed where there is no page, or an empty one."""
    if answer.status != 200 or not answer.json[plural]:
        told = answer.json.get("detail", "an empty page")
        prove(screen, holds=False, sentence=f"{consent.bank} answers {plural} (it answers {answer.status}: {told})")
    found: list[dict[str, Any]] = answer.json[plural]
    return found
