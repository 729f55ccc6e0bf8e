"""Wycheproof's JOSE vectors against the whole way of a token: its reading, the choice of a key, the signature.

The vectors are typed as no access token, which would refuse each of them: a type is laid under their headers here, and
the refusal of untyped ones is tested elsewhere. Secret keys are no public keys: what they sign is never taken.
"""

import json

import pytest

from gateway.filters.tokens import token as reading
from gateway.filters.tokens.keys import choose, read_keys
from gateway.signatures.strict_json import read_object
from tests.corpus import CORPUS, NEEDED

FOLDER = CORPUS / "vectors" / "wycheproof" if CORPUS else None
pytestmark = pytest.mark.skipif(CORPUS is None, reason=NEEDED)


def vectors():
    for name in ("json_web_crypto_test", "json_web_key_test") if FOLDER else ():
        for group in json.loads((FOLDER / f"{name}.json").read_bytes())["testGroups"]:
            keys = group.get("public") or group.get("key") or group.get("private")
            for case in group["tests"]:
                if "jws" in case:
                    marks = f"{name}-{group['comment']}-{case['tcId']}-{case['comment']}"
                    yield pytest.param(keys, case["jws"], case["result"], id=marks)


VECTORS = list(vectors())


def is_taken(keys, jws) -> bool:
    document = keys if "keys" in keys else {"keys": [keys]}
    try:
        usable = read_keys(json.dumps(document).encode())
        token = reading.read_token(jws if isinstance(jws, str) else json.dumps(jws))
    except (ValueError, reading.TokenRefused):
        return False
    key = choose(usable, token.kid, token.algorithm)
    return key is not None and key.verifies(token.algorithm, token.signing_input, token.signature)


@pytest.fixture(autouse=True)
def typed(monkeypatch):
    monkeypatch.setattr(reading, "read_object", lambda content: {"typ": "at+jwt", **read_object(content)})


def test_the_vectors_are_there():
    assert len(VECTORS) > 40


@pytest.mark.parametrize(("keys", "jws", "result"), VECTORS)
def test_a_vector(keys, jws, result):
    asymmetric = all(key.get("kty") != "oct" for key in keys.get("keys", [keys]))
    assert is_taken(keys, jws) == (result == "valid" and asymmetric)
