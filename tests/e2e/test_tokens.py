"""Access tokens that must be refused, each sent over mutual TLS to a gateway that fetches its issuers' keys itself.

Where a boundary is a second wide the clock has to stand still: those cases are in `tests/filters/test_jwt.py`.
"""

import base64
import hmac
import json
import uuid
import zlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.e2e.token_house import House, house, issuer_of
from tests.filters.calling import b64, elliptic, jwk, rsa_key, sign

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
SPKI, PKCS1 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with house(tmp_path_factory.mktemp("tokens") / "house") as up:
        rsa = rsa_key()
        up.keys.publish("two", jwk(elliptic(), "first"), jwk(elliptic("second"), "second"))
        p192 = {"kty": "EC", "crv": "P-192", "kid": "p192", "x": b64(b"\1" * 24), "y": b64(b"\2" * 24)}
        up.keys.publish(
            "weak",
            jwk(rsa_key(1024), "rsa1024"),
            jwk(rsa, "e1", e="AQ"),
            jwk(rsa, "e3", e="Aw"),
            p192,
            jwk(elliptic(), "first"),
        )
        up.keys.publish("rsa", jwk(rsa, "rsa"))
        up.keys.publish("twins", jwk(elliptic(), "one"), jwk(rsa, "one"))
        up.keys.publish("encrypting", jwk(elliptic(), "first", use="enc"), jwk(elliptic("second"), "second"))
        yield up
        log = up.gateway.log.read_text()
        assert "failed unforeseen" not in log, "a token made the gateway fail"
        assert "Traceback" not in log


def refused(service: House, token: str, reason: str) -> None:
    answer = service.call(token)
    assert (answer.status, answer.json["code"]) == (401, "unauthenticated"), answer
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert reason in answer.json["detail"]
    assert token not in answer.body.decode() + str(answer.headers)


def accepted(service: House, token: str) -> None:
    answer = service.call(token)
    assert answer.status == 200, answer


def test_a_good_token_is_taken(service):
    accepted(service, service.token())


@pytest.mark.parametrize("signature", ["", b64(b"x" * 64)], ids=["empty", "random"])
@pytest.mark.parametrize("spelling", ["none", "None", "NONE", "NoNe", "nOnE", ""])
def test_no_algorithm(service, spelling, signature):
    parts = [{"alg": spelling, "typ": "at+jwt", "kid": "first"}, service.claims()]
    token = ".".join(b64(json.dumps(part).encode()) for part in parts) + "." + signature
    refused(service, token, "algorithm is not allowed" if signature else "compact form")


def public_keys():
    for kind, key in (("ec", elliptic()), ("rsa", rsa_key())):
        public = key.public_key()
        forms = {"pem": (PEM, SPKI), "der": (DER, SPKI)}
        if kind == "rsa":
            forms |= {"pkcs1-pem": (PEM, PKCS1), "pkcs1-der": (DER, PKCS1)}
        for name, form in forms.items():
            secret = public.public_bytes(*form)
            yield pytest.param(kind, secret, id=f"{kind}-{name}")
            if name.endswith("pem"):
                yield pytest.param(kind, secret.rstrip(b"\n"), id=f"{kind}-{name}-stripped")
        yield pytest.param(kind, json.dumps(jwk(key, "first")).encode(), id=f"{kind}-jwk")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize(("kind", "secret"), list(public_keys()))
def test_a_public_key_as_the_secret_of_an_hmac(service, kind, secret, algorithm):
    issuer, kid = ("main", "first") if kind == "ec" else ("rsa", "rsa")
    header = {"alg": algorithm, "typ": "at+jwt", "kid": kid}
    # PyJWT refuses to sign with what looks like a public key: the attacker does not.
    signing_input = ".".join(b64(json.dumps(part).encode()) for part in (header, service.claims(issuer)))
    mac = hmac.digest(secret, signing_input.encode(), f"sha{algorithm[2:]}")
    refused(service, f"{signing_input}.{b64(mac)}", "algorithm is not allowed")


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS384", "PS512"])
def test_an_algorithm_that_the_issuer_may_not_use(service, algorithm):
    good = service.token("rsa", {"kid": "rsa"}, rsa_key(), "PS256")
    accepted(service, good)
    refused(service, service.token("rsa", {"kid": "rsa"}, rsa_key(), algorithm), "algorithm is not allowed")


@pytest.mark.parametrize("algorithm", ["es256", "ES256 ", "ES256K", "EdDSA", "ES512", 256, ["ES256"], None, {}, True])
def test_an_algorithm_that_is_not_the_keys(service, algorithm):
    refused(service, service.token(header={"alg": algorithm}), "")


@pytest.mark.parametrize(
    ("kid", "key", "algorithm"),
    [("rsa1024", 1024, "PS256"), ("e1", 2048, "PS256"), ("e3", 2048, "PS256"), ("p192", None, "ES256")],
)
def test_weak_keys_that_an_issuer_publishes_are_not_used(service, kid, key, algorithm):
    signer = rsa_key(key) if key else elliptic()
    refused(service, service.token("weak", {"kid": kid}, signer, algorithm), "does not publish")
    accepted(service, service.token("weak"))


@pytest.mark.parametrize(
    "kid",
    [
        *("../../etc/passwd", "/dev/null", "' OR '1'='1", "first\0", "first' UNION SELECT 'x", "${jndi:ldap://x}"),
        *("x" * 257, "k" * 5000, 7, 0, True, ["first"], {"kid": "first"}, "", "FIRST", "first "),
    ],
    ids=lambda kid: repr(kid)[:24],
)
def test_key_ids_that_are_no_key_ids(service, kid):
    refused(service, service.token(header={"kid": kid}), "")


def test_a_key_id_of_ten_kilobytes(service):
    refused(service, service.token(header={"kid": "k" * 10_000}), "too long")


def test_no_key_id_among_one_key_and_among_two(service):
    accepted(service, service.token(header={"kid": None}))
    refused(service, service.token("two", {"kid": None}), "does not publish")
    accepted(service, service.token("two"))


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "x5t"])
def test_keys_that_the_token_brings_make_no_call_and_verify_nothing(service, name):
    stranger = elliptic("stranger")
    trap = f"{service.keys.url}/keys/trap-{name}"
    brought = {"jku": trap, "x5u": trap, "jwk": jwk(stranger, "first"), "x5c": [b64(b"x")], "x5t": "x"}[name]
    refused(service, service.token(header={name: brought}, key=stranger), "signature is wrong")
    refused(service, service.token(header={name: brought, "kid": "stranger"}, key=stranger), "does not publish")
    assert service.keys.trapped == 0


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["http://openbanking.org.uk/iat"], "http://openbanking.org.uk/iat": 1},
        {"crit": []},
        {"crit": ["absent"]},
        {"crit": "b64"},
        {"crit": None, "b64": True},
        {"crit": ["b64"], "b64": False},
        {"crit": ["alg"]},
        {"crit": {}},
        {"b64": False},
    ],
    ids=json.dumps,
)
def test_critical_headers(service, header):
    refused(service, service.token(header=header), "not understood")


@pytest.mark.parametrize("claim", ["exp", "iat", "iss", "aud", "sub", "client_id", "jti", "tenant", "cnf"])
def test_a_claim_that_is_missing(service, claim):
    refused(service, service.token(**{claim: None}), "")


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value",
    [
        *("4102444800", "2099-01-01", 4102444800.5, 1e300, float("nan"), float("inf"), -1, 0, True, False),
        *([4102444800], {"$gt": 0}, ""),
    ],
    ids=repr,
)
def test_an_instant_that_is_no_instant(service, claim, value):
    refused(service, service.token(**{claim: value}), "")


@pytest.mark.parametrize(("claim", "value"), [("exp", 10**30), ("iat", 10**30), ("nbf", 10**30)])
def test_an_instant_beyond_all_calendars_does_no_harm(service, claim, value):
    answer = service.call(service.token(**{claim: value}))
    assert answer.status == (200 if claim == "exp" else 401)


def test_instants_beyond_the_leeway(service):
    now = service.claims()["iat"]
    refused(service, service.token(exp=now - 61, iat=now - 300), "has expired")
    refused(service, service.token(iat=now + 90), "not valid yet")
    refused(service, service.token(nbf=now + 90), "not valid yet")


@pytest.mark.parametrize(
    "issuer",
    [
        *(f"{issuer_of('main')}/", issuer_of("main")[:-1], issuer_of("main").upper(), f"{issuer_of('main')}.evil.test"),
        *(f" {issuer_of('main')}", "http://main.identity.test", "main.identity.test", "https://evil.test"),
        *([issuer_of("main")], {"iss": issuer_of("main")}, 1, True, ""),
    ],
    ids=str,
)
def test_an_issuer_that_is_nearly_right(service, issuer):
    refused(service, service.token(iss=issuer), "")


def test_an_issuer_is_verified_by_its_own_keys_only(service):
    token = service.token("main", {"kid": "second"}, elliptic("second"))
    refused(service, token, "does not publish")
    refused(service, service.token("two", {"kid": "first"}, elliptic("second")), "signature is wrong")


@pytest.mark.parametrize(
    "audience",
    [
        *([], "", "https://gateway.test/", "https://gateway.test.evil", "HTTPS://GATEWAY.TEST", ["https://other.test"]),
        *([["https://gateway.test"]], {"https://gateway.test": 1}, 5, True, [5], [None]),
    ],
    ids=str,
)
def test_an_audience_that_is_another(service, audience):
    refused(service, service.token(aud=audience), "another audience")


def test_an_audience_among_several(service):
    accepted(service, service.token(aud=["https://other.test", "https://gateway.test"]))


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"typ": "JWT"}, id="id-token"),
        pytest.param({"typ": None}, id="untyped"),
        pytest.param({"typ": "client-authentication+jwt"}, id="client-assertion"),
        pytest.param({"typ": "dpop+jwt"}, id="dpop-proof"),
        pytest.param({"typ": "dpop+jwt", "jwk": {"kty": "EC"}}, id="dpop-proof-with-key"),
        pytest.param({"typ": "logout+jwt"}, id="logout-token"),
        pytest.param({"typ": "token-introspection+jwt"}, id="introspection-answer"),
        pytest.param({"typ": "oauth-authz-req+jwt"}, id="request-object"),
        pytest.param({"typ": "at+jwt2"}, id="longer"),
        pytest.param({"typ": "application/application/at+jwt"}, id="twice"),
        pytest.param({"typ": ["at+jwt"]}, id="list"),
        pytest.param({"typ": ""}, id="empty"),
    ],
)
def test_other_tokens_of_the_same_issuer(service, header):
    refused(service, service.token(header=header), "not typed as an access token")


HEADER = b'{"alg":"ES256","typ":"at+jwt","kid":"first"'


@pytest.mark.parametrize(
    "header",
    [
        HEADER + b',"kid":"first"}',
        b'{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"first"}',
        b'{"alg":"ES256","typ":"JWT","typ":"at+jwt","kid":"first"}',
        b'{"alg":"ES256","\\u0061lg":"ES256","typ":"at+jwt","kid":"first"}',
    ],
)
def test_members_of_the_header_that_stand_twice(service, header):
    refused(service, sign(header, service.claims()), "strict JSON")


@pytest.mark.parametrize("second", ['"tenant":"acme"', '"tenant":"other"', '"exp":9999999999', '"\\u0069ss":"x"'])
def test_claims_that_stand_twice(service, second):
    payload = json.dumps(service.claims())[:-1] + f",{second}}}"
    refused(service, sign(HEADER + b"}", payload.encode()), "strict JSON")


def test_two_confirmations(service):
    twice = f'{{"x5t#S256":"{"A" * 43}","x5t#S256":"{service.thumbprint}"}}'
    payload = json.dumps(service.claims(cnf=None))[:-1] + f',"cnf":{twice}}}'
    refused(service, sign(HEADER + b"}", payload.encode()), "strict JSON")


def spellings():
    """Other texts than a good token's one spelling, by name."""

    def changed(segment, change):
        def build(token):
            parts = token.split(".")
            parts[segment] = change(parts[segment])
            return ".".join(parts)

        return build

    for segment, name in enumerate(("header", "claims", "signature")):
        yield f"padding-{name}", changed(segment, lambda part: part + "=")
        yield f"double-padding-{name}", changed(segment, lambda part: part + "==")
        yield f"space-in-{name}", changed(segment, lambda part: f"{part[:5]} {part[5:]}")
        yield f"tab-in-{name}", changed(segment, lambda part: f"{part[:5]}\t{part[5:]}")
        yield f"plus-in-{name}", changed(segment, lambda part: "+" + part[1:])
        yield f"slash-in-{name}", changed(segment, lambda part: "/" + part[1:])
        yield f"percent-in-{name}", changed(segment, lambda part: f"%{ord(part[0]):x}{part[1:]}")
        yield f"empty-{name}", changed(segment, lambda _part: "")
    yield "trailing-bits", changed(2, lambda part: part[:-1] + chr(ord(part[-1]) + 1))
    yield "two-segments", lambda token: token.rpartition(".")[0]
    yield "four-segments", lambda token: f"{token}.{token.rpartition('.')[2]}"
    yield "five-segments-of-a-jwe", lambda token: f"{token}.{b64(b'tag')}.{b64(b'more')}"
    yield "six-segments", lambda token: ".".join([token, *token.split(".")])
    yield "dot-at-the-end", lambda token: f"{token}."
    yield "dot-before", lambda token: f".{token}"
    yield "json-serialisation", lambda token: json.dumps({"payload": token.split(".")[1], "signature": "x"})
    yield "more-than-8-kB", lambda token: token + "A" * 8192
    yield "brackets", lambda _token: "[" * 8000


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in spellings()])
def test_another_spelling_of_a_good_token(service, change):
    refused(service, change(service.token()), "")


def test_a_text_of_the_standard_alphabet(service):
    token = service.token(jti="~~~???>>>")
    header, payload, signature = token.split(".")
    standard = base64.b64encode(base64.urlsafe_b64decode(payload + "==")).decode().rstrip("=")
    assert standard != payload
    refused(service, f"{header}.{standard}.{signature}", "compact form")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("place", ["header", "claims"])
def test_nesting_that_leads_deep(service, opening, place):
    deep = b'{"iss":' + opening * 500 + b"1" + (b"]" if opening == b"[" else b"}") * 500 + b"}"
    refused(service, sign(deep, service.claims()) if place == "header" else sign(HEADER + b"}", deep), "")


def test_an_encrypted_token_that_would_inflate(service):
    bomb = zlib.compress(b" " * 4_000_000)[:4000]
    header = {"alg": "dir", "enc": "A256GCM", "zip": "DEF", "typ": "at+jwt"}
    jwe = ".".join([b64(json.dumps(header).encode()), "", b64(b"iv"), b64(bomb), b64(b"tag")])
    refused(service, jwe, "compact form")
    refused(service, service.token(header={"zip": "DEF"}), "not understood")
    refused(service, service.token(header={"enc": "A256GCM"}), "not understood")


def resigned(token: str, change) -> str:
    signing_input, _, signature = token.rpartition(".")
    return f"{signing_input}.{b64(change(base64.urlsafe_b64decode(signature + '==')))}"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _raw: b"\0" * 64, id="r-and-s-are-zero"),
        pytest.param(lambda raw: b"\0" * 32 + raw[32:], id="r-is-zero"),
        pytest.param(lambda raw: raw[:32] + b"\0" * 32, id="s-is-zero"),
        pytest.param(lambda _raw: ORDER.to_bytes(32) * 2, id="r-and-s-are-the-order"),
        pytest.param(lambda raw: raw[:32] + ORDER.to_bytes(32), id="s-is-the-order"),
        pytest.param(lambda raw: raw[:63], id="a-byte-short"),
        pytest.param(lambda raw: raw[:32], id="half"),
        pytest.param(lambda raw: raw + b"\0", id="a-byte-long"),
        pytest.param(lambda raw: raw + raw, id="twice"),
        pytest.param(lambda raw: raw[32:] + raw[:32], id="s-before-r"),
        pytest.param(lambda _raw: b"\xff" * 64, id="all-ones"),
        pytest.param(lambda raw: bytes([raw[0] ^ 1]) + raw[1:], id="one-bit"),
    ],
)
def test_an_elliptic_signature_that_says_nothing(service, change):
    refused(service, resigned(service.token(), change), "signature is wrong")


def test_an_elliptic_signature_in_der(service):
    signing_input = service.token().rpartition(".")[0]
    der = elliptic().sign(signing_input.encode(), ec.ECDSA(hashes.SHA256()))
    assert decode_dss_signature(der)
    refused(service, f"{signing_input}.{b64(der)}", "signature is wrong")


def test_the_other_s_of_an_elliptic_signature_is_the_same_token(service):
    """RFC 7518 section 3.4 asks for no low s, and issuers send both: it verifies, and says nothing new of anybody."""
    token = service.token()
    accepted(service, token)
    accepted(service, resigned(token, lambda raw: raw[:32] + (ORDER - int.from_bytes(raw[32:])).to_bytes(32)))


@pytest.mark.parametrize("salt", [0, 20, 31, 33, 64, 222])
def test_a_salt_of_another_length(service, salt):
    signing_input = service.token("rsa", {"kid": "rsa"}, rsa_key(), "PS256").rpartition(".")[0]
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt)
    signature = rsa_key().sign(signing_input.encode(), scheme, hashes.SHA256())
    refused(service, f"{signing_input}.{b64(signature)}", "signature is wrong")


def test_other_paddings_and_masks_under_the_name_of_pss(service):
    signing_input = service.token("rsa", {"kid": "rsa"}, rsa_key(), "PS256").rpartition(".")[0].encode()
    sha1_mask = padding.PSS(mgf=padding.MGF1(hashes.SHA1()), salt_length=32)
    for scheme in (padding.PKCS1v15(), sha1_mask):
        signature = rsa_key().sign(signing_input, scheme, hashes.SHA256())
        refused(service, f"{signing_input.decode()}.{b64(signature)}", "signature is wrong")
    refused(service, f"{signing_input.decode()}.{b64(bytes(256))}", "signature is wrong")


def test_a_new_key_is_found_by_one_fetch(service):
    accepted(service, service.token("rotating"))
    before = service.keys.asked["rotating"]
    service.keys.publish("rotating", jwk(elliptic(), "first"), jwk(elliptic("second"), "second"))
    accepted(service, service.token("rotating", {"kid": "second"}, elliptic("second")))
    assert service.keys.asked["rotating"] == before + 1
    accepted(service, service.token("rotating", {"kid": "second"}, elliptic("second")))
    assert service.keys.asked["rotating"] == before + 1


def test_a_flood_of_random_key_ids_is_at_most_one_fetch_in_a_cooldown(service):
    accepted(service, service.token("flooded"))
    for _ in range(50):
        refused(service, service.token("flooded", {"kid": str(uuid.uuid4())}), "does not publish")
    assert service.keys.asked["flooded"] == 1


def test_a_removed_key_ends_the_tokens_that_it_signed(service):
    token = service.token("removing")
    accepted(service, token)
    service.keys.publish("removing", jwk(elliptic("second"), "second"))
    refused(service, token, "does not publish")


def test_a_set_at_hand_serves_while_its_issuer_is_away(service):
    token = service.token("resting")
    accepted(service, token)
    service.keys.say("resting", 503, "text/plain", b"away")
    accepted(service, token)
    accepted(service, service.token("resting", jti="token-2"))
    service.keys.publish("resting", jwk(elliptic("second"), "second"))
    refused(service, token, "does not publish")


def test_a_set_that_is_too_old_judges_nobody(service):
    service.keys.say("lapsing", 503, "text/plain", b"away")
    answer = service.call(service.token("lapsing"))
    assert (answer.status, answer.json["code"]) == (503, "keys_unavailable")
    assert "retry-after" in answer.headers
    service.keys.publish("lapsing", jwk(elliptic(), "first"))


def test_keys_of_one_id_are_told_apart_by_kind(service):
    accepted(service, service.token("twins", {"kid": "one"}))
    accepted(service, service.token("twins", {"kid": "one"}, rsa_key(), "PS256"))


def test_a_key_for_encryption_verifies_nothing(service):
    accepted(service, service.token("encrypting", {"kid": "second"}, elliptic("second")))
    refused(service, service.token("encrypting"), "does not publish")


GOOD = json.dumps({"keys": [jwk(elliptic(), "first")]}).encode()


@pytest.mark.parametrize(
    ("issuer", "status", "kind", "body", "fields"),
    [
        ("huge", 200, "application/json", b'{"x":"' + b"x" * 300_000 + b'",' + GOOD[1:], {}),
        ("redirecting", 302, "application/json", GOOD, {"Location": "/keys/main"}),
        ("page", 200, "text/html", GOOD, {}),
        ("packed", 200, "application/json", zlib.compress(GOOD), {"Content-Encoding": "deflate"}),
        ("empty", 200, "application/json", b'{"keys":[]}', {}),
        ("failing", 500, "application/json", GOOD, {}),
    ],
)
def test_an_answer_that_is_no_key_set(service, issuer, status, kind, body, fields):
    service.keys.say(issuer, status, kind, body, **fields)
    before = service.keys.asked["main"]
    for _ in range(2):
        answer = service.call(service.token(issuer))
        assert (answer.status, answer.json["code"]) == (503, "keys_unavailable")
    assert service.keys.asked["main"] == before, "a redirect is not followed"
