"""What a balancer writes about a caller has one reading, or it is refused by the name of its field."""

import hashlib
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.errors import RequestInvalid
from gateway.web.forwarded import from_client_cert, from_forwarded, from_forwarded_for, from_xfcc, plain_address
from tests.web.authorities import Issued, root

ROOT = root("Clients")
LEAF = ROOT.below("Between").issue()
HASH = hashlib.sha256(LEAF.der).hexdigest()


def pem(shown: Issued, *, whole: bool = False) -> str:
    one = shown.pem if whole else shown.pem[: shown.pem.index(b"-----END") + 26]
    return urllib.parse.quote(one.decode())


def xfcc(*values: str) -> CIMultiDict[str]:
    return CIMultiDict([("x-forwarded-client-cert", value) for value in values])


@pytest.mark.parametrize(
    "value",
    [
        f'Hash={HASH};Cert="{pem(LEAF)}";Chain="{pem(LEAF, whole=True)}";Subject="CN=a\\",b;=";URI=spiffe://test/a',
        f'By=spiffe://test/envoy;Hash={HASH.upper()};Cert="{pem(LEAF)}";Chain="{pem(LEAF, whole=True)}";DNS=a;DNS=b',
    ],
)
def test_a_whole_certificate_of_envoy_is_read(value: str):
    assert from_xfcc(xfcc(value)) == tuple(LEAF.ders)


def test_without_the_field_there_is_no_certificate():
    assert from_xfcc(xfcc()) == from_client_cert(CIMultiDict()) == ()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([f"Hash={HASH}"], "a hash or name is no identity here"),
        ([f'Hash={HASH};Subject="CN=a";URI=spiffe://test/a'], "a hash or name is no identity here"),
        ([""], "a hash or name is no identity here"),
        ([f'Hash={"0" * 64};Cert="{pem(LEAF)}"'], "a hash that is not the certificate's"),
        ([f'Cert="{pem(LEAF)}"', f'Cert="{pem(LEAF)}"'], "must stand once"),
        ([f'Cert="{pem(LEAF)}",Cert="{pem(LEAF)}"'], "has several elements"),
        ([f'Cert="{pem(LEAF)}";Cert="{pem(LEAF)}"'], "two members 'cert'"),
        (['Cert="nonsense"'], "holds no certificate"),
        ([f'Cert="{pem(LEAF)}'], "is not written as Envoy writes it"),
        (["what is this"], "is not written as Envoy writes it"),
    ],
)
def test_what_envoy_would_not_write_or_can_not_be_verified(values: list[str], told: str):
    with pytest.raises(RequestInvalid, match=told) as refused:
        from_xfcc(xfcc(*values))
    assert refused.value.members["errors"][0]["name"] == "x-forwarded-client-cert"


@given(st.text(alphabet='CertHashURI="\\;,%-0aZ \t', max_size=60))
def test_whatever_stands_in_a_field_is_read_or_refused(value: str):
    for read in (
        lambda: from_xfcc(xfcc(value)),
        lambda: from_client_cert(CIMultiDict({"Client-Cert": value, "Client-Cert-Chain": value})),
        lambda: from_forwarded(CIMultiDict({"Forwarded": value}), 1),
        lambda: from_forwarded_for(CIMultiDict({"X-Forwarded-For": value}), 2),
    ):
        told = ""
        try:
            read()
        except RequestInvalid as refused:
            told = str(refused)
        assert len(value) < 8 or value not in told


@given(st.ip_addresses())
def test_an_address_is_told_in_one_spelling(address):
    mapped = getattr(address, "ipv4_mapped", None) or address
    written = f"[{address}]:443" if address.version == 6 else f"{address}:443"
    assert plain_address(written) == plain_address(str(address)) == str(mapped)


def test_several_lines_of_one_field_are_one_list():
    headers = CIMultiDict([("X-Forwarded-For", "192.0.2.1, 192.0.2.2"), ("X-Forwarded-For", "192.0.2.3")])
    assert [from_forwarded_for(headers, depth) for depth in (1, 2, 3)] == ["192.0.2.3", "192.0.2.2", "192.0.2.1"]
