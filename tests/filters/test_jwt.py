"""The numbered cases are those of our list of attacks on tokens and their binding."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from gateway.errors import KeysUnavailable, RequestInvalid, Unauthenticated
from gateway.exchange import Peer
from tests.filters.calling import (
    CALLER,
    DEFAULTS,
    OTHER_THUMBPRINT,
    ROUTE,
    THUMBPRINT,
    access_token,
    b64,
    claims,
    elliptic,
    jwk,
    jwks,
    rsa_key,
    sign,
)

HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "first"}


async def refused(gateway, token, **more):
    with pytest.raises(Unauthenticated) as caught:
        await gateway.call(headers={"Authorization": f"Bearer {token}", "Consent-Id": "consent-1"}, **more)
    challenge = dict(caught.value.headers)["WWW-Authenticate"]
    assert challenge.startswith('Bearer error="invalid_token"')
    assert token not in challenge
    assert token not in (caught.value.detail or "")
    return caught.value.detail


async def test_a_token_bound_to_the_callers_certificate_names_the_principal(gateway_of):
    gateway = gateway_of()
    await gateway.call(headers=gateway.authorised())
    principal = gateway.innermost.exchanges[0].principal
    assert (principal.subject, principal.client_id, principal.tenant) == ("service-books", "books", "acme")
    assert principal.scopes == {"accounts", "balances", "transactions"}
    assert gateway.innermost.exchanges[0].record.principal == principal


async def test_no_token_is_told_apart_from_a_bad_one(gateway_of):
    gateway = gateway_of()
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
        with pytest.raises(Unauthenticated) as caught:
            await gateway.call(headers=headers)
        assert dict(caught.value.headers)["WWW-Authenticate"] == "Bearer"


async def test_a_token_in_the_query_or_twice_in_headers_is_malformed(gateway_of):
    gateway = gateway_of()
    good = gateway.authorised()
    for query in ("access_token=x", "a=1&access%5Ftoken=x", "access_token"):
        with pytest.raises(RequestInvalid):
            await gateway.call(headers=good, query=query)
    with pytest.raises(RequestInvalid):
        await gateway.call(headers=[*good.items(), ("authorization", good["Authorization"])])
    await gateway.call(headers=good, query="q=%41&my_access_tokens=1")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "NoNe", ""])
async def test_case_1_no_algorithm(gateway_of, algorithm):
    gateway = gateway_of()
    parts = [b64(json.dumps(part).encode()) for part in ({**HEADER, "alg": algorithm}, claims(gateway.clock))]
    assert "compact form" in await refused(gateway, ".".join(parts) + ".")
    assert "algorithm is not allowed" in await refused(gateway, ".".join(parts) + "." + b64(b"x" * 64))


async def test_case_2_a_public_key_as_the_secret_of_an_hmac(gateway_of):
    gateway = gateway_of()
    public = elliptic().public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, der, json.dumps(jwk(elliptic(), "first")).encode()):
        token = sign({**HEADER, "alg": "HS256"}, claims(gateway.clock), secret, algorithm="HS256")
        assert "algorithm is not allowed" in await refused(gateway, token)


async def test_case_3_an_algorithm_that_the_issuer_may_not_use(gateway_of):
    gateway = gateway_of()
    gateway.secrets["file:keys"] = jwks(jwk(rsa_key(), "rsa"))
    token = sign({**HEADER, "alg": "RS256", "kid": "rsa"}, claims(gateway.clock), rsa_key(), algorithm="RS256")
    assert "algorithm is not allowed" in await refused(gateway, token)
    better = sign({**HEADER, "alg": "PS256", "kid": "rsa"}, claims(gateway.clock), rsa_key(), algorithm="PS256")
    await gateway.call(headers={"Authorization": f"Bearer {better}", "Consent-Id": "consent-1"})


async def test_case_4_weak_keys_are_not_used(gateway_of):
    gateway = gateway_of()
    weak = rsa_key(1024)
    gateway.secrets["file:keys"] = jwks(jwk(weak, "weak"), jwk(rsa_key(), "e1", e="AQ"), jwk(elliptic(), "first"))
    for kid, key in (("weak", weak), ("e1", rsa_key())):
        token = sign({**HEADER, "alg": "PS256", "kid": kid}, claims(gateway.clock), key, algorithm="PS256")
        assert "does not publish" in await refused(gateway, token)
    assert gateway.key_sets.reports()[0].key_ids == ("first",)


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "\0", "k" * 6000, "x" * 257, 7, ["first"], {}, ""])
async def test_case_5_key_ids_that_are_no_key_ids(gateway_of, kid):
    gateway = gateway_of()
    await refused(gateway, access_token(gateway.clock, header={"kid": kid}))


async def test_case_5_no_key_id(gateway_of):
    gateway = gateway_of()
    token = access_token(gateway.clock, header={"kid": None})
    await gateway.call(headers={"Authorization": f"Bearer {token}", "Consent-Id": "consent-1"})
    two = gateway_of()
    two.secrets["file:keys"] = jwks(jwk(elliptic(), "first"), jwk(elliptic("second"), "second"))
    assert "does not publish" in await refused(two, token)


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
async def test_case_6_keys_that_the_token_brings_are_not_looked_at(gateway_of, name):
    gateway = gateway_of()
    stranger = elliptic("stranger")
    brought = jwk(stranger, "first") if name == "jwk" else "https://attacker.test/keys"
    token = sign({**HEADER, name: brought}, claims(gateway.clock), stranger)
    assert "signature" in await refused(gateway, token)


@pytest.mark.parametrize("critical", [["b64"], ["exp"], [], "b64", None])
async def test_case_7_critical_headers(gateway_of, critical):
    gateway = gateway_of()
    token = sign({**HEADER, "crit": critical, "b64": False}, claims(gateway.clock))
    assert "not understood" in await refused(gateway, token)
    assert "not understood" in await refused(gateway, sign({**HEADER, "crit": critical}, claims(gateway.clock)))


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value", ["1795000000", 1795000000.5, -1, 0, True, [1795000000], {}, float("nan"), float("inf")]
)
async def test_case_8_instants_that_are_no_instants(gateway_of, name, value):
    gateway = gateway_of()
    token = sign(HEADER, claims(gateway.clock, **{name: value}))
    await refused(gateway, token)


@pytest.mark.parametrize("name", ["exp", "iat", "iss", "aud", "sub", "client_id", "jti", "tenant", "cnf"])
async def test_case_8_claims_that_are_missing(gateway_of, name):
    gateway = gateway_of()
    await refused(gateway, access_token(gateway.clock, **{name: None}))


@pytest.mark.parametrize(
    ("ago", "accepted"),
    [(ago, ago < 30) for ago in (-31, -1, 0, 1, 9, 10, 11, 29, 30, 31, 59, 60, 61)],
)
async def test_case_8_expiry_to_the_second(gateway_of, ago, accepted):
    gateway = gateway_of()
    headers = gateway.authorised(exp=gateway.clock.epoch - ago, iat=gateway.clock.epoch - 600)
    if accepted:
        await gateway.call(headers=headers)
    else:
        assert "expired" in await refused(gateway, headers["Authorization"][7:])


@pytest.mark.parametrize("name", ["iat", "nbf"])
@pytest.mark.parametrize(
    ("ahead", "accepted"), [(ahead, ahead <= 30) for ahead in (0, 1, 9, 10, 11, 29, 30, 31, 59, 60, 61)]
)
async def test_case_8_the_future_to_the_second(gateway_of, name, ahead, accepted):
    gateway = gateway_of()
    headers = gateway.authorised(**{name: gateway.clock.epoch + ahead})
    if accepted:
        await gateway.call(headers=headers)
    else:
        assert "not valid yet" in await refused(gateway, headers["Authorization"][7:])


@pytest.mark.parametrize(
    "issuer",
    ["https://identity.test/", "https://identity.tes", "https://identity.test.evil", ["https://identity.test"], 1],
)
async def test_case_9_issuers_that_are_nearly_right(gateway_of, issuer):
    gateway = gateway_of()
    await refused(gateway, access_token(gateway.clock, iss=issuer))


@pytest.mark.parametrize(
    "audience", [[], "https://gateway.test/", ["https://other.test"], {"https://gateway.test": 1}, 5]
)
async def test_case_9_audiences_that_are_others(gateway_of, audience):
    gateway = gateway_of()
    await refused(gateway, access_token(gateway.clock, aud=audience))


async def test_case_9_an_audience_among_several(gateway_of):
    gateway = gateway_of()
    await gateway.call(headers=gateway.authorised(aud=["https://other.test", "https://gateway.test"]))


@pytest.mark.parametrize("kind", ["JWT", "dpop+jwt", "logout+jwt", None, "", 1, "at+jwt2"])
async def test_case_10_other_tokens_of_the_same_issuer(gateway_of, kind):
    gateway = gateway_of()
    assert "not typed" in await refused(gateway, access_token(gateway.clock, header={"typ": kind}))


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt"])
async def test_access_token_types(gateway_of, kind):
    gateway = gateway_of()
    token = access_token(gateway.clock, header={"typ": kind})
    await gateway.call(headers={"Authorization": f"Bearer {token}", "Consent-Id": "consent-1"})


async def test_case_11_members_that_stand_twice(gateway_of):
    gateway = gateway_of()
    header = b'{"alg":"ES256","typ":"at+jwt","kid":"first","kid":"first"}'
    assert "strict JSON" in await refused(gateway, sign(header, claims(gateway.clock)))
    payload = json.dumps(claims(gateway.clock))[:-1] + ',"tenant":"other"}'
    assert "strict JSON" in await refused(gateway, sign(HEADER, payload.encode()))


async def test_case_12_other_spellings_of_a_good_token(gateway_of):
    gateway = gateway_of()
    good = access_token(gateway.clock)
    header, payload, signature = good.split(".")
    last = signature[-1]
    sibling = next(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c != last)
    padded = header + "="
    for spelling in (
        f"{good}=",
        f"{padded}.{payload}.{signature}",
        f"{header}.{payload}",
        f"{good}.{signature}",
        f"{good}.{header}.{payload}",
        f"{header}.{payload}.{signature[:-1]}{sibling}",
        f"{header}..{signature}",
        '{"payload":"x"}',
        good.replace(".", "..", 1),
        f"{header}.{payload}.{base64.b64encode(b'+' * 64).decode()}",
        "[" * 8000,
        good + "A" * 8192,
    ):
        await refused(gateway, spelling)
    await gateway.call(headers={"Authorization": f"bearer  {good}", "Consent-Id": "consent-1"})


async def test_case_12_depth_and_encryption(gateway_of):
    gateway = gateway_of()
    deep = b'{"iss":' + b"[" * 5000 + b"]" * 1 + b"}"
    assert "strict JSON" in await refused(gateway, sign(HEADER, deep))
    assert "not understood" in await refused(gateway, access_token(gateway.clock, header={"zip": "DEF"}))
    assert "not understood" in await refused(gateway, access_token(gateway.clock, header={"enc": "A256GCM"}))


async def test_case_13_signatures_that_say_nothing(gateway_of):
    gateway = gateway_of()
    signing_input, _, good = access_token(gateway.clock).rpartition(".")
    raw = base64.urlsafe_b64decode(good + "==")
    for signature in (b"\0" * 64, raw[:-1], raw[:63], raw + b"\0", raw[32:] + raw[:32], b"\0" * 32 + raw[32:]):
        assert "signature is wrong" in await refused(gateway, f"{signing_input}.{b64(signature)}")


async def test_case_13_a_salt_of_another_length(gateway_of):
    gateway = gateway_of()
    gateway.secrets["file:keys"] = jwks(jwk(rsa_key(), "rsa"))
    good = sign({**HEADER, "alg": "PS256", "kid": "rsa"}, claims(gateway.clock), rsa_key(), algorithm="PS256")
    signing_input = good.rpartition(".")[0]
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=20)
    signature = rsa_key().sign(signing_input.encode(), scheme, hashes.SHA256())
    assert "signature is wrong" in await refused(gateway, f"{signing_input}.{b64(signature)}")


async def test_case_16_certificates_that_are_not_the_tokens(gateway_of):
    gateway = gateway_of()
    token = access_token(gateway.clock)
    same_name = Peer(address=CALLER.address, identity=CALLER.identity, thumbprint=OTHER_THUMBPRINT)
    assert "another certificate" in await refused(gateway, token, peer=same_name)
    await gateway.call(headers=gateway.authorised())
    assert "another certificate" in await refused(gateway, token, peer=same_name), "remembered tokens are checked too"


@pytest.mark.parametrize(
    "confirmation",
    [
        {},
        {"x5t#S256": THUMBPRINT + "="},
        {"x5t#S256": "ab" * 32},
        {"x5t#S256": [THUMBPRINT]},
        {"x5t": THUMBPRINT},
        {"x5t#S256": THUMBPRINT, "jkt": "x"},
        {"jkt": "x"},
        THUMBPRINT,
        [THUMBPRINT],
    ],
)
async def test_case_16_confirmations_that_bind_nothing_we_can_check(gateway_of, confirmation):
    gateway = gateway_of()
    await refused(gateway, access_token(gateway.clock, cnf=confirmation))


async def test_a_free_token_is_taken_where_the_policy_says_so_but_a_bound_one_is_still_checked(gateway_of):
    free = "defaults:\n  filters:\n    - {name: jwt, binding: none, audience: 'https://gateway.test', "
    free += "issuers: [{issuer: 'https://identity.test', keys: 'file:keys'}]}\n"
    gateway = gateway_of(free + ROUTE)
    nobody = Peer(address="192.0.2.1")
    await gateway.call(headers=gateway.authorised(cnf=None), peer=nobody)
    assert "another certificate" in await refused(gateway, access_token(gateway.clock), peer=nobody)


async def test_a_verified_token_is_remembered_until_it_expires(gateway_of, monkeypatch):
    gateway = gateway_of()
    headers = gateway.authorised(exp=gateway.clock.epoch + 20)
    await gateway.call(headers=headers)
    gateway.secrets["file:keys"] = b"gone"
    verified = []
    original = ec.ECDSA
    monkeypatch.setattr("jwt.algorithms.ECDSA", lambda *more: verified.append(1) or original(*more))
    await gateway.call(headers=headers)
    assert verified == []
    gateway.clock.passed = 20
    await gateway.call(headers=headers)
    assert verified == [1], "past its expiry the leeway is judged anew, and nothing is remembered"
    gateway.clock.passed = 50
    assert "expired" in await refused(gateway, headers["Authorization"][7:])


async def test_case_14_a_removed_key_ends_the_tokens_that_it_signed(gateway_of):
    gateway = gateway_of()
    headers = gateway.authorised(exp=gateway.clock.epoch + 3600)
    await gateway.call(headers=headers)
    gateway.secrets["file:keys"] = jwks(jwk(elliptic("second"), "second"))
    gateway.clock.passed = 301
    assert "does not publish" in await refused(gateway, headers["Authorization"][7:])


async def test_no_key_set_at_hand_is_our_fault_not_the_callers(gateway_of):
    gateway = gateway_of()
    gateway.secrets["file:keys"] = b"<html>"
    with pytest.raises(KeysUnavailable) as caught:
        await gateway.call(headers=gateway.authorised())
    assert dict(caught.value.headers)["Retry-After"] == "30"


@pytest.mark.parametrize("name", ["tenant", "sub", "client_id"])
@pytest.mark.parametrize(
    "value", ["a\r\nSet-Cookie: b", "a\nb", "a\0b", "a b", "caf\u00e9", "", "a" * 256, ["acme"], None]
)
async def test_case_26_names_that_could_begin_another_line_name_nobody(gateway_of, name, value):
    gateway = gateway_of()
    await refused(gateway, access_token(gateway.clock, **{name: value}))


async def test_two_tenants_of_two_issuers(gateway_of):
    second = "{issuer: 'https://second.test', keys: 'file:second', algorithms: [PS256]}"
    both = DEFAULTS.replace("keys: 'file:keys'}", f"keys: 'file:keys'}}, {second}")
    gateway = gateway_of(both + ROUTE)
    gateway.secrets["file:second"] = jwks(jwk(rsa_key(), "rsa"))
    header = {**HEADER, "alg": "PS256", "kid": "rsa"}
    token = sign(header, claims(gateway.clock, iss="https://second.test"), rsa_key(), algorithm="PS256")
    await gateway.call(headers={"Authorization": f"Bearer {token}", "Consent-Id": "consent-1"})
    posing = sign(header, claims(gateway.clock), rsa_key(), algorithm="PS256")
    assert "does not publish" in await refused(gateway, posing), "an issuer is verified by its own keys only"
