"""A token issuer that exists for one tour: one ES256 key, its JWK set, and access tokens bound to a certificate."""

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Iterable

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.algorithms import ECAlgorithm

ISSUER = "https://identity.demo.example"
AUDIENCE = "https://gateway.demo.example"
_KEY_ID = "demo-1"
_LIFETIME_SECONDS = 12 * 3600


class Issuer:
    """Signs access tokens of RFC 9068."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def key_set(self) -> bytes:
        """The JWK set (RFC 7517) that verifies the tokens."""
        key = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        return json.dumps({"keys": [{**key, "kid": _KEY_ID, "alg": "ES256", "use": "sig"}]}, indent=2).encode()

    def token(self, client: str, tenant: str, scopes: Iterable[str], certificate: x509.Certificate) -> str:
        """A token for a client that acts for a tenant, of use only with its certificate (RFC 8705 section 3.1)."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": client,
            "client_id": client,
            "tenant": tenant,
            "scope": " ".join(scopes),
            "iat": now,
            "exp": now + _LIFETIME_SECONDS,
            "jti": str(uuid.uuid4()),
            "cnf": {"x5t#S256": _thumbprint(certificate)},
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"typ": "at+jwt", "kid": _KEY_ID})


def _thumbprint(certificate: x509.Certificate) -> str:
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
