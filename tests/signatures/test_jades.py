"""JAdES over HTTP headers: its variants verify themselves, and refuse each other and anything changed on the way."""

import base64
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.signatures.detached import encode
from gateway.signatures.header_lines import Answer, KeyFacts, SignatureRefused, lines
from gateway.signatures.jades import HEADER, Jades, build_signer, build_verifier, problems
from tests.signatures.exchanges import BODY, REQUEST, answered, header, signing, verifying, with_header
from tests.signatures.pems import NOW, certificate

PLAIN = Jades()
SIGN, VERIFY = build_signer(PLAIN, signing("PS256")), build_verifier(PLAIN, verifying("PS256"))
ANSWER = answered(SIGN, NOW)
NAMES = ["(request-target)", "digest", "content-type", "psu-id"]


def refusal(answer: Answer, verify: Any = VERIFY, now: Any = NOW) -> str:
    with pytest.raises(SignatureRefused) as caught:
        verify(answer, now)
    return str(caught.value)


def members(answer: Answer) -> dict[str, Any]:
    head = header(answer, HEADER).partition(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=="))


def forged(*, drop: str = "", names: list[str] = NAMES, payload: bytes | None = None, **changed: Any) -> Answer:
    """An answer whose signature is right, and whose header says something else than it should."""
    said = members(ANSWER) | changed
    said.pop(drop, None)
    head = encode(json.dumps(said).encode())
    content = payload if payload is not None else lines(ANSWER, names, {}).encode()
    text = f"{head}..{encode(signing('PS256').keys[0].sign(head.encode() + b'.' + content))}"
    return with_header(ANSWER, HEADER, text)


def test_what_is_signed_is_what_the_standard_says():
    said = members(ANSWER)
    whole = base64.b64encode(certificate().public_bytes(Encoding.DER)).decode()
    assert said.pop("x5c") == [whole]
    assert said == {
        "alg": "PS256",
        "b64": False,
        "sigT": "2026-03-01T12:00:00Z",
        "sigD": {"mId": "http://uri.etsi.org/19182/HttpHeaders", "pars": NAMES},
        "crit": ["b64", "sigD", "sigT"],
    }
    head, signature = header(ANSWER, HEADER).split("..")
    payload = (
        f"(request-target): post {REQUEST.target}\ndigest: {header(ANSWER, 'digest')}\n"
        "content-type: application/json\npsu-id: person one"
    )
    key = verifying("PS256").keys[0]
    assert key.verify(f"{head}.{payload}".encode(), base64.urlsafe_b64decode(signature + "=="))
    VERIFY(ANSWER, NOW)


VARIANTS = (
    Jades(),
    Jades(certificate="x5t#S256"),
    Jades(certificate="x5t#S256-hex"),
    Jades(payload="encoded"),
)


@pytest.mark.parametrize("mine", VARIANTS, ids=lambda one: f"{one.certificate}-{one.payload}")
def test_a_variant_verifies_itself_and_refuses_the_others(mine: Jades):
    answer = answered(build_signer(mine, signing("ES256")), NOW)
    for other in VARIANTS:
        verify = build_verifier(other, verifying("ES256"))
        if other == mine:
            verify(answer, NOW)
        else:
            refusal(answer, verify)


MEMBERS = "the header of the signature lacks a member, or has one that it must not"
COVERED = "sigD does not describe covered headers"
MECHANISM = "http://uri.etsi.org/19182/HttpHeaders"
ROWS = {
    "b64-true": ({"b64": True}, "b64 is not what was agreed"),
    "b64-null": ({"b64": None}, "b64 is not what was agreed"),
    "crit-lacks-sigD": ({"crit": ["sigT", "b64"]}, "crit does not list exactly what it must"),
    "crit-with-another": ({"crit": ["sigT", "sigD", "b64", "exp"]}, "crit does not list exactly what it must"),
    "a-member-too-many": ({"jku": "https://evil.example"}, MEMBERS),
    "alg-of-another": ({"alg": "RS256"}, "the algorithm is not the key's"),
    "alg-none": ({"alg": "none"}, "the algorithm is not the key's"),
    "another-certificate": ({"x5c": ["AAAA"]}, "the certificate is none of the bank's"),
    "no-certificate": ({"x5c": []}, "the certificate is none of the bank's"),
    "another-thumbprint-beside": ({"x5t#S256": "AAAA"}, "the certificate is none of the bank's"),
    "another-mechanism": ({"sigD": {"mId": "http://uri.etsi.org/19182/ObjectIdByURI", "pars": NAMES}}, COVERED),
    "sigD-with-more": ({"sigD": {"mId": MECHANISM, "pars": NAMES, "hashV": []}}, COVERED),
    "sigD-no-object": ({"sigD": NAMES}, COVERED),
    "pars-no-list": ({"sigD": {"mId": MECHANISM, "pars": "digest"}}, COVERED),
    "pars-of-numbers": ({"sigD": {"mId": MECHANISM, "pars": [1]}}, COVERED),
    "sigT-in-the-future": ({"sigT": "2026-03-01T12:01:01Z"}, "sigT is in the future"),
    "sigT-long-ago": ({"sigT": "2026-03-01T11:54:59Z"}, "the signature is too old"),
    "sigT-with-offset": ({"sigT": "2026-03-01T13:00:00+01:00"}, "sigT is not an instant in UTC, to the second"),
    "sigT-a-number": ({"sigT": 1772366400}, "sigT is not an instant in UTC, to the second"),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_header_that_says_something_else_is_refused_though_its_signature_is_right(row: str):
    changed, told = ROWS[row]
    assert refusal(forged(**changed)) == told


@pytest.mark.parametrize("name", ["alg", "x5c", "b64", "sigT", "sigD", "crit"])
def test_a_header_that_lacks_a_member_is_refused(name: str):
    assert refusal(forged(drop=name)) == MEMBERS


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["(request-target)", "content-type", "psu-id"], "the signature does not cover all headers that it must"),
        (["(request-target)", "digest", "content-type"], "the signature does not cover all headers that it must"),
        ([*NAMES, "digest"], "the list of covered headers is malformed, or names one twice"),
        ([*NAMES, "Accept"], "the list of covered headers is malformed, or names one twice"),
        ([*NAMES, HEADER], "the list of covered headers is malformed, or names one twice"),
    ],
    ids=["without-digest", "without-psu-id", "twice", "capital", "itself"],
)
def test_a_list_of_headers_that_lacks_or_repeats_one_is_refused(names: list[str], told: str):
    described = {"mId": MECHANISM, "pars": names}
    assert refusal(forged(sigD=described, payload=lines(ANSWER, [n.lower() for n in names], {}).encode())) == told


def test_what_is_covered_must_be_there():
    described = {"mId": MECHANISM, "pars": [*NAMES, "x-absent"]}
    told = "the signature covers x-absent, which the message does not have"
    assert refusal(forged(sigD=described)) == told


def test_an_old_signature_is_refused_and_any_valid_key_verifies():
    VERIFY(ANSWER, NOW + timedelta(seconds=300))
    assert refusal(ANSWER, now=NOW + timedelta(seconds=301)) == "the signature is too old"
    keys = verifying("PS256")
    both = msgspec.structs.replace(keys, keys=(*verifying("PS256", "other", "key-2").keys, *keys.keys))
    build_verifier(PLAIN, both)(ANSWER, NOW)


@given(
    where=st.sampled_from(["digest", "content-type", "psu-id", "body", "target", "head", "signature"]), data=st.data()
)
@settings(max_examples=100, deadline=None)
def test_whatever_is_changed_on_the_way_is_refused(where: str, data: st.DataObject):
    def other(text: str, letters: str = "aZ09=+/-") -> str:
        place = data.draw(st.integers(0, len(text) - 1))
        new = data.draw(st.sampled_from([one for one in letters if one != text[place]]))
        return text[:place] + new + text[place + 1 :]

    match where:
        case "body":
            changed = msgspec.structs.replace(ANSWER, body=other(BODY.decode()).encode())
        case "target":
            request = msgspec.structs.replace(REQUEST, target=other(REQUEST.target))
            changed = msgspec.structs.replace(ANSWER, request=request)
        case "head" | "signature":
            parts = header(ANSWER, HEADER).split("..")
            part = 0 if where == "head" else 1
            parts[part] = other(parts[part], "aZ09-_=")
            changed = with_header(ANSWER, HEADER, "..".join(parts))
        case _:
            changed = with_header(ANSWER, where, other(header(ANSWER, where)))
    refusal(changed)


def test_keys_without_a_certificate_are_told():
    keys = [KeyFacts("key-1", "RS256", certified=False)]
    assert list(problems(Jades(covered=("date",)), keys)) == [
        ("covered", "the body is not signed: cover 'digest'"),
        ("profile", "JAdES names keys by certificate: the key 'key-1' has none"),
    ]
