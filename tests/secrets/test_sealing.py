"""What is sealed comes back only whole, under a key that is known, and for what it was sealed for."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.secrets import Sealer, Secret

OLD, NEW = Secret(b"o" * 32), Secret(b"n" * 32)


@given(plain=st.binary(max_size=200), bound_to=st.binary(max_size=50))
def test_sealed_text_comes_back_and_is_safe_in_a_query(plain: bytes, bound_to: bytes):
    text = Sealer([NEW]).seal(plain, bound_to)
    assert text.replace("-", "").replace("_", "").isalnum()
    assert Sealer([NEW]).unseal(text, bound_to) == plain


@given(place=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_no_bit_can_be_changed(place: int, bit: int):
    raw = bytearray(base64.urlsafe_b64decode(_padded(Sealer([NEW]).seal(b"next page", b"consent"))))
    raw[place % len(raw)] ^= 1 << bit
    with pytest.raises(ValueError, match=r"known here|changed"):
        Sealer([NEW]).unseal(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), b"consent")


def test_it_is_bound_to_what_it_was_sealed_for():
    text = Sealer([NEW]).seal(b"next page", b"one consent")
    with pytest.raises(ValueError, match="sealed for something else"):
        Sealer([NEW]).unseal(text, b"another consent")


def test_the_first_key_seals_and_all_unseal():
    before = Sealer([OLD]).seal(b"page", b"")
    rotated = Sealer([NEW, OLD])
    assert rotated.unseal(before, b"") == b"page"
    assert Sealer([NEW]).unseal(rotated.seal(b"page", b""), b"") == b"page"


def test_a_key_that_was_removed_unseals_nothing():
    with pytest.raises(ValueError, match="not known here"):
        Sealer([NEW]).unseal(Sealer([OLD]).seal(b"page", b""), b"")


def test_two_sealings_of_the_same_differ():
    sealer = Sealer([NEW])
    assert sealer.seal(b"page", b"") != sealer.seal(b"page", b"")


def test_one_sealed_value_has_one_spelling():
    text = Sealer([NEW]).seal(b"a", b"")
    assert len(text) % 4 == 2  # the last character carries four bits that decoding would drop
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]
    assert base64.urlsafe_b64decode(_padded(twin)) == base64.urlsafe_b64decode(_padded(text))
    for other in (twin, text + "=", text + "\n", f" {text}"):
        with pytest.raises(ValueError, match="not sealed by us"):
            Sealer([NEW]).unseal(other, b"")


@pytest.mark.parametrize("text", ["", "A", "AQ", "é", "%%%", "A" * 43])
def test_what_nobody_sealed_is_refused(text: str):
    with pytest.raises(ValueError, match="sealed"):
        Sealer([NEW]).unseal(text, b"")


def test_a_sealer_without_a_key_can_not_be_made():
    with pytest.raises(ValueError, match="needs a key"):
        Sealer([])


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
