"""A revocation list is taken whole, or refused with what is wrong with it."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.secrets import CertificateUnusable
from gateway.web.revocation import read_lists
from tests.web.authorities import DAY, now, root

ROOT, OTHER = root("Root"), root("Other")
AUTHORITIES = [ROOT.certificate, OTHER.certificate]
LEAF = ROOT.issue()


def test_lists_in_pem_and_der():
    pem = ROOT.revoke(LEAF) + OTHER.revoke()
    first, second = read_lists(pem, AUTHORITIES, now())
    assert (first.serials, second.serials) == ({LEAF.certificate.serial_number}, frozenset())
    assert first.authority != second.authority
    der = x509.load_pem_x509_crl(ROOT.revoke(LEAF)).public_bytes(Encoding.DER)
    (only,) = read_lists(der, AUTHORITIES, now())
    assert only.serials == first.serials
    assert x509.load_pem_x509_crl(only.pem).public_bytes(Encoding.DER) == der


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"canary", "must hold certificate revocation lists in PEM or DER form"),
        (ROOT.revoke()[:200], "must hold certificate revocation lists"),
        (ROOT.pem, "must hold certificate revocation lists"),
        (root("Stranger").revoke(), "the list of CN=Stranger is not signed by any authority of 'client_ca'"),
        (ROOT.revoke(key=ec.generate_private_key(ec.SECP256R1())), "the list of CN=Root is not signed by"),
        (ROOT.revoke(begins=now() - 2 * DAY, ends=now() - DAY), "the list of CN=Root is past its next update"),
        (ROOT.revoke(begins=now() + DAY, ends=now() + 2 * DAY), "the list of CN=Root is of the future"),
        (ROOT.revoke(more=[(x509.DeltaCRLIndicator(1), True)]), r"is a delta, or for a part only .*2\.5\.29\.27"),
        (
            ROOT.revoke(
                more=[
                    (
                        x509.IssuingDistributionPoint(
                            full_name=None,
                            relative_name=None,
                            only_contains_user_certs=True,
                            only_contains_ca_certs=False,
                            only_some_reasons=None,
                            indirect_crl=False,
                            only_contains_attribute_certs=False,
                        ),
                        True,
                    )
                ]
            ),
            r"is a delta, or for a part only .*2\.5\.29\.28",
        ),
    ],
)
def test_lists_that_are_not_taken(content: bytes, told: str):
    with pytest.raises(CertificateUnusable, match=told) as refused:
        read_lists(content, AUTHORITIES, now())
    assert "canary" not in str(refused.value)


def test_an_authority_that_may_not_sign_lists():
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    limited = root("Limited", more=[(usage, True)])
    with pytest.raises(CertificateUnusable, match="is not signed by any authority"):
        read_lists(limited.revoke(), [limited.certificate], now())
