"""draft-cavage signatures: what is written is what banks expect, and whatever is changed on the way is refused."""

import base64
import gzip
import hashlib
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.signatures.cavage import Cavage, build_signer, build_verifier, problems, read_parameters
from gateway.signatures.digest import check_digest
from gateway.signatures.header_lines import Answer, KeyFacts, SignatureRefused, lines
from tests.signatures.exchanges import BODY, HEADERS, REQUEST, answered, header, signing, verifying, with_header
from tests.signatures.pems import NOW, certificate

ALL = Cavage(covered=("(request-target)", "digest", "date", "content-type", "x-request-id"), key_id="{id}")
SIGN, VERIFY = build_signer(ALL, signing()), build_verifier(ALL, verifying())
ANSWER = answered(SIGN, NOW)
PLAIN = Cavage(key_id="{id}")


def refusal(answer: Answer, verify=VERIFY, now=NOW) -> str:
    with pytest.raises(SignatureRefused) as caught:
        verify(answer, now)
    return str(caught.value)


def resigned(
    names: str, *, label: str = "rsa-sha256", made_of: dict[str, str] | None = None, extra: str = ""
) -> Answer:
    """The answer with a signature that is right for a list of names of the test's own."""
    signed = lines(ANSWER, names.split(" "), made_of or {})
    signature = base64.b64encode(signing().keys[0].sign(signed.encode())).decode()
    text = f'keyId="key-1",algorithm="{label}",headers="{names}",{extra}signature="{signature}"'
    return with_header(ANSWER, "Signature", text)


def test_a_request_of_the_berlin_group():
    headers = build_signer(Cavage(certificate="der"), signing(serial=0x9FA1))(REQUEST, NOW)
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    assert header(headers, "digest") == digest
    written = read_parameters(header(headers, "signature"))
    assert written["keyId"] == r"SN=9fa1,CA=CN=Test Trust QSEAL,O=Test Trust\, GmbH,C=DE"
    assert written["algorithm"] == "rsa-sha256"
    assert written["headers"] == "digest x-request-id psu-id"
    signed = f"digest: {digest}\nx-request-id: {HEADERS[1][1]}\npsu-id: person one".encode()
    assert verifying().keys[0].verify(signed, base64.b64decode(written["signature"]))
    whole = base64.b64decode(header(headers, "tpp-signature-certificate"))
    assert hashlib.sha256(whole).digest() == certificate(serial=0x9FA1).fingerprint(signing().keys[0].algorithm._hash)
    # What the caller's request had is all still there.
    assert headers[: len(HEADERS)] == HEADERS


def test_an_empty_body_has_the_digest_of_the_empty_string():
    headers = build_signer(PLAIN, signing())(msgspec.structs.replace(REQUEST, method="GET", body=b""), NOW)
    assert header(headers, "digest") == "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_a_date_is_signed_where_the_bank_wants_one():
    assert header(SIGN(REQUEST, NOW), "date") == "Sun, 01 Mar 2026 12:00:00 GMT"
    own = msgspec.structs.replace(REQUEST, headers=(*HEADERS, ("Date", "Sun, 01 Mar 2026 11:59:59 UTC")))
    assert header(SIGN(own, NOW), "date") == "Sun, 01 Mar 2026 11:59:59 UTC"


def test_created_and_expires_of_draft_12():
    names = ("(request-target)", "(created)", "(expires)", "host", "x-request-id", "digest")
    twelve = Cavage(covered=names, key_id="{id}", algorithm="hs2019", times="bracketed")
    text = header(build_signer(twelve, signing())(REQUEST, NOW), "signature")
    assert ",(created)=1772366400,(expires)=1772366460,signature=" in text
    verify = build_verifier(msgspec.structs.replace(twelve, covered=names[:3] + names[4:]), verifying())
    signed = build_signer(msgspec.structs.replace(twelve, covered=names[:3] + names[4:], times="plain"), signing())
    answer = answered(signed, NOW)
    verify(answer, NOW + timedelta(seconds=60))
    assert refusal(answer, verify, NOW + timedelta(seconds=61)) == "the signature has expired"
    assert refusal(answer, verify, NOW - timedelta(seconds=61)) == "the signature was made in the future"


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "ES256", "ES384", "EdDSA"])
def test_each_algorithm_verifies_its_own_and_no_other_label(algorithm: str):
    answer = answered(build_signer(PLAIN, signing(algorithm)), NOW)
    verify = build_verifier(PLAIN, verifying(algorithm))
    verify(answer, NOW)
    label = read_parameters(header(answer, "signature"))["algorithm"]
    for other in ("hs2019", "rsa-sha1", "hmac-sha256", "none", "unknown", label.upper()):
        changed = with_header(answer, "Signature", header(answer, "signature").replace(label, other))
        assert refusal(changed, verify) == "the algorithm is not the key's"


def test_any_of_the_banks_valid_keys_verifies():
    old, new = verifying(name="old", key_id="2026").keys[0], verifying(name="new", key_id="2027").keys[0]
    ended = msgspec.structs.replace(old, window=msgspec.structs.replace(old.window, not_after=NOW))
    keys = msgspec.structs.replace(verifying(), keys=(ended, new))
    for name, key_id in (("old", "2026"), ("new", "2027")):
        answer = answered(build_signer(PLAIN, signing(name=name, key_id=key_id)), NOW)
        build_verifier(PLAIN, keys)(answer, NOW)
    late = answered(build_signer(PLAIN, signing(name="old", key_id="2026")), NOW + timedelta(seconds=1))
    told = refusal(late, build_verifier(PLAIN, keys), NOW + timedelta(seconds=1))
    assert told == "keyId names no valid key of the bank"


def test_a_certificate_with_another_serial_or_issuer_is_not_the_banks():
    named = Cavage()
    verify = build_verifier(named, verifying(serial=1))
    verify(answered(build_signer(named, signing(serial=1)), NOW), NOW)
    other = answered(build_signer(named, signing(serial=2)), NOW)
    assert refusal(other, verify) == "keyId names no valid key of the bank"
    mixed = with_header(
        other, "Signature", header(other, "signature").replace("SN=2,", "SN=1,").replace("C=DE", "C=FR")
    )
    assert refusal(mixed, verify) == "keyId names no valid key of the bank"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (
            "(request-target) date content-type x-request-id psu-id",
            "the signature does not cover all headers that it must",
        ),
        (
            "(request-target) digest date content-type x-request-id",
            "the signature does not cover all headers that it must",
        ),
        (
            "(request-target) digest date content-type x-request-id psu-id digest",
            "the list of covered headers is malformed, or names one twice",
        ),
        (
            "(request-target) Digest date content-type x-request-id psu-id",
            "the list of covered headers is malformed, or names one twice",
        ),
        (
            "(request-target)  digest date content-type x-request-id psu-id",
            "the list of covered headers is malformed, or names one twice",
        ),
    ],
    ids=["without-digest", "without-psu-id", "twice", "capital", "two-blanks"],
)
def test_a_list_of_headers_that_lacks_or_repeats_one_is_refused(names: str, told: str):
    text = header(ANSWER, "signature").replace(read_parameters(header(ANSWER, "signature"))["headers"], names)
    assert refusal(with_header(ANSWER, "Signature", text)) == told


def test_what_is_covered_must_be_there():
    text = header(ANSWER, "signature").replace("psu-id", "psu-id x-absent")
    told = "the signature covers x-absent, which the message does not have"
    assert refusal(with_header(ANSWER, "Signature", text)) == told


def test_created_is_refused_where_it_was_not_agreed():
    names = "(request-target) digest date content-type x-request-id psu-id (created)"
    answer = resigned(names, made_of={"(created)": "1772366400"}, extra="created=1772366400,")
    told = "the signature covers (created) or (expires), which was not agreed"
    assert refusal(answer) == told


def test_more_than_was_asked_for_may_be_covered():
    VERIFY(resigned("accept (request-target) digest date content-type x-request-id psu-id"), NOW)


@pytest.mark.parametrize(
    "value",
    [
        "SHA=" + base64.b64encode(hashlib.sha1(BODY, usedforsecurity=False).digest()).decode(),
        "MD5=" + base64.b64encode(hashlib.md5(BODY, usedforsecurity=False).digest()).decode(),
        "SHA-256=" + base64.b64encode(hashlib.sha256(BODY).digest()).decode() + ", MD5=AAAA",
        "UNIXsum=30637",
        "SHA-256",
        "",
    ],
)
def test_a_weak_digest_is_refused_even_when_it_is_signed(value: str):
    answer = with_header(ANSWER, "Digest", value)
    signed = lines(answer, read_parameters(header(ANSWER, "signature"))["headers"].split(" "), {})
    text = base64.b64encode(signing().keys[0].sign(signed.encode())).decode()
    old = read_parameters(header(ANSWER, "signature"))["signature"]
    told = refusal(with_header(answer, "Signature", header(ANSWER, "signature").replace(old, text)))
    assert told == "the Digest header is malformed, or names an algorithm other than SHA-256 and SHA-512"


def test_both_digests_must_be_right():
    good = base64.b64encode(hashlib.sha512(BODY).digest()).decode()
    headers = (*HEADERS, ("Digest", f"{header(ANSWER, 'digest')},SHA-512={good}"))
    check_digest(headers, BODY)
    with pytest.raises(SignatureRefused, match="not that of the body"):
        check_digest((*HEADERS, ("Digest", f"{header(ANSWER, 'digest')},SHA-512={'A' * 86}==")), BODY)


def test_the_digest_is_of_the_coded_body_and_not_of_the_decoded_one():
    coded = gzip.compress(BODY)
    sent = (*HEADERS, ("Content-Encoding", "gzip"))
    VERIFY(answered(SIGN, NOW, body=coded, headers=sent), NOW)
    decoded = msgspec.structs.replace(answered(SIGN, NOW, headers=sent), body=coded)
    assert refusal(decoded) == "the Digest header is not that of the body"


def test_a_value_that_was_signed_with_a_leading_space_is_another_value():
    """The space belongs to HTTP, not to the value (RFC 9110 section 5.5): a signer who kept it is refused."""
    names = read_parameters(header(ANSWER, "signature"))["headers"]
    spaced = lines(ANSWER, names.split(" "), {}).replace("psu-id: ", "psu-id:  ")
    old = read_parameters(header(ANSWER, "signature"))["signature"]
    new = base64.b64encode(signing().keys[0].sign(spaced.encode())).decode()
    told = refusal(with_header(ANSWER, "Signature", header(ANSWER, "signature").replace(old, new)))
    assert told == "the signature does not fit the message"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Signature",
        'keyId="key-1"',
        'keyId="key-1",headers="digest",signature="AA==",',
        'keyId="key-1",keyId="key-1",headers="digest",signature="AA=="',
        'keyId="key-1",nonce="1",headers="digest",signature="AA=="',
        'keyId=key-1,headers="digest",signature="AA=="',
        'keyId="key-1",created="1",headers="digest",signature="AA=="',
        'keyId="key-1" headers="digest" signature="AA=="',
        'keyId="' + "k" * 9000 + '",headers="digest",signature="AA=="',
    ],
)
def test_a_malformed_signature_is_refused(text: str):
    assert "Signature header" in refusal(with_header(ANSWER, "Signature", text)) or "parameter" in refusal(
        with_header(ANSWER, "Signature", text)
    )


def test_a_missing_or_second_signature_is_refused():
    assert refusal(with_header(ANSWER, "Signature", None)) == "the Signature header is missing"
    twice = msgspec.structs.replace(ANSWER, headers=(*ANSWER.headers, ("signature", header(ANSWER, "signature"))))
    assert refusal(twice) == "the header signature stands twice"


def test_a_signature_of_another_resource_is_refused():
    other = msgspec.structs.replace(REQUEST, target="/v1/payments/sepa?x=2")
    assert refusal(msgspec.structs.replace(ANSWER, request=other)) == "the signature does not fit the message"


def test_an_old_signature_is_refused():
    VERIFY(ANSWER, NOW + timedelta(seconds=300))
    assert refusal(ANSWER, now=NOW + timedelta(seconds=301)) == "the signature is too old"
    VERIFY(ANSWER, NOW - timedelta(seconds=60))
    assert refusal(ANSWER, now=NOW - timedelta(seconds=61)) == "the signature was made in the future"


COVERED = ("content-type", "x-request-id", "psu-id", "date", "digest")


@given(where=st.sampled_from((*COVERED, "body", "target", "method", "signature", "label", "key")), data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_changed_on_the_way_is_refused(where: str, data: st.DataObject):
    def other(text: str) -> str:
        place = data.draw(st.integers(0, len(text) - 1))
        new = data.draw(st.sampled_from([one for one in "aZ09=+/ -" if one != text[place]]))
        return text[:place] + new + text[place + 1 :]

    changed = ANSWER
    if where in COVERED:
        changed = with_header(ANSWER, where, other(header(ANSWER, where)))
    elif where == "body":
        place = data.draw(st.integers(0, len(BODY)))
        changed = msgspec.structs.replace(ANSWER, body=BODY[:place] + b" " + BODY[place:])
    elif where in {"target", "method"}:
        request = msgspec.structs.replace(REQUEST, **{where: other(getattr(REQUEST, where))})
        changed = msgspec.structs.replace(ANSWER, request=request)
    else:
        name = {"signature": "signature", "label": "algorithm", "key": "keyId"}[where]
        old = read_parameters(header(ANSWER, "signature"))[name]
        changed = with_header(ANSWER, "Signature", header(ANSWER, "signature").replace(old, other(old)))
    refusal(changed)


def test_settings_and_keys_that_do_not_go_together_are_told():
    keys = [KeyFacts("key-1", "RS256", certified=False)]
    assert list(problems(Cavage(certificate="der", key_id="{serial_hex}/{nme}"), keys)) == [
        ("key_id", "'{serial_hex}' needs keys with a certificate"),
        (
            "key_id",
            "'{nme}' is not one of: id, serial_hex, serial_decimal, issuer, issuer_forward, sha1_colons, sha256_hex",
        ),
        ("certificate", "needs keys with a certificate"),
    ]
    assert list(
        problems(Cavage(covered=("date", "(created)"), key_id="{id}"), [KeyFacts("key-1", "PS256", certified=True)])
    ) == [
        ("covered", "the body is not signed: cover 'digest'"),
        ("covered", "'(created)' and '(expires)' need 'algorithm': hs2019, or what the bank has in its place"),
        ("algorithm", "draft-cavage has no label for PS256: write the bank's"),
    ]
    assert list(problems(Cavage(algorithm="hs2019"), [KeyFacts("key-1", "PS256", certified=True)])) == []


def test_what_may_be_absent_has_its_place_among_the_covered():
    ordered = Cavage(covered=("digest", "psu-id", "x-request-id"), covered_if_present=("psu-id", "date"), key_id="{id}")
    for headers, names in (
        (HEADERS, "digest psu-id x-request-id"),
        (HEADERS[:2], "digest x-request-id"),
        ((*HEADERS, ("Date", "Sun, 01 Mar 2026 12:00:00 GMT")), "digest psu-id x-request-id date"),
    ):
        answer = answered(build_signer(ordered, signing()), NOW, headers=headers)
        assert read_parameters(header(answer, "signature"))["headers"] == names
        build_verifier(ordered, verifying())(answer, NOW)
