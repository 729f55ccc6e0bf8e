"""How a bank wants a key to be called: a template of its file, filled from the key and its certificate.

`{id}` is the key's id; the others are the certificate's: `{serial_hex}` and `{serial_decimal}`; `{issuer}` (RFC 4514,
the last part first) and `{issuer_forward}` (as the certificate has them); `{sha1_colons}` and `{sha256_hex}`,
fingerprints.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gateway.signatures.keys import SigningKey, VerificationKey

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_OF_CERTIFICATE: Mapping[str, Callable[[x509.Certificate], str]] = {
    "serial_hex": lambda one: f"{one.serial_number:x}",
    "serial_decimal": lambda one: str(one.serial_number),
    "issuer": lambda one: one.issuer.rfc4514_string(),
    "issuer_forward": lambda one: ",".join(part.rfc4514_string() for part in one.issuer.rdns),
    "sha1_colons": lambda one: one.fingerprint(hashes.SHA1()).hex(":"),  # noqa: S303 # a bank's name of a file
    "sha256_hex": lambda one: one.fingerprint(hashes.SHA256()).hex(),
}


def template_problems(template: str, *, certified: bool) -> Iterator[str]:
    """What is wrong with a template for keys that all have, or lack, a certificate."""
    for name in _PLACEHOLDER.findall(template):
        if name != "id" and name not in _OF_CERTIFICATE:
            yield f"'{{{name}}}' is not one of: id, {', '.join(_OF_CERTIFICATE)}"
        elif name != "id" and not certified:
            yield f"'{{{name}}}' needs keys with a certificate"


def name_key(template: str, key: SigningKey | VerificationKey) -> str:
    """The name of a key by a template that has no problems."""

    def fill(found: re.Match[str]) -> str:
        return key.id if found[1] == "id" else _OF_CERTIFICATE[found[1]](key.chain[0])

    return _PLACEHOLDER.sub(fill, template)
