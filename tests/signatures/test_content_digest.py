import base64
import gzip
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.signatures.content_digest import check_content_digest, content_digest
from gateway.signatures.header_lines import SignatureRefused

BODY = b'{"hello": "world"}'
# RFC 9530 appendix B and RFC 9421 appendix B.2 have these of these very bytes.
SHA_256 = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
SHA_512 = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
OTHER = f"sha-256=:{base64.b64encode(hashlib.sha256(b'other').digest()).decode()}:"


def test_a_digest_is_that_of_the_rfc():
    assert content_digest(BODY) == SHA_256
    assert content_digest(BODY, "sha-512") == SHA_512


@pytest.mark.parametrize(
    "values",
    [
        [SHA_256],
        [SHA_512],
        [SHA_256, SHA_512],
        [f"{SHA_512},{SHA_256}"],
        [SHA_256, "sha-1024=:AAAA:"],
        ["new=1", SHA_512],
    ],
)
def test_every_known_digest_matches(values):
    check_content_digest(values, BODY)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([OTHER], "not that of the content"),
        ([SHA_512, OTHER], "not that of the content"),
        ([SHA_512, SHA_512], "malformed"),
        (["md5=:Sd/dVLAcvNLSq16eXua5uQ==:"], "insecure"),
        (["md5=:Sd/dVLAcvNLSq16eXua5uQ==:", SHA_256], "insecure"),
        ([SHA_256, "sha=:07CavjDP4u3/TungoUHJO/Wzr4c=:"], "insecure"),
        ([SHA_256, "unixsum=30637"], "insecure"),
        (["sha-1024=:AAAA:"], "no algorithm"),
        ([""], "no algorithm"),
        (["sha-256"], "not that of the content"),
        (["sha-256=(:AAAA:)"], "not that of the content"),
        ([SHA_256.replace(":", '"')], "not that of the content"),
        (["sha-256=:X48E9qOokqqrvdts8nOJRJN3:"], "not that of the content"),
        (["SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="], "malformed"),
        ([SHA_256.replace("X48", "X-8")], "malformed"),
    ],
)
def test_all_else_is_refused(values, why):
    with pytest.raises(SignatureRefused, match=why):
        check_content_digest(values, BODY)


def test_the_digest_is_of_the_coded_content_not_of_what_it_decodes_to():
    coded = gzip.compress(BODY)
    check_content_digest([content_digest(coded)], coded)
    with pytest.raises(SignatureRefused):
        check_content_digest([content_digest(BODY)], coded)


@settings(deadline=None)
@given(st.binary(max_size=200), st.data())
def test_any_changed_byte_is_told(content, data):
    changed = bytearray(content or b"x")
    position = data.draw(st.integers(0, len(changed) - 1))
    changed[position] ^= data.draw(st.integers(1, 255))
    value = content_digest(bytes(content or b"x"), data.draw(st.sampled_from(["sha-256", "sha-512"])))
    with pytest.raises(SignatureRefused):
        check_content_digest([value], bytes(changed))
