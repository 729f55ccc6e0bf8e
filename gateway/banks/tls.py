"""TLS towards a bank: our certificate, and the authorities that may have signed the bank's.

TLS 1.2 is the least (FAPI 2.0 Security Profile section 5.2.2); the name in the bank's certificate is always checked.
"""

import hashlib
import ssl
from datetime import datetime
from weakref import WeakValueDictionary

import msgspec
from cryptography import x509

from gateway.secrets import CertificateUnusable, load_chain


class Identity(msgspec.Struct, frozen=True):
    """Our certificate chain and its private key, in PEM."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Identity(not shown)"

    def ends(self) -> datetime:
        """When the certificate stops being valid, in UTC."""
        return x509.load_pem_x509_certificate(self.certificate).not_valid_after_utc


_in_use: WeakValueDictionary[bytes, ssl.SSLContext] = WeakValueDictionary()


def build_context(identity: Identity | None, server_ca: bytes | None) -> ssl.SSLContext:
    """A client's context. Without `server_ca` the machine's authorities are trusted.

    One that is in use for the same material is answered again: to read the machine's authorities takes tens of
    milliseconds in which no other thread runs, and a change of any file asks for the contexts of all banks. Raises
    CertificateUnusable with what is wrong with the certificate, the key or the authorities.
    """
    material = (identity and identity.certificate, identity and identity.key, server_ca)
    known = hashlib.sha256(msgspec.msgpack.encode(material)).digest()
    context = _in_use.get(known)
    if context is None:
        context = _in_use[known] = _build(identity, server_ca)
    return context


def _build(identity: Identity | None, server_ca: bytes | None) -> ssl.SSLContext:
    try:
        authorities = server_ca.decode("ascii") if server_ca is not None else None
        context = ssl.create_default_context(cadata=authorities)
    except (ssl.SSLError, UnicodeDecodeError):
        raise CertificateUnusable("'server_ca' holds no certificates in PEM form") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if identity is not None:
        load_chain(context, identity.certificate, identity.key)
    return context
