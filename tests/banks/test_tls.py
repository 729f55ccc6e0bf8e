import ssl
from datetime import UTC, datetime

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.banks.tls import Identity, build_context
from gateway.secrets import CertificateUnusable


def test_what_a_context_insists_on(service):
    context = build_context(service.identity, service.server_ca)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == 1


def test_the_machine_s_authorities_count_where_none_are_named():
    assert build_context(None, None).verify_mode == ssl.CERT_REQUIRED


def test_a_context_in_use_is_given_again_for_the_same_material_and_for_no_other(service):
    in_use = build_context(service.identity, service.server_ca)
    equal = Identity(bytes(bytearray(service.identity.certificate)), bytes(bytearray(service.identity.key)))
    assert build_context(equal, bytes(bytearray(service.server_ca))) is in_use
    others = [build_context(None, service.server_ca), build_context(service.identity, None), build_context(None, None)]
    assert len({id(one) for one in (in_use, *others)}) == 4


def test_what_can_not_be_used_is_told(service):
    other = trustme.CA().issue_cert("other.example").private_key_pem.bytes()
    key = load_pem_private_key(service.identity.key, None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    for wrong in (other, b"no key", locked):
        with pytest.raises(CertificateUnusable) as caught:
            build_context(Identity(service.identity.certificate, wrong), service.server_ca)
        assert "secret" not in str(caught.value)
    for wrong in (b"no certificate", b"\xff", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"):
        with pytest.raises(CertificateUnusable, match="server_ca"):
            build_context(service.identity, wrong)


def test_an_identity_shows_nothing_of_its_key(service):
    assert "PRIVATE" not in repr(service.identity)


def test_when_a_certificate_ends():
    end = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    certificate = trustme.CA().issue_cert("gateway.example", not_after=end)
    assert Identity(certificate.cert_chain_pems[0].bytes(), b"").ends() == end
