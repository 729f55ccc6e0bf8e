"""UK Open Banking's detached JWS: both eras, every row of the profile's refusals, and anything changed on the way."""

import base64
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.signatures.detached import encode
from gateway.signatures.header_lines import Answer, KeyFacts, SignatureRefused
from gateway.signatures.jws import HEADER, ObieJws, build_signer, build_verifier, problems
from tests.signatures.exchanges import BODY, HEADERS, REQUEST, answered, header, signing, verifying, with_header
from tests.signatures.pems import NOW, private

IAT, ISS, TAN = (f"http://openbanking.org.uk/{name}" for name in ("iat", "iss", "tan"))
ERAS = {era: ObieJws(era=era, issuer="0015800001BANK") for era in ("encoded", "unencoded")}
VERIFY = {era: build_verifier(one, verifying("PS256")) for era, one in ERAS.items()}
ANSWERS = {era: answered(build_signer(one, signing("PS256")), NOW) for era, one in ERAS.items()}


def refusal(answer: Answer, era: str = "encoded", now: Any = NOW, verify: Any = None) -> str:
    with pytest.raises(SignatureRefused) as caught:
        (verify or VERIFY[era])(answer, now)
    return str(caught.value)


def forged(
    era: str = "encoded", body: bytes = BODY, *, drop: str = "", raw: str | None = None, **changed: Any
) -> Answer:
    """An answer whose signature is right, and whose header says something else than it should."""
    members: dict[str, Any] = {"alg": "PS256", "kid": "key-1"}
    listed = [IAT, ISS, TAN]
    if era == "unencoded":
        members["b64"] = False
        listed.insert(0, "b64")
    members |= {IAT: int(NOW.timestamp()), ISS: "0015800001BANK", TAN: "openbanking.org.uk", "crit": listed} | changed
    members.pop(drop, None)
    head = encode((raw or json.dumps(members)).encode())
    payload = encode(body).encode() if era == "encoded" else body
    text = f"{head}..{encode(signing('PS256').keys[0].sign(head.encode() + b'.' + payload))}"
    return with_header(Answer(200, HEADERS, body, REQUEST), HEADER, text)


@pytest.mark.parametrize("era", ERAS)
def test_what_is_signed_is_what_the_standard_says(era: str):
    headers = build_signer(msgspec.structs.replace(ERAS[era], typ="JOSE", cty="application/json"), signing("PS256"))(
        REQUEST, NOW
    )
    head, middle, signature = header(headers, HEADER).split(".")
    assert middle == ""
    found = json.loads(base64.urlsafe_b64decode(head + "=="))
    wanted = {"alg": "PS256", "kid": "key-1", "typ": "JOSE", "cty": "application/json", IAT: 1772366400}
    wanted |= {ISS: "0015800001BANK", TAN: "openbanking.org.uk"}
    wanted |= {"crit": [IAT, ISS, TAN]} if era == "encoded" else {"crit": ["b64", IAT, ISS, TAN], "b64": False}
    assert found == wanted
    payload = base64.urlsafe_b64encode(BODY).rstrip(b"=") if era == "encoded" else BODY
    private("RSA").public_key().verify(
        base64.urlsafe_b64decode(signature + "=="),
        head.encode() + b"." + payload,
        padding.PSS(padding.MGF1(hashes.SHA256()), 32),
        hashes.SHA256(),
    )


@pytest.mark.parametrize("era", ERAS)
def test_each_era_verifies_itself_and_refuses_the_other(era: str):
    VERIFY[era](ANSWERS[era], NOW)
    VERIFY[era](forged(era), NOW)
    other = "unencoded" if era == "encoded" else "encoded"
    told = "the header of the signature lacks a member, or has one that it must not"
    assert refusal(ANSWERS[era], other) == told


def test_a_payload_of_the_other_era_under_a_header_of_this_one_is_refused():
    for era, other in (("encoded", "unencoded"), ("unencoded", "encoded")):
        head = header(ANSWERS[era], HEADER).partition("..")[0]
        payload = BODY if other == "unencoded" else encode(BODY).encode()
        text = f"{head}..{encode(signing('PS256').keys[0].sign(head.encode() + b'.' + payload))}"
        assert refusal(with_header(ANSWERS[era], HEADER, text), era) == "the signature does not fit the body"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "body",
    [
        BODY[:-3] + b"!" + BODY[-2:],
        BODY + b"\n",
        BODY.replace(b":", b": "),
        b'{"Data":{"Currency":"GBP","Amount":"12.30"}}',
        b'{"Data":{"Amount":"12.3","Currency":"GBP"}}',
        BODY.replace(b"GBP", b"G\\u0042P"),
    ],
    ids=["one-byte", "newline", "whitespace", "key-order", "another-number", "escape"],
)
def test_another_body_is_refused(era: str, body: bytes):
    changed = msgspec.structs.replace(ANSWERS[era], body=body)
    assert refusal(changed, era) == "the signature does not fit the body"


def test_the_signature_of_another_resource_is_refused():
    other = answered(build_signer(ERAS["encoded"], signing("PS256")), NOW, body=b'{"Data":{"Status":"Rejected"}}')
    replayed = with_header(ANSWERS["encoded"], HEADER, header(other, HEADER))
    assert refusal(replayed) == "the signature does not fit the body"


MEMBERS = "the header of the signature lacks a member, or has one that it must not"
CRITICAL = "crit does not list exactly what it must"
ROWS = {
    "a-claim-too-many": ({"jku": "https://evil.example/keys"}, MEMBERS),
    "a-claim-of-ours-too-many": ({"http://openbanking.org.uk/sub": "x"}, MEMBERS),
    "b64-in-the-later-era": ({"b64": False}, MEMBERS),
    "b64-true": ({"b64": True}, MEMBERS),
    "crit-lacks-one": ({"crit": [IAT, ISS]}, CRITICAL),
    "crit-with-another": ({"crit": [IAT, ISS, TAN, "kid"]}, CRITICAL),
    "crit-twice": ({"crit": [IAT, ISS, TAN, TAN]}, CRITICAL),
    "crit-no-list": ({"crit": f"{IAT} {ISS} {TAN}"}, CRITICAL),
    "crit-of-numbers": ({"crit": [1, 2, 3]}, CRITICAL),
    "crit-of-lists": ({"crit": [[], [], []]}, CRITICAL),
    "crit-empty": ({"crit": []}, CRITICAL),
    "iat-in-the-future": ({IAT: int(NOW.timestamp()) + 61}, "iat is not in the past"),
    "iat-as-text": ({IAT: str(int(NOW.timestamp()))}, "iat is not a number"),
    "iat-true": ({IAT: True}, "iat is not a number"),
    "iat-null": ({IAT: None}, "iat is not a number"),
    "iat-long-ago": ({IAT: int(NOW.timestamp()) - 301}, "the signature is too old"),
    "alg-rs256": ({"alg": "RS256"}, "the signature is not by PS256, or not of the era that was agreed"),
    "alg-hs256": ({"alg": "HS256"}, "the signature is not by PS256, or not of the era that was agreed"),
    "alg-none": ({"alg": "none"}, "the signature is not by PS256, or not of the era that was agreed"),
    "alg-no-text": ({"alg": ["PS256"]}, "the signature is not by PS256, or not of the era that was agreed"),
    "kid-unknown": ({"kid": "key-2"}, "kid names no valid key of the bank"),
    "kid-path": ({"kid": "../../etc/passwd"}, "kid names no valid key of the bank"),
    "kid-no-text": ({"kid": {}}, "kid names no valid key of the bank"),
    "iss-of-another": ({ISS: "0015800001OTHER"}, "iss is not the bank's"),
    "iss-with-more": ({ISS: "0015800001BANK/x"}, "iss is not the bank's"),
    "iss-no-text": ({ISS: ["0015800001BANK"]}, "iss is not the bank's"),
    "tan-of-another": ({TAN: "evil.example"}, "tan is not the trust anchor that was agreed"),
    "typ-of-a-token": ({"typ": "at+jwt"}, "typ or cty is not what it must be"),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_header_that_says_something_else_is_refused_though_its_signature_is_right(row: str):
    changed, told = ROWS[row]
    assert refusal(forged(**changed)) == told


@pytest.mark.parametrize("name", ["alg", "kid", "crit", IAT, ISS, TAN])
def test_a_header_that_lacks_a_member_is_refused(name: str):
    assert refusal(forged(drop=name)) == MEMBERS


def test_the_earlier_era_needs_its_b64():
    assert refusal(forged("unencoded", drop="b64"), "unencoded") == MEMBERS
    assert refusal(forged("unencoded", crit=[IAT, ISS, TAN]), "unencoded") == CRITICAL
    told = "the signature is not by PS256, or not of the era that was agreed"
    assert refusal(forged("unencoded", b64=True), "unencoded") == told
    assert refusal(forged("unencoded", b64=0), "unencoded") == told


def test_a_member_that_stands_twice_is_refused():
    members = json.dumps({"alg": "PS256", "kid": "key-1", IAT: 1772366400, ISS: "0015800001BANK"})
    raw = members[:-1] + f', "{TAN}": "openbanking.org.uk", "crit": ["{IAT}", "{ISS}", "{TAN}"]'
    VERIFY["encoded"](forged(raw=raw + "}"), NOW)
    told = "the header of the signature is not strict JSON"
    assert refusal(forged(raw=raw + ', "kid": "key-1"}')) == told


def test_the_payload_must_not_come_along():
    text = header(ANSWERS["encoded"], HEADER).replace("..", f".{encode(BODY)}.")
    assert refusal(with_header(ANSWERS["encoded"], HEADER, text)) == "the signature is not a detached JWS"


@pytest.mark.parametrize("text", ["", "..", "a..", "..b", "a.b", " a..b", "a..b ", "a..b=", "a+..b", "a..b..c", "é..b"])
def test_what_is_no_detached_jws_is_refused(text: str):
    refusal(with_header(ANSWERS["encoded"], HEADER, text))


def test_a_body_without_a_signature_is_refused_and_no_body_needs_none():
    bare = with_header(ANSWERS["encoded"], HEADER, None)
    assert refusal(bare) == "the signature header is missing"
    VERIFY["encoded"](msgspec.structs.replace(bare, body=b""), NOW)
    assert refusal(msgspec.structs.replace(bare, status=500)) == "the signature header is missing"
    signed = build_signer(ERAS["encoded"], signing("PS256"))(msgspec.structs.replace(REQUEST, body=b""), NOW)
    assert HEADER not in dict(signed)


def test_a_subject_name_is_compared_part_by_part():
    name = ObieJws(era="encoded", issuer="CN=0015800001BANK,2.5.4.97=PSDGB-FCA-1,O=Bank\\, plc,C=GB")
    verify = build_verifier(name, verifying("PS256"))
    verify(forged(**{ISS: "C=GB,O=Bank\\, plc,2.5.4.97=PSDGB-FCA-1,CN=0015800001BANK"}), NOW)
    verify(forged(**{ISS: name.issuer}), NOW)
    for other in ("CN=0015800001BANK,O=Bank\\, plc,C=GB", name.issuer + ",C=GB", "x", ""):
        assert refusal(forged(**{ISS: other}), verify=verify) == "iss is not the bank's"


def test_clocks_may_differ_by_a_minute():
    VERIFY["encoded"](ANSWERS["encoded"], NOW - timedelta(seconds=60))
    assert refusal(ANSWERS["encoded"], now=NOW - timedelta(seconds=61)) == "iat is not in the past"
    VERIFY["encoded"](ANSWERS["encoded"], NOW + timedelta(seconds=300))


@given(era=st.sampled_from(tuple(ERAS)), part=st.sampled_from([0, 2, "body"]), data=st.data())
@settings(max_examples=100, deadline=None)
def test_whatever_is_changed_on_the_way_is_refused(era: str, part: Any, data: st.DataObject):
    answer = ANSWERS[era]
    if part == "body":
        changed = bytearray(BODY)
        changed[data.draw(st.integers(0, len(BODY) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        refusal(msgspec.structs.replace(answer, body=bytes(changed)), era)
        return
    parts = header(answer, HEADER).split(".")
    place = data.draw(st.integers(0, len(parts[part]) - 1))
    new = data.draw(st.sampled_from([one for one in "aZ09-_=." if one != parts[part][place]]))
    parts[part] = parts[part][:place] + new + parts[part][place + 1 :]
    refusal(with_header(answer, HEADER, ".".join(parts)), era)


def test_keys_of_another_algorithm_are_told():
    assert list(problems(ObieJws(era="encoded", issuer="CN=x=y,"), [KeyFacts("key-1", "RS256", certified=False)])) == [
        ("profile", "UK Open Banking signs with PS256 only: the key 'key-1' is for RS256"),
        ("issuer", "is not a subject name such as 'CN=…,O=…,C=GB'"),
    ]
