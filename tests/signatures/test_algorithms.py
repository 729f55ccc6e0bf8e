"""Each algorithm verifies what it signed and nothing else, and takes no key that is weak or of another kind."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.signatures.algorithms import ALGORITHMS, KeyUnfit
from tests.signatures.pems import private

KINDS = {
    "RS256": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS512": "RSA",
    "ES256": "P-256",
    "ES384": "P-384",
    "ES512": "P-521",
    "EdDSA": "Ed25519",
}


@pytest.mark.parametrize("name", KINDS)
@given(message=st.binary(max_size=200), place=st.integers(0, 2**16), bit=st.integers(0, 7))
@settings(max_examples=20, deadline=None)
def test_any_changed_bit_of_message_or_signature_fails(name: str, message: bytes, place: int, bit: int):
    key, algorithm = private(KINDS[name]), ALGORITHMS[name]
    signature = algorithm.sign(key, message)
    assert algorithm.verify(key.public_key(), message, signature)
    for content in (message, signature):
        if content:
            changed = bytearray(content)
            changed[place % len(content)] ^= 1 << bit
            pair = (bytes(changed), signature) if content is message else (message, bytes(changed))
            assert not algorithm.verify(key.public_key(), *pair)
    assert not algorithm.verify(key.public_key(), message + b"\0", signature)
    assert not algorithm.verify(private(KINDS[name], "other").public_key(), message, signature)


@pytest.mark.parametrize("name", ["ES256", "ES384", "ES512"])
def test_a_signature_of_ecdsa_has_its_one_length_and_no_psychic_form(name: str):
    key, algorithm = private(KINDS[name]), ALGORITHMS[name]
    signature = algorithm.sign(key, b"message")
    half = len(signature) // 2
    zero = bytes(half)
    for bad in (signature[:-1], signature + b"\0", b"", zero + zero, signature[:half] + zero, zero + signature[half:]):
        assert not algorithm.verify(key.public_key(), b"message", bad)


def test_the_salt_of_pss_is_as_long_as_the_hash():
    for length, taken in ((32, True), (20, False), (0, False), (48, False)):
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), length)
        signature = private("RSA").sign(b"message", scheme, hashes.SHA256())
        assert ALGORITHMS["PS256"].verify(private("RSA").public_key(), b"message", signature) is taken


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("PS256", "RSA-1024", "an RSA key of 1024 bits is too weak: 2048 are the least"),
        ("RS256", "P-256", "RS256 needs an RSA key, this is one on secp256r1"),
        ("ES256", "P-192", "ES256 needs a key on the curve P-256, this is one on secp192r1"),
        ("ES256", "P-384", "ES256 needs a key on the curve P-256, this is one on secp384r1"),
        ("ES384", "RSA", "ES384 needs a key on the curve P-384, this is an RSA key"),
        ("EdDSA", "P-256", "EdDSA needs an Ed25519 key, this is one on secp256r1"),
        ("PS256", "Ed25519", "PS256 needs an RSA key, this is an Ed25519 key"),
    ],
)
def test_a_key_that_does_not_fit_is_refused(name: str, kind: str, told: str):
    with pytest.raises(KeyUnfit) as caught:
        ALGORITHMS[name].fit(private(kind).public_key())
    assert str(caught.value) == told
