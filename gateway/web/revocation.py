"""Certificate revocation lists (RFC 5280 section 5) as an operator gives them: checked when they are read.

A list is taken whole or not at all: it must be signed by one of the authorities beside it, be neither of the future nor
past its next update, and speak for everything that its authority issued. Delta lists, indirect ones and those for a
part (all of which mark themselves by a critical extension) are refused, since what they leave out would pass unseen.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.secrets import CertificateUnusable

_PEM = b"-----BEGIN X509 CRL-----"


class RevocationList(msgspec.Struct, frozen=True):
    """The serial numbers that one authority revoked, until when that is the last word (UTC), and the list in PEM."""

    authority: bytes
    serials: frozenset[int]
    begins: datetime
    ends: datetime
    pem: bytes


def authority_of(certificate: x509.Certificate) -> bytes:
    """What tells authorities apart: name and public key, so that one that renewed its certificate is still itself."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return certificate.subject.public_bytes() + key


def read_lists(content: bytes, authorities: Sequence[x509.Certificate], now: datetime) -> list[RevocationList]:
    """The lists of one file: one in DER, or any number in PEM. Raises CertificateUnusable, which says what is wrong."""
    try:
        if _PEM in content:
            parts = [_PEM + part for part in content.split(_PEM)[1:]]
            found = [x509.load_pem_x509_crl(part) for part in parts]
        else:
            found = [x509.load_der_x509_crl(content)]
        return [_checked(one, authorities, now) for one in found]
    except (ValueError, TypeError):
        raise CertificateUnusable("must hold certificate revocation lists in PEM or DER form") from None


def _checked(
    found: x509.CertificateRevocationList, authorities: Sequence[x509.Certificate], now: datetime
) -> RevocationList:
    name = found.issuer.rfc4514_string()
    issuer = next((one for one in authorities if one.subject == found.issuer and _signed_by(found, one)), None)
    if issuer is None:
        raise CertificateUnusable(f"the list of {name} is not signed by any authority of 'client_ca'")
    partial = next((one.oid.dotted_string for one in found.extensions if one.critical), None)
    if partial is not None:
        raise CertificateUnusable(
            f"the list of {name} is a delta, or for a part only (critical extension {partial}): give the full list"
        )
    begins, ends = found.last_update_utc, found.next_update_utc
    if ends is None:
        raise CertificateUnusable(f"the list of {name} does not say when the next one comes (nextUpdate)")
    if ends <= now:
        raise CertificateUnusable(f"the list of {name} is past its next update ({ends.isoformat()}): fetch a new one")
    if begins > now:
        raise CertificateUnusable(f"the list of {name} is of the future ({begins.isoformat()})")
    serials = frozenset(one.serial_number for one in found)
    return RevocationList(authority_of(issuer), serials, begins, ends, found.public_bytes(Encoding.PEM))


def _signed_by(found: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.crl_sign:
            return False
    except x509.ExtensionNotFound:
        pass  # RFC 5280 section 4.2.1.3: without the extension no use is excluded
    return found.is_signature_valid(cast("CertificateIssuerPublicKeyTypes", issuer.public_key()))
