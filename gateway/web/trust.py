"""Whose client certificates are taken at a door: authorities, what they revoked, and the judgement of one chain.

In a handshake OpenSSL judges, by the same authorities and lists. Here a chain is judged without a handshake: again,
when authorities or lists changed while its connection was open, and where a balancer that ended TLS hands it on. Both
judge alike (RFC 5280 section 6): signatures up to a root that is listed, validity, `clientAuth` where extended key
usage is given, strong keys, constraints of path length and names, and where there are lists, each certificate below the
root must be covered by a list of its issuer that is not past its next update. Where this judge knows less than OpenSSL
(authorities with Ed25519 keys, constraints on URIs) it refuses.
"""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from gateway.secrets import CertificateUnusable, Secrets, SecretUnreadable
from gateway.web.revocation import RevocationList, authority_of, read_lists

MOST_INTERMEDIATES = 8
_LEAST_RSA_BITS, _LEAST_CURVE_BITS = 2048, 256

Reason: TypeAlias = Literal["expired", "not_yet_valid", "revoked", "revocation_unknown", "untrusted", "unreadable"]
TOLD: dict[Reason, str] = {
    "expired": "it has expired",
    "not_yet_valid": "it is not valid yet",
    "revoked": "it, or an authority that it comes from, is revoked",
    "revocation_unknown": "whether it is revoked can not be known now",
    "untrusted": "it does not come from an authority that is taken here for clients",
    "unreadable": "it can not be read",
}


class CertificateRefused(Exception):
    """A chain that is not taken; `reason` is one of few words."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(TOLD[reason])
        self.reason: Reason = reason


class Trust:
    """Authorities and revocation lists of one door, at one time. `pem` and `lists_pem` are for OpenSSL."""

    def __init__(self, authorities: Sequence[x509.Certificate], pem: bytes, lists: Sequence[RevocationList]) -> None:
        roots = [one for one in authorities if one.subject == one.issuer]
        self.pem = pem
        self.lists_pem = b"".join(one.pem for one in lists)
        self.ends = min(one.not_valid_after_utc for one in authorities)
        self.lists_end = min((one.ends for one in lists), default=None)
        self._store = Store(roots)
        self._between = [one for one in authorities if one.subject != one.issuer]
        # Of two lists of one authority the later speaks.
        self._lists = {one.authority: one for one in sorted(lists, key=lambda one: one.begins)}

    @property
    def content(self) -> bytes:
        """Equal for two that judge alike."""
        return self.pem + self.lists_pem

    def judge(self, chain: Sequence[bytes], now: datetime) -> datetime:
        """Judges a chain in DER, leaf first. Returns until when the judgement holds. Raises CertificateRefused."""
        try:
            leaf, *given = [x509.load_der_x509_certificate(one) for one in chain]
            begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        except ValueError:
            raise CertificateRefused("unreadable") from None
        if now > ends:
            raise CertificateRefused("expired")
        if now < begins:
            raise CertificateRefused("not_yet_valid")
        builder = PolicyBuilder().store(self._store).time(now).max_chain_depth(MOST_INTERMEDIATES)
        verifier = builder.extension_policies(ee_policy=_LEAF, ca_policy=_AUTHORITY).build_client_verifier()
        try:
            path = verifier.verify(leaf, [*given[:MOST_INTERMEDIATES], *self._between]).chain
        except (VerificationError, UnsupportedAlgorithm, ValueError):
            raise CertificateRefused("untrusted") from None
        until = min(one.not_valid_after_utc for one in path)
        return min(until, self._checked(path, now)) if self._lists else until

    def _checked(self, path: Sequence[x509.Certificate], now: datetime) -> datetime:
        until = datetime.max.replace(tzinfo=UTC)
        for certificate, issuer in itertools.pairwise(path):
            known = self._lists.get(authority_of(issuer))
            if known is None or known.ends <= now:
                raise CertificateRefused("revocation_unknown")
            if certificate.serial_number in known.serials:
                raise CertificateRefused("revoked")
            until = min(until, known.ends)
        return until


def read_trust(client_ca: str, lists: Sequence[str], secrets: Secrets, now: datetime) -> Trust:
    """What the references name. Reads files. Raises CertificateUnusable with a message that names the reference."""
    authorities = _authorities(client_ca, _read(client_ca, secrets))
    found: list[RevocationList] = []
    for reference in lists:
        content = _read(reference, secrets)
        try:
            found += read_lists(content, authorities[0], now)
        except CertificateUnusable as error:
            raise CertificateUnusable(f"{reference}: {error}") from None
    return Trust(*authorities, found)


def _authorities(reference: str, content: bytes) -> tuple[list[x509.Certificate], bytes]:
    try:
        found = x509.load_pem_x509_certificates(content)
    except ValueError:
        raise CertificateUnusable(f"{reference}: must hold authorities' certificates in PEM form") from None
    for one in found:
        name = one.subject.rfc4514_string()
        try:
            if not one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
                raise CertificateUnusable(f"{reference}: {name} is no authority's certificate (basicConstraints)")
        except (x509.ExtensionNotFound, ValueError):
            raise CertificateUnusable(f"{reference}: {name} is no authority's certificate (basicConstraints)") from None
    if not any(one.subject == one.issuer for one in found):
        raise CertificateUnusable(f"{reference}: must hold the root too: no certificate there is self-signed")
    return found, content


def _read(reference: str, secrets: Secrets) -> bytes:
    try:
        return secrets.read(reference)
    except SecretUnreadable as error:
        raise CertificateUnusable(str(error)) from None


def _for_clients(_policy: Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    # As OpenSSL has it: where uses are given, this one must be among them, and "any" is not enough.
    if usage is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise ValueError("not for TLS clients")


def _signs_here(_policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        strong = key.key_size >= (_LEAST_RSA_BITS if isinstance(key, rsa.RSAPublicKey) else _LEAST_CURVE_BITS)
    else:
        strong = isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
    if not strong:
        raise ValueError("its key is weak")
    if usage is not None and not (usage.digital_signature or usage.key_agreement):
        raise ValueError("its key may not sign a handshake")


def _signs_certificates(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("its key may not sign certificates")


_LEAF = (
    ExtensionPolicy.permit_all()
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _for_clients)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_here)
)
_AUTHORITY = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _for_clients)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_certificates)
)
