import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.identity import Identities

KEY = b"k" * 32


def test_an_id_is_an_hmac_over_its_parts():
    whole = hmac.new(KEY, b"account\x1ftenant\x1fbank\x1fiban\x1fDE1\x1fEUR", hashlib.sha256).hexdigest()
    assert Identities(KEY).account("tenant", "bank", "iban", "DE1", "EUR") == f"acc_{whole[:32]}"
    whole = hmac.new(KEY, b"transaction\x1facc_1\x1fbank\x1f1", hashlib.sha256).hexdigest()
    assert Identities(KEY).transactions("acc_1")("bank\x1f1") == f"txn_{whole[:32]}"


@given(st.binary(min_size=32, max_size=200), st.text(max_size=80))
def test_any_key_and_text_give_what_hmac_gives(key, text):
    encoded = text.encode("utf-8", "surrogatepass")
    assert Identities(key).digest(text) == hmac.new(key, encoded, hashlib.sha256).hexdigest()[:32]


def test_a_key_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Identities(b"k" * 31)


@given(
    st.lists(st.text(st.characters(exclude_characters="\x1f"), max_size=5), min_size=5, max_size=5), st.integers(0, 4)
)
def test_every_part_counts(parts, index):
    other = [*parts]
    other[index] += "x"
    identities = Identities(KEY)
    assert identities.account(*parts) != identities.account(*other)
    assert identities.account(*parts) != Identities(b"l" * 32).account(*parts)


def test_a_review_is_of_a_bank_an_operation_and_a_record():
    identities = Identities(KEY)
    assert identities.review("bank", "accounts.list", b"{}") == identities.review("bank", "accounts.list", b"{}")
    others = {("other", "accounts.list", b"{}"), ("bank", "accounts.get", b"{}"), ("bank", "accounts.list", b"{ }")}
    assert len({identities.review(*one) for one in others | {("bank", "accounts.list", b"{}")}}) == 4
