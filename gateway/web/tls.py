"""The TLS side of a listener: what is presented, what is spoken, and whose client certificates are taken.

TLS 1.2 with forward secrecy and authenticated encryption only (BCP 195: RFC 9325 section 4.2), or 1.3. No tickets are
given: 1.3 resumes nothing, and 1.2 only what this very context has verified and still holds in memory (Python can not
switch that off), so a session never outlives the authorities that it was judged by.
"""

import ssl
from datetime import datetime

from cryptography import x509

from gateway.secrets import CertificateUnusable, Secrets, SecretUnreadable, load_chain
from gateway.settings import TlsSettings

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_ASKED = {"required": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL}


class _SaysWhy(ssl.SSLObject):
    """A handshake whose alert reaches the other side (RFC 8446 section 6.2).

    The loop drops what waits to be sent when a handshake fails, and the caller would see a closed connection. So the
    failure is told as a need for more to read, on which the loop sends; the next time it is told as what it is.
    """

    _failure: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self._failure = error
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the alert goes out first") from None


def build_context(settings: TlsSettings, secrets: Secrets) -> ssl.SSLContext:
    """A server's context. Reads files. Raises CertificateUnusable with a message that names the references."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = _SaysWhy
    context.minimum_version = _VERSIONS[settings.minimum_version]
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    try:
        load_chain(context, secrets.read(settings.certificate), secrets.read(settings.key))
    except CertificateUnusable as error:
        raise CertificateUnusable(f"{settings.certificate}, {settings.key}: {error}") from None
    except SecretUnreadable as error:
        raise CertificateUnusable(str(error)) from None
    if settings.client_ca is not None:
        _trust(context, settings.client_ca, secrets)
        context.verify_mode = _ASKED[settings.client_certificate]
    return context


def expires_at(settings: TlsSettings, secrets: Secrets) -> datetime:
    """When the listener's certificate ends, in UTC. Reads files. Raises CertificateUnusable."""
    try:
        return x509.load_pem_x509_certificate(secrets.read(settings.certificate)).not_valid_after_utc
    except (ValueError, SecretUnreadable) as error:
        raise CertificateUnusable(f"{settings.certificate}: no certificate in PEM form can be read there") from error


def _trust(context: ssl.SSLContext, reference: str, secrets: Secrets) -> None:
    try:
        context.load_verify_locations(cadata=secrets.read(reference).decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError, ValueError):
        raise CertificateUnusable(f"{reference}: must hold authorities' certificates in PEM form") from None
    except SecretUnreadable as error:
        raise CertificateUnusable(str(error)) from None
