"""A service of the demo signs its calls with a library of another make, and trusts what the gateway signs."""

from types import SimpleNamespace
from typing import Any

import http_message_signatures as library
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from gateway.demo.calls import Answer, Service
from gateway.demo.stage import Stage
from tests.e2e.surroundings import VALIDATORS

PATH = "/signed/banks"
ANSWERS = ("@status", '"@method";req', '"@target-uri";req', '"signature";req', '"signature-input";req')
ES256 = library.algorithms.ECDSA_P256_SHA256


class Keys(library.HTTPSignatureKeyResolver):
    def __init__(self, stage: Stage) -> None:
        secrets = stage.folder.secrets
        self._ours = load_pem_private_key((secrets / "banks/client.key").read_bytes(), password=None)
        self._theirs = load_pem_x509_certificate((secrets / "server.pem").read_bytes()).public_key()

    def resolve_private_key(self, _key_id: str) -> Any:
        return self._ours

    def resolve_public_key(self, _key_id: str) -> Any:
        return self._theirs


class Signing:
    """Calls of the service `ledger`."""

    def __init__(self, stage: Stage) -> None:
        self._keys = Keys(stage)
        self._service = Service(stage)
        self._authorization = stage.folder.token("ledger")

    def signed(self, path: str = PATH) -> Any:
        headers = {"Authorization": self._authorization}
        request = SimpleNamespace(method="GET", url=f"https://gateway.example{path}", headers=headers)
        signer = library.HTTPMessageSigner(signature_algorithm=ES256, key_resolver=self._keys)
        covered = ("@method", "@target-uri", "authorization")
        signer.sign(request, key_id="ledger-1", tag="fapi-2-request", covered_component_ids=covered)
        return request

    def send(self, request: Any, path: str = PATH, service: Service | None = None) -> Answer:
        told = {name: value for name, value in request.headers.items() if name.startswith("Signature")}
        return (service or self._service).get(path, **told)

    def verify(self, answer: Answer, request: Any) -> None:
        message = SimpleNamespace(status_code=answer.status, headers=dict(answer.headers), request=request, url="")
        verifier = library.HTTPMessageVerifier(signature_algorithm=ES256, key_resolver=self._keys)
        verifier.verify(message, expect_tag="fapi-2-response", require_components=ANSWERS, body=answer.body)


@pytest.fixture
def signing(stage: Stage) -> Signing:
    return Signing(stage)


def test_a_signed_call_is_answered_signed_and_counts_once(signing: Signing) -> None:
    request = signing.signed()
    answer = signing.send(request)
    assert answer.status == 200, answer
    VALIDATORS["banks"].validate(answer.json)
    signing.verify(answer, request)
    with pytest.raises(library.InvalidSignature):
        signing.verify(answer, signing.signed())
    again = signing.send(request)
    VALIDATORS["problem"].validate(again.json)
    assert (again.status, again.json["code"]) == (401, "signature_refused")
    assert again.json["detail"] == "The request is refused: its signature was used before."


def test_a_call_without_a_signature_is_told_what_to_sign(stage: Stage) -> None:
    answer = Service(stage).get(PATH)
    VALIDATORS["problem"].validate(answer.json)
    assert (answer.status, answer.json["code"]) == (401, "signature_refused")
    assert answer.headers["accept-signature"] == (
        'sig=("@method" "@target-uri" "authorization");created;tag="fapi-2-request"'
    )


def test_the_key_of_one_service_is_no_other_services(stage: Stage, signing: Signing) -> None:
    others = Service(stage, certificate="reports", token="reports")
    answer = signing.send(signing.signed(), service=others)
    assert (answer.status, answer.json["code"]) == (401, "signature_refused")
    assert "none of this caller is known" in answer.json["detail"]
