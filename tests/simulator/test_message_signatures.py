"""A bank that wants messages signed whole (RFC 9421) takes what is, refuses the rest, and signs what it answers."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import strategies

from gateway.signatures.algorithms import ALGORITHMS
from gateway.signatures.header_lines import Answer, Request, SignatureRefused
from gateway.signatures.http_signatures import HttpSignatures, build_signer, build_verifier
from gateway.signatures.keys import SigningKey, SigningKeys, VerificationKey, VerificationKeys, Window
from gateway.simulator.bank import SimulatedBank
from gateway.simulator.configuration import MessageAlgorithm, SignedMessages
from gateway.simulator.seals import Seals
from tests.signatures.pems import certificate, private
from tests.simulator.conftest import NOON
from tests.simulator.sealed import (
    answered,
    arrived,
    authority,
    bank,
    header,
    issued,
    keys,
    read_shipped,
    replaced,
    request_to,
    signed,
)

ALBION = bank("albion")
KEYS = keys("PS512", issued(), key_id="gateway-seal")
OURS = HttpSignatures(covered_if_present=("x-fapi-interaction-id", "x-fapi-financial-id"))
BODY = b'{"Data":{"Amount":"1.00"}}'


def sign(**settings: Any) -> Callable[..., Request]:
    """Signs a request as the gateway does for a bank with these settings."""
    signer = build_signer(msgspec.structs.replace(OURS, **settings), KEYS)
    return lambda request, at=NOON: signed(signer, request, at)


def posted() -> Request:
    return request_to(ALBION, method="POST", body=BODY)


def test_what_is_signed_as_asked_is_answered() -> None:
    everything = sign(algorithm=True, nonce=True, validity=60, digest="sha-512")
    for signing in (sign(), everything):
        assert answered(ALBION, signing(request_to(ALBION))).status == 200
        assert answered(ALBION, signing(request_to(ALBION, query="a=b%20c"))).status == 400  # a parameter unknown there
        assert answered(ALBION, signing(posted())).status == 405  # the signature was right, the method is not
    beside = sign()(request_to(ALBION))
    beside = replaced(
        beside, "Signature-Input", f'other=("@method";req "x" );created=1, {header(beside, "signature-input")}'
    )
    assert answered(ALBION, beside).status == 200


@pytest.mark.parametrize(
    ("wire", "jose", "kind"),
    [
        ("rsa-v1_5-sha256", "RS256", "RSA"),
        ("ecdsa-p256-sha256", "ES256", "P-256"),
        ("ecdsa-p384-sha384", "ES384", "P-384"),
        ("ed25519", "EdDSA", "Ed25519"),
    ],
)
def test_a_bank_may_ask_for_any_algorithm_and_takes_no_other(wire: MessageAlgorithm, jose: str, kind: str) -> None:
    wanted = SignedMessages(key_id="ours", algorithm=wire)
    shipped = read_shipped()["albion"]
    asking = msgspec.structs.replace(
        shipped, requires=msgspec.structs.replace(shipped.requires, signed_messages=wanted)
    )
    chain = certificate(kind, begins=NOON - timedelta(days=1))
    simulated = SimulatedBank("albion", asking, lambda: NOON, Seals((chain,), (authority(),), private("RSA", "bank")))

    def status(name: str, key: Any) -> int:
        key = SigningKey("ours", ALGORITHMS[name], Window(), key, ())
        return answered(simulated, signed(build_signer(OURS, SigningKeys((key,), b"")), request_to(simulated))).status

    assert status(jose, private(kind)) == 200
    assert status(jose, private(kind, "another")) == 400
    other = "PS512" if kind == "RSA" else "RS256"
    assert status(other, private("RSA")) == 400


def text(name: str, old: str, new: str) -> Callable[[Request], Request]:
    def change(request: Request) -> Request:
        value = header(request, name)
        assert old in value
        return replaced(request, name, value.replace(old, new, 1))

    return change


def without(name: str) -> Callable[[Request], Request]:
    return lambda request: replaced(request, name, None)


def flipped(request: Request) -> Request:
    label, _, value = header(request, "signature").partition(":")
    raw = bytearray(base64.b64decode(value.rstrip(":")))
    raw[7] ^= 1
    return replaced(request, "Signature", f"{label}:{base64.b64encode(raw).decode()}:")


def digest(algorithm: str, hashed: bytes) -> str:
    return f"{algorithm}=:{base64.b64encode(hashed).decode()}:"


MISSING, MALFORMED, INVALID, CLAIM, NO_CLAIM = (
    f"UK.OBIE.Signature.{word}" for word in ("Missing", "Malformed", "Invalid", "InvalidClaim", "MissingClaim")
)
INPUT = "Signature-Input"
CASES: dict[str, tuple[Callable[[Request], Request], str]] = {
    "no-signature": (without("Signature"), MISSING),
    "no-input": (without(INPUT), MISSING),
    "another-label": (text(INPUT, "sig=", "gis="), MISSING),
    "another-tag": (text(INPUT, "fapi-2-request", "fapi-2-response"), NO_CLAIM),
    "no-list": (text(INPUT, "sig=(", "sig="), MALFORMED),
    "a-capital-in-the-label": (text(INPUT, "sig=", "Sig="), MALFORMED),
    "a-parameter-twice": (text(INPUT, ";keyid", ";created=1;keyid"), MALFORMED),
    "a-label-twice": (lambda one: replaced(one, INPUT, ", ".join([header(one, INPUT)] * 2)), MALFORMED),
    "a-comma-at-the-end": (text(INPUT, 'request"', 'request",'), MALFORMED),
    "decimals": (text(INPUT, ";keyid", ".5;keyid"), MALFORMED),
    "no-blank-between": (text(INPUT, '" "', '""'), MALFORMED),
    "signature-of-words": (lambda one: replaced(one, "Signature", 'sig="abc"'), MALFORMED),
    "two-with-the-tag": (
        lambda one: replaced(one, INPUT, f"{header(one, INPUT)}, b{header(one, INPUT)}"),
        "UK.OBIE.Signature.Unexpected",
    ),
    "no-created": (text(INPUT, f";created={int(NOON.timestamp())}", ""), NO_CLAIM),
    "no-key": (text(INPUT, ';keyid="gateway-seal"', ""), NO_CLAIM),
    "another-key": (text(INPUT, "gateway-seal", "somebody"), INVALID),
    "another-algorithm": (text(INPUT, ";tag", ';alg="hmac-sha256";tag'), CLAIM),
    "an-unknown-parameter": (text(INPUT, ";tag", ";context=1;tag"), CLAIM),
    "created-changed": (text(INPUT, f"={int(NOON.timestamp())}", f"={int(NOON.timestamp()) - 1}"), INVALID),
    "a-nonce-added": (text(INPUT, ";tag", ';nonce="n";tag'), INVALID),
    "already-expired": (text(INPUT, ";tag", ";expires=1;tag"), CLAIM),
    "less-covered": (text(INPUT, '"authorization" ', ""), INVALID),
    "a-component-twice": (text(INPUT, '"@method"', '"@method" "@method"'), INVALID),
    "a-component-with-a-parameter": (text(INPUT, '"authorization"', '"authorization";bs'), INVALID),
    "what-is-not-there": (text(INPUT, '"authorization"', '"authorization" "x-absent"'), INVALID),
    "another-order": (text(INPUT, '"@method" "@target-uri"', '"@target-uri" "@method"'), INVALID),
    "the-signature-changed": (flipped, INVALID),
    "a-covered-header-changed": (text("x-fapi-interaction-id", "-", "0"), INVALID),
    "a-covered-header-twice": (
        lambda one: msgspec.structs.replace(one, headers=(*one.headers, ("x-fapi-financial-id", "other"))),
        INVALID,
    ),
    "another-method": (lambda one: msgspec.structs.replace(one, method="PUT"), INVALID),
    "another-target": (lambda one: msgspec.structs.replace(one, target=f"{one.target}?a=b"), INVALID),
    "another-body": (lambda one: msgspec.structs.replace(one, body=BODY + b" "), INVALID),
    "no-digest": (without("Content-Digest"), MISSING),
    "another-digest": (
        lambda one: replaced(
            msgspec.structs.replace(one, body=b"[]"),
            "Content-Digest",
            digest("sha-256", hashlib.sha256(b"[]").digest()),
        ),
        INVALID,
    ),
    "a-broken-digest-beside": (
        lambda one: replaced(
            one,
            "Content-Digest",
            f"{header(one, 'content-digest')}, {digest('md5', hashlib.md5(BODY, usedforsecurity=False).digest())}",
        ),
        INVALID,
    ),
    "a-digest-of-unknown-make": (lambda one: replaced(one, "Content-Digest", digest("sha-3", b"any")), INVALID),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_is_refused_in_the_codes_of_the_uk(case: str) -> None:
    change, code = CASES[case]
    answer = answered(ALBION, change(sign()(posted())))
    assert (answer.status, json.loads(answer.body)["Errors"][0]["ErrorCode"]) == (400, code)


@pytest.mark.parametrize(("seconds", "status"), [(-61, 400), (-60, 200), (10, 200), (11, 400)])
def test_created_lies_in_a_window(seconds: int, status: int) -> None:
    assert answered(ALBION, sign()(request_to(ALBION), NOON + timedelta(seconds=seconds))).status == status


def test_a_certificate_that_has_ended_vouches_for_nothing() -> None:
    ended = issued(begins=NOON - timedelta(days=40))
    simulated = SimulatedBank(
        "albion", read_shipped()["albion"], lambda: NOON, Seals((ended,), (authority(),), private("RSA", "bank"))
    )
    answer = answered(simulated, sign()(request_to(simulated)))
    assert (answer.status, json.loads(answer.body)["Errors"][0]["ErrorCode"]) == (400, INVALID)


def test_without_seals_no_signature_is_asked_for_and_none_given() -> None:
    simulated = SimulatedBank("albion", read_shipped()["albion"], lambda: NOON)
    request = request_to(simulated)
    answer = simulated.sign(arrived(request), answered(simulated, request), NOON, wrongly=True)
    assert answer.status == 200
    assert not {"signature", "content-digest"} & {name.lower() for name, _ in answer.headers}


@pytest.mark.parametrize(("wire", "jose"), [("rsa-pss-sha512", "PS512"), ("rsa-v1_5-sha256", "RS256")])
def test_what_it_answers_is_signed_with_the_request_and_wrongly_only_on_demand(wire: Any, jose: str) -> None:
    simulated = bank("albion")
    assert simulated.bank.signs_messages is not None
    simulated.bank = msgspec.structs.replace(
        simulated.bank, signs_messages=msgspec.structs.replace(simulated.bank.signs_messages, algorithm=wire)
    )
    key = VerificationKey("albion-messages", ALGORITHMS[jose], Window(), private("RSA", "bank").public_key(), ())
    verify = build_verifier(HttpSignatures(), VerificationKeys((key,), b""))
    request, refused = sign()(request_to(simulated)), posted()
    unknown = sign()(replaced(request_to(simulated), "Authorization", "Bearer unknown"))
    statuses = []
    for asked in (request, refused, unknown):
        plain = answered(simulated, asked)
        statuses.append((plain.status, bool(plain.body)))
        answer = simulated.sign(arrived(asked), plain, NOON, wrongly=False)
        told = Answer(answer.status, answer.headers, answer.body, asked)
        verify(told, NOON)
        for changed in (
            msgspec.structs.replace(told, status=answer.status + 1),
            msgspec.structs.replace(told, body=answer.body + b" "),
            msgspec.structs.replace(told, request=msgspec.structs.replace(asked, target="/elsewhere")),
        ):
            with pytest.raises(SignatureRefused):
                verify(changed, NOON)
        wrong = simulated.sign(arrived(asked), plain, NOON, wrongly=True)
        with pytest.raises(SignatureRefused, match="not that of the message"):
            verify(msgspec.structs.replace(told, headers=wrong.headers), NOON)
    assert statuses == [(200, True), (400, True), (401, False)]


def test_any_one_character_changed_is_refused() -> None:
    """Of what is covered and of both fields that sign it; a blank or a letter in the place of each character."""
    request = sign(nonce=True, validity=60)(posted())
    names = ("Signature-Input", "Signature", "Content-Digest", "Authorization", "x-fapi-interaction-id")
    for name in names:
        value = header(request, name.lower())
        for place, character in enumerate(value):
            for other in {" ", "a", '"'} - {character}:
                changed = value[:place] + other + value[place + 1 :]
                assert answered(ALBION, replaced(request, name, changed)).status == 400, (name, changed)


@hypothesis.given(
    inputs=strategies.text('sig=()"@method; created1keyid,:?.\\é\t', max_size=60),
    signature=strategies.text("sig=:AQ+/,; é", max_size=40),
    digest=strategies.text("sha-256=:AQ+/,; ", max_size=40),
)
def test_whatever_stands_in_the_fields_is_read_or_refused(inputs: str, signature: str, digest: str) -> None:
    request = request_to(ALBION, method="POST", body=BODY)
    for name, value in (("Signature-Input", inputs), ("Signature", signature), ("Content-Digest", digest)):
        request = replaced(request, name, value)
    assert answered(ALBION, request).status == 400
    assert answered(ALBION, replaced(sign()(posted()), "Content-Digest", digest)).status == 400


@pytest.mark.parametrize(
    "settings",
    [
        {"covered": ("@method", "@target-uri")},
        {"covered": ("@method", "@path", "authorization")},
        {"covered": ("@method", "@target-uri", '"authorization";bs')},
        {"covered": ("@method", "@target-uri", "authorization", '"accept";bs')},
        {"covered_if_present": ("x-fapi-interaction-id",)},
        {"tag": "another"},
    ],
    ids=["no-token", "no-target-uri", "the-token-in-another-form", "a-field-in-another-form", "no-financial-id", "tag"],
)
def test_a_good_signature_over_something_else_than_the_bank_demands_is_refused(settings: dict[str, Any]) -> None:
    assert answered(ALBION, sign(**settings)(request_to(ALBION))).status == 400
