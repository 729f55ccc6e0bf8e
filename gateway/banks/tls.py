"""TLS towards a bank: our certificate, and the authorities that may have signed the bank's.

TLS 1.2 is the least (FAPI 2.0 section 5.2.2); the name is always checked. The private key comes as bytes from a secret
and never stays in a file.
"""

import os
import ssl
import tempfile
from datetime import datetime

import msgspec
from cryptography import x509


class Identity(msgspec.Struct, frozen=True):
    """Our certificate chain and its private key, in PEM."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Identity(...)"

    def ends(self) -> datetime:
        """When the certificate stops being valid, in UTC. Raises ValueError when it can not be read."""
        return x509.load_pem_x509_certificate(self.certificate).not_valid_after_utc


def build_context(identity: Identity | None, server_ca: bytes | None) -> ssl.SSLContext:
    """A client's context. Without `server_ca` the machine's authorities are trusted.

    Raises ValueError with what is wrong with the certificate, the key or the authorities.
    """
    try:
        authorities = server_ca.decode("ascii") if server_ca is not None else None
        context = ssl.create_default_context(cadata=authorities)
    except (ssl.SSLError, UnicodeDecodeError):
        raise ValueError("the authorities of 'server_ca' are not certificates in PEM") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if identity is not None:
        _present(context, identity)
    return context


def _present(context: ssl.SSLContext, identity: Identity) -> None:
    """Loads certificate and key; OpenSSL, as Python drives it, takes them from files only."""
    with tempfile.TemporaryDirectory(prefix="bank-") as folder:
        path = os.path.join(folder, "identity.pem")  # noqa: PTH118
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123
            file.write(identity.key.rstrip() + b"\n" + identity.certificate)
        try:
            # A key under a passphrase would make OpenSSL ask the terminal.
            context.load_cert_chain(path, password=_no_passphrase)
        except (ssl.SSLError, ValueError):
            raise ValueError("the certificate and the key are not a pair in PEM without a passphrase") from None


def _no_passphrase() -> str:
    raise ValueError("the key is under a passphrase")
