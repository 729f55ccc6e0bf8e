"""Appendix B of RFC 9421, the library as the other side, and every way in which a signature is none."""

import base64
import hashlib
import hmac
import string

import http_message_signatures as library
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.signatures.algorithms import ALGORITHMS
from gateway.signatures.components import SignedRequest, SignedResponse, read_component
from gateway.signatures.header_lines import SignatureRefused
from gateway.signatures.keys import SigningKey, VerificationKey, Window
from gateway.signatures.message import Age, check_age, check_coverage, present, sign, signature_base, verify
from tests.signatures.messages import (
    CREATED,
    TAG,
    a_request,
    fields,
    sign_by_library,
    signing_key,
    verification_key,
    verify_by_library,
)

# The keys, messages and signatures of RFC 9421 appendix B: facts of the standard.
ED25519_PRIVATE = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF"
ED25519_PUBLIC = "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="
ECC_P256_PUBLIC = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf"
    "w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ=="
)
RSA_PSS_PUBLIC = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2"
    "+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+"
    "oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq"
    "gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W"
    "Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4"
    "aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI"
    "2wIDAQAB"
)
SHARED_SECRET = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
REQUEST_DIGEST = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
RESPONSE_DIGEST = "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:"
B21 = (
    '();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
    (
        "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG"
        "52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVro"
        "gUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ"
        "98Xw9Q=="
    ),
)
B22 = (
    (
        '("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss"'
        ';tag="header-example"'
    ),
    (
        "LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT"
        "8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBS"
        "pqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTu"
        "gEjHSw=="
    ),
)
B23 = (
    (
        '("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length")'
        ';created=1618884473;keyid="test-key-rsa-pss"'
    ),
    (
        "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fU"
        "xN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA"
        "1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKE"
        "gM4cUA=="
    ),
)
B24 = (
    '("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"',
    "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==",
)
B25 = (
    '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
)
B26 = (
    (
        '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473'
        ';keyid="test-key-ed25519"'
    ),
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
)
THE_REQUEST = SignedRequest(
    "POST",
    "https",
    "example.com",
    "/foo",
    "param=Value&Pet=dog",
    fields(
        ("Host", "example.com"),
        ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("Content-Type", "application/json"),
        ("Content-Digest", REQUEST_DIGEST),
        ("Content-Length", "18"),
    ),
)
THE_RESPONSE = SignedResponse(
    200,
    fields(
        ("Date", "Tue, 20 Apr 2021 02:07:56 GMT"),
        ("Content-Type", "application/json"),
        ("Content-Digest", RESPONSE_DIGEST),
        ("Content-Length", "23"),
    ),
    THE_REQUEST,
)


def pem(kind, text):
    return f"-----BEGIN {kind} KEY-----\n{text}\n-----END {kind} KEY-----\n".encode()


def published(algorithm, text):
    return VerificationKey("of the RFC", ALGORITHMS[algorithm], Window(), load_pem_public_key(pem("PUBLIC", text)), ())


def presented(parameters, signature, tag=None):
    told = fields(("Signature-Input", f"sig={parameters}"), ("Signature", f"sig=:{signature}:"))
    return present(told, tag)


@pytest.mark.parametrize(
    ("message", "vector", "tag", "key"),
    [
        pytest.param(THE_REQUEST, B21, None, ("PS512", RSA_PSS_PUBLIC), id="B.2.1"),
        pytest.param(THE_REQUEST, B22, "header-example", ("PS512", RSA_PSS_PUBLIC), id="B.2.2"),
        pytest.param(THE_REQUEST, B23, None, ("PS512", RSA_PSS_PUBLIC), id="B.2.3"),
        pytest.param(THE_RESPONSE, B24, None, ("ES256", ECC_P256_PUBLIC), id="B.2.4"),
        pytest.param(THE_REQUEST, B26, None, ("EdDSA", ED25519_PUBLIC), id="B.2.6"),
    ],
)
def test_signatures_of_appendix_b_are_verified(message, vector, tag, key):
    found = presented(*vector, tag=tag)
    verify(message, found, [published(*key)])
    assert found.created == 1618884473
    later = replace(found, parameters=found.parameters.replace("1618884473", "1618884474"))
    with pytest.raises(SignatureRefused, match="not that of the message"):
        verify(message, later, [published(*key)])


B4 = (
    '("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"',
    "ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==",
)
ACCEPTS = (("Accept", "application/json"), ("Accept", "*/*"))
TRANSFORMED = SignedRequest("GET", "https", "example.org", "/demo", "name1=Value1&Name2=value2", fields(*ACCEPTS))


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        ({}, True),
        ({"query": "name1=Value1&Name2=value2&param=added"}, True),
        ({"fields": fields(("Accept-Language", "en-US,en;q=0.5"), *ACCEPTS)}, True),
        ({"fields": fields(("Accept", "application/json, */*"))}, True),
        ({"method": "POST"}, False),
        ({"authority": "example.com"}, False),
        ({"fields": fields(*reversed(ACCEPTS))}, False),
    ],
)
def test_transformations_of_appendix_b_4(changed, taken):
    message, key = replace(TRANSFORMED, **changed), [published("EdDSA", ED25519_PUBLIC)]
    if taken:
        verify(message, presented(*B4), key)
    else:
        with pytest.raises(SignatureRefused, match="not that of the message"):
            verify(message, presented(*B4), key)


def test_the_base_of_appendix_b_2_5_has_the_mac_of_the_rfc():
    found = presented(*B25)
    base = signature_base(THE_REQUEST, found.covered, found.parameters)
    assert base.decode().split("\n")[1] == '"@authority": example.com'
    mac = hmac.digest(base64.b64decode(SHARED_SECRET), base, hashlib.sha256)
    assert base64.b64encode(mac).decode() == B25[1]


def test_the_deterministic_signature_of_appendix_b_2_6_is_made_again():
    private = load_pem_private_key(pem("PRIVATE", ED25519_PRIVATE), password=None)
    key = SigningKey("test-key-ed25519", ALGORITHMS["EdDSA"], Window(), private, ())
    base = signature_base(THE_REQUEST, presented(*B26).covered, B26[0])
    assert base64.b64encode(key.sign(base)).decode() == B26[1]


COVERED = (
    "@method",
    "@target-uri",
    "@query",
    '"@query-param";name="b"',
    "authorization",
    "x-words",
    '"x-words";bs',
    '"priority";sf',
    '"priority";key="u"',
)
COMPONENTS = tuple(read_component(written) for written in COVERED)


def signed(message=None, covered=COMPONENTS, key=None, created=CREATED, tag=TAG, nonce=None):
    """A message with our signature among its fields."""
    message = message or a_request()
    made = sign(message, covered, key or signing_key(), created=created, tag=tag, nonce=nonce)
    return replace(message, fields=fields(*message.fields.items(), *made))


def verified(message, keys=None, tag=TAG):
    return verify(message, present(message.fields, tag), keys or [verification_key()])


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "EdDSA", "PS512", "RS256"])
def test_what_is_signed_here_the_library_verifies(algorithm):
    verify_by_library(signed(key=signing_key(algorithm), nonce="n-1"), algorithm)


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "EdDSA", "PS512", "RS256"])
@pytest.mark.parametrize("told", [False, True])
def test_what_the_library_signs_is_verified_here(algorithm, told):
    message = a_request()
    sign_by_library(message, COVERED, algorithm, include_alg=told, nonce="n-1")
    verified(message, [verification_key(algorithm)])


def test_answers_are_bound_to_their_requests_as_the_library_binds_them():
    request = signed()
    covered = (
        "@status",
        "content-type",
        '"@method";req',
        '"@target-uri";req',
        '"signature";req',
        '"signature-input";req',
    )
    ours = SignedResponse(200, fields(content_type="application/json"), request)
    sign_by_library(ours, covered, tag="fapi-2-response")
    verified(ours, tag="fapi-2-response")
    other_request = replace(ours, request=signed(created=CREATED + 1))
    with pytest.raises(SignatureRefused, match="not that of the message"):
        verified(other_request, tag="fapi-2-response")
    unsigned = SignedResponse(200, fields(content_type="application/json"), request)
    again = signed(unsigned, tuple(read_component(one) for one in covered), tag="fapi-2-response")
    verify_by_library(again, tag="fapi-2-response")


WORDS = st.text(st.sampled_from(string.ascii_letters + string.digits + " ,;=-._~!()'"), max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    path=st.text(st.sampled_from("abc/-._~"), max_size=12).map("/{}".format),
    query=st.none() | st.text(st.sampled_from("ab=&+*~._-"), max_size=12),
    values=st.lists(WORDS.map(str.strip), max_size=3),
    data=st.data(),
)
def test_bases_are_those_of_the_library(method, path, query, values, data):
    message = a_request(method=method, path=path, query=query, fields=fields(*(("x-words", one) for one in values)))
    choice = ["@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query"]
    choice += ["x-words", '"x-words";bs'] if values else []
    covered = data.draw(st.lists(st.sampled_from(choice), unique=True))
    sign_by_library(message, tuple(covered), "EdDSA")
    verified(message, [verification_key("EdDSA")])


SIGNED = signed(nonce="n-1")


def spoilt(data):
    """The signed message with one thing changed, anywhere in what is covered or says so."""
    part = data.draw(st.sampled_from(["method", "scheme", "authority", "path", "query", "field", "input", "signature"]))
    if part in {"field", "input", "signature"}:
        name = {
            "field": data.draw(st.sampled_from(["authorization", "x-words", "priority"])),
            "input": "signature-input",
        }
        chosen = name.get(part, "signature")
        lines = list(SIGNED.fields.items())
        position = data.draw(st.sampled_from([at for at, (one, _) in enumerate(lines) if one.lower() == chosen]))
        lines[position] = (lines[position][0], changed(data, lines[position][1]))
        return replace(SIGNED, fields=fields(*lines))
    return replace(SIGNED, **{part: changed(data, getattr(SIGNED, part))})


def changed(data, text):
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([*string.printable[:95], ""]).filter(lambda one: one != text[position]))
    return text[:position] + other + text[position + 1 :]


def meaning(message):
    """What a message says, however it is spelled: two spellings of one structured field are no change."""
    found = present(message.fields, TAG)
    base = signature_base(message, found.covered, found.parameters)
    return base, found.signature, [value.strip() for value in message.fields.getall("X-Words")]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_changed_the_signature_is_refused(data):
    message = spoilt(data)
    try:
        verified(message)
    except SignatureRefused:
        return
    assert meaning(message) == meaning(SIGNED), "only another spelling of the same may pass"


MANY = [f'"x{number}"' for number in range(65)]


@pytest.mark.parametrize(
    ("name", "field", "why"),
    [
        ("no signature", {"signature": None}, "missing"),
        ("no input", {"signature-input": None}, "missing"),
        ("another label", {"signature": "other=:YQ==:"}, "labels"),
        ("a label more", {"signature": "sig=:YQ==:, other=:YQ==:"}, "labels"),
        ("the label twice", {"signature": "sig=:YQ==:, sig=:YQ==:"}, "malformed"),
        ("no list", {"signature-input": f'sig="@method";created=1;keyid="k";tag="{TAG}"'}, "list"),
        ("no bytes", {"signature": 'sig="YQ=="'}, "byte sequence"),
        ("no dictionary", {"signature-input": "(((("}, "malformed"),
        ("no tag", {"signature-input": 'sig=("@method");created=1;keyid="k"'}, "with the tag"),
        ("a token for a tag", {"signature-input": f'sig=("@method");created=1;keyid="k";tag={TAG}'}, "form"),
        ("no created", {"signature-input": f'sig=("@method");keyid="k";tag="{TAG}"'}, "when"),
        ("no key id", {"signature-input": f'sig=("@method");created=1;tag="{TAG}"'}, "which key"),
        ("a date for created", {"signature-input": f'sig=("@method");created=@1;keyid="k";tag="{TAG}"'}, "form"),
        ("a fraction", {"signature-input": f'sig=("@method");created=1.0;keyid="k";tag="{TAG}"'}, "form"),
        ("a flag for created", {"signature-input": f'sig=("@method");created;keyid="k";tag="{TAG}"'}, "form"),
        (
            "created twice",
            {"signature-input": f'sig=("@method");created=1;created=2;keyid="k";tag="{TAG}"'},
            "malformed",
        ),
        ("another parameter", {"signature-input": f'sig=();created=1;keyid="k";tag="{TAG}";new=1'}, "known"),
        ("a long key id", {"signature-input": f'sig=();created=1;keyid="{"k" * 513}";tag="{TAG}"'}, "form"),
        ("twice the same", {"signature-input": f'sig=("date" "date");created=1;keyid="k";tag="{TAG}"'}, "twice"),
        (
            "twice the same, turned",
            {"signature-input": f'sig=("a";key="b";sf "a";sf;key="b");created=1;keyid="k";tag="{TAG}"'},
            "twice",
        ),
        ("a token", {"signature-input": f'sig=(date);created=1;keyid="k";tag="{TAG}"'}, "identifier"),
        ("capitals", {"signature-input": f'sig=("Date");created=1;keyid="k";tag="{TAG}"'}, "identifier"),
        (
            "too much",
            {"signature-input": f'sig=({" ".join(MANY)});created=1;keyid="k";tag="{TAG}"'},
            "too much",
        ),
        (
            "too many",
            {
                "signature-input": ", ".join(f's{n}=();tag="{TAG}"' for n in range(9)),
                "signature": ", ".join(f"s{n}=:YQ==:" for n in range(9)),
            },
            "too many",
        ),
    ],
)
def test_case_23_what_is_no_signature_is_refused(name, field, why):
    lines = [(one, value) for one, value in SIGNED.fields.items() if one.lower() not in field]
    lines += [(one, value) for one, value in field.items() if value is not None]
    with pytest.raises(SignatureRefused, match=why):
        present(fields(*lines), TAG)
    assert name


def test_case_23_labels_say_nothing():
    """A stranger's signature under the usual label, ours under another: the tag tells which counts."""
    request = a_request()
    sign_by_library(request, ("@method",), "EdDSA", tag="elsewhere", label="sig")
    sign_by_library(request, ("@method", "@path"), label="zz", append_if_signature_exists=True)
    assert len(present(request.fields, TAG).covered) == 2
    verified(request)


def test_case_23_two_signatures_of_one_tag_are_refused():
    request = a_request()
    sign_by_library(request, ("@method",), label="one")
    sign_by_library(request, ("@method", "@path"), label="two", append_if_signature_exists=True)
    with pytest.raises(SignatureRefused, match="more than once"):
        present(request.fields, TAG)


def test_case_23_a_field_that_is_covered_and_gone():
    lines = [pair for pair in SIGNED.fields.items() if pair[0] != "Authorization"]
    with pytest.raises(SignatureRefused, match="does not have"):
        verified(replace(SIGNED, fields=fields(*lines)))


@pytest.mark.parametrize("said", ["rsa-pss-sha512", "ecdsa-p384-sha384", "hmac-sha256", "ES256", "none", ""])
def test_case_23_an_algorithm_that_is_not_the_keys(said):
    found = replace(present(SIGNED.fields, TAG), algorithm=said)
    with pytest.raises(SignatureRefused, match="by a key of its id"):
        verify(SIGNED, found, [verification_key()])


def test_case_23_the_right_algorithm_is_the_keys_alone():
    message = signed(key=signing_key("EdDSA"))
    verified(message, [verification_key("ES256"), verification_key("EdDSA")])
    with pytest.raises(SignatureRefused):
        verified(message, [verification_key("ES256"), verification_key("PS512")])


@pytest.mark.parametrize(
    ("created", "expires", "taken"),
    [
        (0, None, True),
        (-60, None, True),
        (-61, None, False),
        (10, None, True),
        (11, None, False),
        (-5, 0, True),
        (-5, -1, False),
        (-5, 1000, True),
        (-86400, 1000, False),
    ],
)
def test_case_23_age_to_the_second(created, expires, taken):
    now = float(CREATED)
    until = None if expires is None else CREATED + expires
    found = replace(present(SIGNED.fields, TAG), created=CREATED + created, expires=until)
    if taken:
        check_age(found, Age(60, 10), now)
    else:
        with pytest.raises(SignatureRefused, match=r"future|old|expired"):
            check_age(found, Age(60, 10), now)


def test_what_must_be_covered_is_told_by_its_name():
    found = present(SIGNED.fields, TAG)
    check_coverage(found, COMPONENTS)
    with pytest.raises(SignatureRefused, match=r'does not cover "content-digest", "priority"$'):
        check_coverage(found, [*COMPONENTS, read_component("content-digest"), read_component("priority")])


@pytest.mark.parametrize("value", ["two\nlines", "two\rlines", "a\0b", "caf\xe9", "\udce9"])
def test_a_value_that_can_not_stand_in_a_base_is_refused(value):
    message = a_request(fields=fields(("x-words", value)))
    with pytest.raises(SignatureRefused, match="as it is"):
        signature_base(message, [read_component("x-words")], "()")


def test_a_signature_made_differently_from_itself_is_known_again():
    """(r, n - s) is as good as (r, s) on the curve P-256: it counts as the same."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    found = present(SIGNED.fields, TAG)
    r, s = found.signature[:32], int.from_bytes(found.signature[32:], "big")
    twin = replace(found, signature=r + (order - s).to_bytes(32, "big"))
    assert verify(SIGNED, twin, [verification_key()]) == verify(SIGNED, found, [verification_key()])
    assert verified(signed(nonce="n-1")) != verified(SIGNED), "one more signature is another"
    with pytest.raises(library.InvalidSignature):
        verify_by_library(replace(SIGNED, method="GET"))
