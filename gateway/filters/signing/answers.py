"""Answers signed, each bound to the request that it answers, so that none can be put in the place of another.

Covered are the status, the digest of the content, and of the request (`;req`) its method, target URI, digest and the
signature that was verified. Nothing is covered that the door or another filter may still add.
"""

import msgspec
from multidict import CIMultiDict

from gateway.contract import Clock
from gateway.exchange import Headers
from gateway.signatures.components import Component, SignedRequest, SignedResponse, read_component
from gateway.signatures.content_digest import FIELD, content_digest
from gateway.signatures.keys import SigningKey
from gateway.signatures.message import sign

_STATUS, _DIGEST = read_component("@status"), read_component("content-digest")
_OF_THE_REQUEST = tuple(
    read_component(f'"{name}";req') for name in ("@method", "@target-uri", "signature", "signature-input")
)
_DIGEST_OF_THE_REQUEST = read_component('"content-digest";req')
_NONE: list[str] = []


class Seal(msgspec.Struct, frozen=True, eq=False):
    """What signs the answer to one request."""

    request: SignedRequest
    key: SigningKey
    clock: Clock
    tag: str

    def __call__(self, status: int, content: bytes) -> Headers:
        """`Content-Digest`, `Signature-Input` and `Signature` of an answer; the first where it has content.

        An answer to HEAD has none, whatever its length says (RFC 9110 section 9.3.2).
        """
        fields: CIMultiDict[str] = CIMultiDict()
        covered: list[Component] = [_STATUS]
        if content and self.request.method != "HEAD":
            fields["Content-Digest"] = content_digest(content)
            covered.append(_DIGEST)
        covered += _OF_THE_REQUEST
        if self.request.fields.getall(FIELD, _NONE):
            covered.append(_DIGEST_OF_THE_REQUEST)
        answer, created = SignedResponse(status, fields, self.request), int(self.clock().timestamp())
        return (*fields.items(), *sign(answer, covered, self.key, created=created, tag=self.tag))
