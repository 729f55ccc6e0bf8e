"""The TLS side of a listener: what is presented, what is spoken, and whose client certificates are taken.

TLS 1.2 with forward secrecy and authenticated encryption only (BCP 195: RFC 9325 section 4.2), or 1.3. No tickets are
given: 1.3 resumes nothing, and 1.2 only what this very context has verified and still holds in memory (Python can not
switch that off). A context never changes: whatever changes makes a new one, so that a session never outlives the
authorities and lists that it was judged by.
"""

import hashlib
import ssl
from datetime import UTC, datetime

import msgspec
from cryptography import x509

from gateway.secrets import CertificateUnusable, Secrets, SecretUnreadable, load_chain, load_lists
from gateway.settings import TlsSettings
from gateway.web.handshakes import Observe, watch
from gateway.web.trust import Trust, read_trust

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_ASKED = {"required": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL}


class Tls(msgspec.Struct, frozen=True):
    """A listener's TLS at one time: `ends` is when its own certificate does (UTC), `content` what all was made of."""

    context: ssl.SSLContext
    trust: Trust | None
    ends: datetime
    content: bytes


def build_tls(
    settings: TlsSettings,
    secrets: Secrets,
    *,
    observe: Observe = lambda _reason: None,
    handshake_timeout: float = 60.0,
    before: Tls | None = None,
) -> Tls:
    """Reads files and builds all of it; what is as `before` is taken over.

    `observe` is told of failed handshakes. Raises CertificateUnusable with a message that names the references.
    """
    try:
        certificate, key = secrets.read(settings.certificate), secrets.read(settings.key)
    except SecretUnreadable as error:
        raise CertificateUnusable(str(error)) from None
    trust = None
    if settings.client_ca is not None:
        trust = read_trust(settings.client_ca, settings.revocation_lists, secrets, datetime.now(UTC))
        if before is not None and before.trust is not None and before.trust.content == trust.content:
            trust = before.trust
    content = hashlib.sha256(b"\0".join([certificate, key, trust.content if trust is not None else b""])).digest()
    if before is not None and before.content == content:
        return before
    context = _context(settings, trust)
    watch(context, observe, handshake_timeout)
    try:
        load_chain(context, certificate, key)
        ends = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    except CertificateUnusable as error:
        raise CertificateUnusable(f"{settings.certificate}, {settings.key}: {error}") from None
    if ends <= datetime.now(UTC):
        raise CertificateUnusable(f"{settings.certificate}: has expired ({ends.isoformat()})")
    return Tls(context, trust, ends, content)


def _context(settings: TlsSettings, trust: Trust | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.minimum_version]
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    if trust is not None:
        context.load_verify_locations(cadata=trust.pem.decode("ascii"))
        if trust.lists_pem:
            load_lists(context, trust.lists_pem)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
        context.verify_mode = _ASKED[settings.client_certificate]
    return context
