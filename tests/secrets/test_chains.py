"""Certificate and key as bytes serve a TLS connection, or are refused in words that hold nothing of them."""

import os
import pathlib
import ssl

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from gateway.secrets import CertificateUnusable, load_chain


@pytest.fixture(scope="module")
def issued() -> trustme.LeafCert:
    return trustme.CA().issue_cert("gateway.example")


def test_a_chain_is_loaded_and_leaves_no_file(
    issued: trustme.LeafCert, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for in_memory in (True, False):
        if not in_memory:
            monkeypatch.delattr(os, "memfd_create")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_chain(context, issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes())
        assert list(tmp_path.iterdir()) == []


def test_another_certificates_key_is_refused(issued: trustme.LeafCert):
    other = trustme.CA().issue_cert("other.example")
    with pytest.raises(CertificateUnusable, match="the key does not belong to the certificate"):
        load_chain(
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), issued.cert_chain_pems[0].bytes(), other.private_key_pem.bytes()
        )


def test_what_is_no_pem_is_refused(issued: trustme.LeafCert):
    for certificate, key in ((b"canary", issued.private_key_pem.bytes()), (issued.cert_chain_pems[0].bytes(), b"")):
        with pytest.raises(CertificateUnusable, match="must be in PEM form") as refused:
            load_chain(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate, key)
        assert "canary" not in str(refused.value)


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(issued: trustme.LeafCert):
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    with pytest.raises(CertificateUnusable, match="has a passphrase"):
        load_chain(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), issued.cert_chain_pems[0].bytes(), locked)
