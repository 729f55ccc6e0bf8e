"""Messages of RFC 9421 and of our own, and the library http-message-signatures as the other side."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import http_message_signatures as library
from multidict import CIMultiDict

from gateway.signatures.algorithms import ALGORITHMS
from gateway.signatures.components import SignedRequest, SignedResponse
from gateway.signatures.keys import SigningKey, VerificationKey, Window
from tests.signatures.pems import private

CREATED = 1_795_348_800
TAG = "fapi-2-request"
BODY = b'{"amount": "12.00"}'

KEYS: dict[str, Any] = {
    "ES256": private("P-256"),
    "ES384": private("P-384"),
    "EdDSA": private("Ed25519"),
    "PS512": private("RSA"),
    "RS256": private("RSA"),
}
LIBRARY = {
    "ES256": library.algorithms.ECDSA_P256_SHA256,
    "ES384": library.algorithms.ECDSA_P384_SHA384,
    "EdDSA": library.algorithms.ED25519,
    "PS512": library.algorithms.RSA_PSS_SHA512,
    "RS256": library.algorithms.RSA_V1_5_SHA256,
}


def signing_key(algorithm: str = "ES256", key_id: str = "books-1") -> SigningKey:
    return SigningKey(key_id, ALGORITHMS[algorithm], Window(), KEYS[algorithm], ())


def verification_key(algorithm: str = "ES256", key_id: str = "books-1", public: Any = None) -> VerificationKey:
    return VerificationKey(key_id, ALGORITHMS[algorithm], Window(), public or KEYS[algorithm].public_key(), ())


def fields(*pairs: tuple[str, str], **more: str) -> CIMultiDict[str]:
    return CIMultiDict([*pairs, *((name.replace("_", "-"), value) for name, value in more.items())])


def a_request(**changed: Any) -> SignedRequest:
    whole = {
        "method": "POST",
        "scheme": "https",
        "authority": "gateway.example",
        "path": "/v1/payments",
        "query": "a=1&b=two%20words",
        "fields": fields(
            ("Authorization", "Bearer abc"), ("X-Words", "one"), ("X-Words", "two"), ("Priority", "u=1, i")
        ),
    }
    return SignedRequest(**{**whole, **changed})


def as_library(message: SignedRequest | SignedResponse) -> Any:
    """The same message as the library wants it; what it adds to the headers is added to ours."""
    if isinstance(message, SignedResponse):
        return SimpleNamespace(
            status_code=message.status, headers=message.fields, request=as_library(message.request), url=""
        )
    query = "" if message.query is None else f"?{message.query}"
    url = f"{message.scheme}://{message.authority}{message.path}{query}"
    return SimpleNamespace(method=message.method, url=url, headers=message.fields)


class Resolver(library.HTTPSignatureKeyResolver):
    """Knows the test keys by any id."""

    def __init__(self, algorithm: str) -> None:
        self._key = KEYS[algorithm]

    def resolve_public_key(self, _key_id: str) -> Any:
        return self._key.public_key()

    def resolve_private_key(self, _key_id: str) -> Any:
        return self._key


def sign_by_library(message: Any, covered: tuple[str, ...], algorithm: str = "ES256", **more: Any) -> None:
    """Adds Signature-Input and Signature to a message's fields."""
    signer = library.HTTPMessageSigner(signature_algorithm=LIBRARY[algorithm], key_resolver=Resolver(algorithm))
    options = {
        "key_id": "books-1",
        "created": datetime.fromtimestamp(CREATED, UTC),
        "tag": TAG,
        "include_alg": False,
        **more,
    }
    signer.sign(as_library(message), covered_component_ids=covered, **options)


def verify_by_library(message: Any, algorithm: str = "ES256", tag: str = TAG) -> None:
    """Raises the library's InvalidSignature; age is not looked at."""

    class Ageless(library.HTTPMessageVerifier):
        def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None: ...

    Ageless(signature_algorithm=LIBRARY[algorithm], key_resolver=Resolver(algorithm)).verify(
        as_library(message), expect_tag=tag
    )
