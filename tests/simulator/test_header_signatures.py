"""Banks that want signed headers take what is signed as they ask, and refuse the rest in their dialect's words."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from gateway.signatures.cavage import Cavage, build_signer
from gateway.signatures.header_lines import Request
from tests.simulator.conftest import NOON
from tests.simulator.sealed import answered, bank, header, issued, keys, replaced, request_to, signed

BERLIN = Cavage(covered=("digest", "x-request-id", "date"), certificate="der")
STET = Cavage(
    covered=("(request-target)", "digest", "x-request-id", "date"),
    key_id="https://gateway.example/seal_{sha256_hex}",
)
SIGN = build_signer(BERLIN, keys("RS256", issued()))
HAVEL, LUTECE = bank("havel"), bank("lutece")


def refusal(request: Request) -> tuple[int, str, str]:
    """Status, code and path of a refusal of the Berlin Group's."""
    answer = answered(HAVEL, request)
    [message] = json.loads(answer.body)["tppMessages"]
    return answer.status, message["code"], message.get("path", "")


@pytest.mark.parametrize("algorithm", ["RS256", "RS512"])
@pytest.mark.parametrize("digest", ["SHA-256", "SHA-512"])
def test_what_is_signed_as_asked_is_answered(algorithm: str, digest: str):
    for simulated, settings in ((HAVEL, BERLIN), (LUTECE, STET)):
        sign = build_signer(msgspec.structs.replace(settings, digest=digest), keys(algorithm, issued()))
        answer = answered(simulated, signed(sign, request_to(simulated)))
        assert answer.status == 200, answer.body


def test_without_seals_no_signature_is_asked_for():
    asking = bank("havel")
    asking._seals = None
    assert answered(asking, request_to(asking)).status == 200


def names(listed: str) -> Callable[[Request], Request]:
    return lambda request: replaced(
        request, "Signature", header(request, "signature").replace("digest x-request-id date psu-id", listed)
    )


def text(old: str, new: str, name: str = "Signature") -> Callable[[Request], Request]:
    return lambda request: replaced(request, name, header(request, name).replace(old, new))


def weak_digest(request: Request) -> Request:
    value = base64.b64encode(hashlib.sha1(request.body, usedforsecurity=False).digest()).decode()
    settings = msgspec.structs.replace(BERLIN)
    sign = build_signer(settings, keys("RS256", issued()))
    return replaced(signed(sign, request), "Digest", f"SHA={value}")


INVALID = (401, "SIGNATURE_INVALID", "Signature")
MALFORMED = (400, "SIGNATURE_INVALID", "Signature")
DIGEST = (401, "SIGNATURE_INVALID", "Digest")
SIGNER = (401, "CERTIFICATE_INVALID", "Signature")
CASES = {
    "missing": (lambda request: replaced(request, "Signature", None), (401, "SIGNATURE_MISSING", "Signature")),
    "no-certificate": (
        lambda request: replaced(request, "TPP-Signature-Certificate", None),
        (401, "CERTIFICATE_MISSING", "TPP-Signature-Certificate"),
    ),
    "certificate-of-nonsense": (
        lambda request: replaced(request, "TPP-Signature-Certificate", "AAAA"),
        (401, "CERTIFICATE_INVALID", "TPP-Signature-Certificate"),
    ),
    "another-serial": (text("SN=9fa1,", "SN=9fa2,"), SIGNER),
    "another-issuer": (text("C=CZ", "C=SK"), SIGNER),
    "no-serial-at-all": (text("SN=9fa1,CA=", "key="), SIGNER),
    "without-digest": (names("x-request-id date psu-id"), INVALID),
    "without-psu-id": (names("digest x-request-id date"), INVALID),
    "a-name-twice": (names("digest digest x-request-id date psu-id"), INVALID),
    "a-capital": (names("Digest x-request-id date psu-id"), INVALID),
    "two-blanks": (names("digest  x-request-id date psu-id"), INVALID),
    "created": (names("digest x-request-id date psu-id (created)"), INVALID),
    "an-absent-header": (names("digest x-request-id date psu-id x-absent"), INVALID),
    "unknown-algorithm": (text("rsa-sha256", "rsa-sha1"), INVALID),
    "another-algorithm": (text("rsa-sha256", "rsa-sha512"), INVALID),
    "a-parameter-twice": (text('algorithm="rsa-sha256"', 'algorithm="rsa-sha256",algorithm="rsa-sha256"'), MALFORMED),
    "no-parameters": (lambda request: replaced(request, "Signature", "signed"), MALFORMED),
    "a-weak-digest": (weak_digest, DIGEST),
    "no-digest": (lambda request: replaced(request, "Digest", None), DIGEST),
    "another-body": (lambda request: msgspec.structs.replace(request, body=b" "), DIGEST),
    "another-request-id": (text("-", "0", "X-Request-ID"), INVALID),
    "another-psu": (lambda request: replaced(request, "PSU-ID", "somebody else"), INVALID),
    "a-value-with-two-leading-blanks": (lambda request: replaced(request, "PSU-ID", " blanka"), INVALID),
    "a-date-of-long-ago": (text("12:00:00", "11:57:59", "Date"), (401, "SIGNATURE_INVALID", "Date")),
    "a-date-of-nonsense": (lambda request: replaced(request, "Date", "now"), (401, "SIGNATURE_INVALID", "Date")),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_is_refused_in_the_words_of_the_berlin_group(case: str):
    change, told = CASES[case]
    request = replaced(request_to(HAVEL), "PSU-ID", "blanka")
    assert answered(HAVEL, signed(SIGN, request)).status == 200
    assert refusal(change(signed(SIGN, request))) == told


@pytest.mark.parametrize(
    ("certificate", "code"),
    [
        (issued("Somebody Else Ltd"), "CERTIFICATE_INVALID"),
        (issued(issuer_key="elsewhere"), "CERTIFICATE_INVALID"),
        (issued(begins=NOON - timedelta(days=40)), "CERTIFICATE_EXPIRED"),
        (issued(begins=NOON + timedelta(days=1)), "CERTIFICATE_EXPIRED"),
    ],
    ids=["of-another", "of-another-authority", "ended", "not-yet"],
)
def test_a_certificate_that_does_not_count_is_refused(certificate, code: str):
    sign = build_signer(BERLIN, keys("RS256", certificate))
    assert refusal(signed(sign, request_to(HAVEL)))[:2] == (401, code)


def test_stet_refuses_in_its_own_words_and_the_target_counts():
    request = signed(build_signer(STET, keys("RS256", issued())), request_to(LUTECE))
    other = msgspec.structs.replace(request, target=request.target + "?page=2")
    stranger = build_signer(STET, keys("RS256", issued(serial=7)))
    by_name = build_signer(msgspec.structs.replace(STET, key_id="{serial_hex}"), keys("RS256", issued()))
    for changed, status, message in (
        (replaced(request, "Signature", None), 400, "The signature is missing: Signature"),
        (replaced(request, "Signature", "keyId=seal"), 400, "The signature is malformed: Signature"),
        (other, 401, "The signature is not valid: Signature"),
        (signed(stranger, request_to(LUTECE)), 403, "The certificate of the signature is not registered: Signature"),
        (signed(by_name, request_to(LUTECE)), 403, "The certificate of the signature is not registered: Signature"),
    ):
        answer = answered(LUTECE, changed)
        assert (answer.status, json.loads(answer.body)["message"]) == (status, message)
