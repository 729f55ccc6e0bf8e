"""Messages that are signed whole (RFC 9421): whatever is changed between the gateway and the bank, the other side sees.

The bank's reading of the standard shares no code with the gateway's.
"""

import json
from collections.abc import Iterator

import msgspec
import pytest

from gateway.demo.calls import Answer, ask
from gateway.demo.folder import CONSENTS, Consented
from gateway.demo.stage import Stage, put_up
from tests.cli.commands import gateway
from tests.e2e.relay import Change, Passing, Relay, unchanged
from tests.e2e.surroundings import Caller
from tests.telemetry.receiving import OtlpReceiver

ALBION = CONSENTS[0]
RELAYED = Consented("relayed", "relayed", "albion", ALBION.token, ALBION.bank_consent_id)
BANK = """\
extends: albion-sandbox
base_urls: {{default: "https://localhost:{port}/albion/open-banking/v3.1/aisp"}}
circuit: {{failures: 1000}}
retry: {{attempts: 1}}
"""


class Between:
    """A gateway that calls a bank through a relay."""

    def __init__(self, stage: Stage, relay: Relay) -> None:
        self.stage = stage
        self.relay = relay
        self._caller = Caller(stage)
        self._admin = f"{stage.simulator_admin}/banks/albion"

    def accounts(self, *, request: Change = unchanged, answer: Change = unchanged) -> Answer:
        """The accounts, by an exchange with the bank that is changed on its way."""
        self.relay.request, self.relay.answer = request, answer
        ask("DELETE", f"{self._admin}/requests")
        return self._caller.get("/v1/accounts", RELAYED.id, Cache_Control="no-cache")

    def seen(self) -> list[int]:
        """The statuses that the bank has answered since the last call."""
        return [one["status"] for one in ask("GET", f"{self._admin}/requests").json["requests"]]

    def spoil(self, *faults: dict[str, object]) -> None:
        assert ask("PUT", f"{self._admin}/faults", {"faults": faults}).status == 200


@pytest.fixture(scope="module")
def between(receiver: OtlpReceiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    relay = Relay()
    files = {"adapters/banks/relayed.yaml": BANK.format(port=relay.port)}
    root = tmp_path_factory.mktemp("between") / "gateway"
    with put_up(root, consents=(ALBION, RELAYED), files=files, receiver=receiver.endpoint) as stage:
        written = (stage.folder.files / "adapters/banks/albion-sandbox.yaml").read_text()
        [upstream] = [line.split()[1] for line in written.splitlines() if line.strip().startswith("default:")]
        with relay.opened(stage.folder, upstream):
            yield Between(stage, relay)


def of(name: str, old: str, new: str) -> Change:
    return lambda passing: passing.replaced(name, old, new)


def first(old: str, new: str) -> Change:
    return lambda passing: msgspec.structs.replace(passing, first=passing.first.replace(old, new))


def with_digest(passing: Passing) -> Passing:
    return msgspec.structs.replace(passing, headers=(*passing.headers, ("Content-Digest", "sha-256=:AAAA:")))


def noted(into: list[Passing]) -> Change:
    def note(passing: Passing) -> Passing:
        into.append(passing)
        return passing

    return note


def test_what_nobody_changed_is_answered_and_covers_what_the_bank_demands(between: Between) -> None:
    passed: list[Passing] = []
    told: list[Passing] = []

    assert between.accounts(request=noted(passed), answer=noted(told)).status == 200
    assert between.seen() == [200]
    [request], [answer] = passed, told
    for name in ("@method", "@target-uri", "authorization", "x-fapi-interaction-id", "x-fapi-financial-id"):
        assert f'"{name}"' in request.value("signature-input")
    for name in ('"@status"', '"content-digest"', '"content-type"', '"@target-uri";req', '"signature";req'):
        assert name in answer.value("signature-input")


MISSING, INVALID, CLAIM, NO_CLAIM = (
    f"UK.OBIE.Signature.{word}" for word in ("Missing", "Invalid", "InvalidClaim", "MissingClaim")
)
# What is changed -> the code in which the bank refuses it.
HEADERS: dict[str, tuple[Change, str]] = {
    "one-that-is-covered": (of("x-fapi-interaction-id", "-", "0"), INVALID),
    "another": (of("x-fapi-financial-id", "00", "01"), INVALID),
    "the-token": (of("authorization", "amelia", "basic"), INVALID),
}
SIGNED: dict[str, tuple[Change, str]] = {
    "the-target": (first("/accounts", "/accounts?page=1"), INVALID),
    "created": (of("signature-input", ";created=1", ";created=2"), CLAIM),
    "the-key-id": (of("signature-input", "gateway-seal", "another"), INVALID),
    "the-tag": (of("signature-input", "fapi-2-request", "another"), NO_CLAIM),
    "an-algorithm": (of("signature-input", ";tag", ';alg="hmac-sha256";tag'), CLAIM),
    "a-nonce": (of("signature-input", ";tag", ';nonce="n";tag'), INVALID),
    "what-is-covered": (of("signature-input", '"authorization" ', ""), INVALID),
    "a-digest-of-another-body": (with_digest, INVALID),
    "no-signature": (lambda passing: passing.without("signature", "signature-input"), MISSING),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_was_changed_is_refused_by_the_bank_whose_word_is_told(between: Between, case: str) -> None:
    change, code = HEADERS[case]
    answer = between.accounts(request=change)
    assert between.seen() == [400]
    assert (answer.status, answer.json["code"], answer.json["bank_code"]) == (422, "bank_refused", code)


@pytest.mark.parametrize("case", SIGNED)
def test_the_refusal_of_what_the_gateway_never_asked_is_not_its_answer(between: Between, case: str) -> None:
    """The bank signs its refusal together with the request that it got, and that is none of the gateway's."""
    change, code = SIGNED[case]
    told: list[Passing] = []
    answer = between.accounts(request=change, answer=noted(told))
    assert between.seen() == [400]
    assert json.loads(told[0].body)["Errors"][0]["ErrorCode"] == code
    assert (answer.status, answer.json["code"], answer.json["bank"]) == (502, "bank_signature_refused", "relayed")
    assert answer.json["bank_status"] == 400


ANSWERS: dict[str, Change] = {
    "the-status": first("200", "203"),
    "the-body": lambda passing: msgspec.structs.replace(passing, body=passing.body.replace(b"Everyday", b"Everynight")),
    "the-digest": of("content-digest", "sha-256=:", "sha-256=:AAAA"),
    "a-covered-header": of("content-type", "application/json", "application/json;charset=UTF-8"),
    "created": of("signature-input", ";created=1", ";created=2"),
    "the-key-id": of("signature-input", "albion-messages", "another"),
    "what-is-covered": of("signature-input", '"signature";req ', ""),
    "no-signature": lambda passing: passing.without("signature", "signature-input"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_that_was_changed_is_not_read(between: Between, case: str) -> None:
    answer = between.accounts(answer=ANSWERS[case])
    assert between.seen() == [200]
    assert (answer.status, answer.json["code"], answer.json["bank"]) == (502, "bank_signature_refused", "relayed")


def test_the_answer_to_another_request_is_not_read(between: Between) -> None:
    told: list[Passing] = []
    assert between.accounts(answer=noted(told)).status == 200
    answer = between.accounts(answer=lambda _passing: told[0])
    assert (answer.status, answer.json["code"]) == (502, "bank_signature_refused")


def test_an_answer_that_the_bank_signed_wrongly_is_kept_for_review(between: Between) -> None:
    between.spoil({"kind": "bad_signature", "count": 1})
    answer = between.accounts()
    assert (answer.status, answer.json["code"], answer.json["origin"]) == (502, "bank_signature_refused", "bank")
    assert "relayed" in answer.json["detail"]
    review = answer.json["review"]
    opened = gateway("review", "open", review, "--settings", str(between.stage.folder.settings)).stdout.decode()
    head, _, body = opened.partition("\n\n")
    assert "signature-input: " in head.lower()
    assert body.startswith('{"Data":{"Account":[')
    assert between.accounts().status == 200


def test_a_failure_that_the_bank_signed_is_the_banks(between: Between) -> None:
    between.spoil({"kind": "500", "count": 1})
    assert between.accounts().json["code"] == "bank_failed"
