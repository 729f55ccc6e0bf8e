"""Who is at the other end of a connection, read from the certificate once, when the connection is made.

TLS has verified the certificate by then. An identity is what the listener is set up to read, and only where there is
one of it: a certificate with two URIs (against SPIFFE X.509-SVID section 2) or two DNS names identifies nobody.
"""

import asyncio
import base64
import hashlib
import ssl
from datetime import datetime
from typing import Any, Literal, TypeAlias

from cryptography import x509

from gateway.exchange import Peer

_DER = 2  # _ssl.ENCODING_DER

IdentityKind: TypeAlias = Literal["uri", "dns", "subject"]


def peer_of(transport: asyncio.BaseTransport, kind: IdentityKind) -> Peer:
    """The peer of a connection; without a client certificate only its address."""
    address = _address(transport.get_extra_info("peername"))
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    if not certificate:
        return Peer(address)
    return Peer(address, identity_of(certificate, kind), thumbprint_of(certificate))


def chain_of(transport: asyncio.BaseTransport) -> list[bytes]:
    """The certificates in DER that the peer showed in the handshake, leaf first; none where there was none."""
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if tls is None:
        return []
    # Public from Python 3.13 on, which gives bytes; before, the same method of the object below gives objects.
    below = getattr(tls, "_sslobj", None)
    shown: list[Any] = (below.get_unverified_chain() if below is not None else None) or []
    chain = [one if isinstance(one, bytes) else one.public_bytes(_DER) for one in shown]
    # A session that was resumed may have kept the leaf alone; it must not pass for a caller without a certificate.
    leaf = tls.getpeercert(binary_form=True)
    return chain or ([leaf] if leaf else [])


def ends_of(transport: asyncio.BaseTransport) -> datetime | None:
    """When the peer's certificate ends (UTC); None without one, or where that can not be read."""
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    try:
        return x509.load_der_x509_certificate(certificate).not_valid_after_utc if certificate else None
    except ValueError:
        return None


def thumbprint_of(certificate: bytes) -> str:
    """`x5t#S256` of a certificate in DER: base64url of its SHA-256, without padding (RFC 8705 section 3.1)."""
    return base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()


def identity_of(certificate: bytes, kind: IdentityKind) -> str | None:
    """The one URI, the one DNS name (lower case) or the subject (RFC 4514) of a certificate in DER, else None."""
    try:
        read = x509.load_der_x509_certificate(certificate)
        if kind == "subject":
            return read.subject.rfc4514_string() or None
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if kind == "uri":
            found = names.get_values_for_type(x509.UniformResourceIdentifier)
        else:
            found = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        # OpenSSL takes certificates that a stricter reader does not; such a one identifies nobody.
        return None
    return found[0] if len(found) == 1 else None


def _address(peername: object) -> str:
    return str(peername[0]) if isinstance(peername, tuple) and peername else ""
