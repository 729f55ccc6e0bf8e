"""RFC 9421 towards a bank, after the profile FAPI 2.0 HTTP Signatures (a draft): requests signed, answers verified.

What is not said otherwise is that profile's: of a request its method, target URI and authorisation, of an answer its
status and, of the request that it answers (`;req`), the method, target URI and signature. A body is always covered, by
its `Content-Digest` (RFC 9530). Only what is there when a request is signed can be covered: fields that the connection
writes (`Host`, `Content-Length`) can not, and derived components say more.
"""

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Literal

import msgspec
from multidict import CIMultiDict

from gateway.errors import SigningUnavailable
from gateway.exchange import Headers
from gateway.files import Seconds
from gateway.signatures import content_digest
from gateway.signatures.components import (
    Component,
    Message,
    SignedRequest,
    SignedResponse,
    read_component,
)
from gateway.signatures.header_lines import Answer, KeyFacts, Request, Sign, SignatureRefused, Verify, with_headers
from gateway.signatures.keys import SigningKeys, VerificationKeys
from gateway.signatures.message import ALGORITHMS, Age, check_age, check_coverage, present, sign, verify

Direction = Literal["requests", "answers"]

_OF_REQUESTS = ("@method", "@target-uri", "authorization"), ("dpop",), "fapi-2-request"
_OF_ANSWERS = (
    ("@status", '"@method";req', '"@target-uri";req'),
    ('"content-digest";req', '"signature";req', '"signature-input";req'),
    "fapi-2-response",
)
_DIGEST = read_component(content_digest.FIELD)
_WRITTEN_LATER = frozenset({"accept-encoding", "content-length", "host", "traceparent", "user-agent"})
_WIRE_NAMES = {name: told for told, name in ALGORITHMS.items()}
_NONCE_BYTES = 16
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}
_NONE: list[str] = []


class HttpSignatures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bank's file says; None is the profile's, which differs between requests and answers.

    `algorithm`, `nonce` and `validity` (seconds until `expires`) are of requests; `max_age` and `skew` of answers.
    """

    covered: tuple[str, ...] | None = None
    covered_if_present: tuple[str, ...] | None = None
    tag: str | None = None
    digest: content_digest.Name = "sha-256"
    algorithm: bool = False
    nonce: bool = False
    validity: Seconds | None = None
    max_age: Seconds = Seconds(60)
    skew: Seconds = Seconds(10)


def problems(settings: HttpSignatures, keys: Sequence[KeyFacts]) -> Iterator[tuple[str, str]]:
    """What the schema can not say: (setting, message)."""
    for key in keys:
        if settings.algorithm and key.algorithm not in _WIRE_NAMES:
            yield "algorithm", f"RFC 9421 has no name for {key.algorithm}, the algorithm of the key '{key.id}'"


def misplaced(settings: HttpSignatures, direction: Direction) -> Iterator[tuple[str, str]]:
    """What messages of a direction have no component for: (setting, message)."""
    for setting, listed in (("covered", settings.covered), ("covered_if_present", settings.covered_if_present)):
        for written in listed or ():
            told = _misplaced(written, direction)
            if told:
                yield setting, f"'{written}' {told}"


def build_signer(settings: HttpSignatures, keys: SigningKeys) -> Sign:
    """Signs with the newest valid key; the signer raises SigningUnavailable for what lacks a component, too."""
    always, if_present, tag = _chosen(settings, _OF_REQUESTS)

    def sign_request(request: Request, now: datetime) -> Headers:
        key, created = keys.current(now), int(now.timestamp())
        headers = request.headers
        if request.body:
            value = content_digest.content_digest(request.body, settings.digest)
            headers = with_headers(headers, [("Content-Digest", value)])
        message = _signed(request, headers)
        covered = [*always, *(one for one in if_present if _there(message, one))]
        if request.body and _DIGEST not in covered:
            covered.append(_DIGEST)
        try:
            made = sign(
                message,
                covered,
                key,
                created=created,
                tag=tag,
                expires=None if settings.validity is None else created + int(settings.validity),
                nonce=base64.urlsafe_b64encode(os.urandom(_NONCE_BYTES)).decode() if settings.nonce else None,
                algorithm=_WIRE_NAMES[key.algorithm.name] if settings.algorithm else None,
            )
        except SignatureRefused:
            raise SigningUnavailable(
                "The bank's file wants something signed that this request does not have."
            ) from None
        return with_headers(headers, made)

    return sign_request


def build_verifier(settings: HttpSignatures, keys: VerificationKeys) -> Verify:
    """Verifies answers by the keys that the bank's file names."""
    always, if_present, tag = _chosen(settings, _OF_ANSWERS)
    age = Age(settings.max_age, settings.skew)

    def verify_answer(answer: Answer, now: datetime) -> None:
        fields = CIMultiDict(answer.headers)
        message = SignedResponse(answer.status, fields, _signed(answer.request, answer.request.headers))
        presented = present(fields, tag)
        check_age(presented, age, now.timestamp())
        required = [*always, *(one for one in if_present if _there(message, one))]
        if answer.body:
            required.append(_DIGEST)
        check_coverage(presented, required)
        verify(message, presented, keys.valid(now, presented.key_id))
        digests = fields.getall(content_digest.FIELD, _NONE)
        if digests:
            content_digest.check_content_digest(digests, answer.body)

    return verify_answer


def _chosen(
    settings: HttpSignatures, profile: tuple[tuple[str, ...], tuple[str, ...], str]
) -> tuple[tuple[Component, ...], tuple[Component, ...], str]:
    covered = profile[0] if settings.covered is None else settings.covered
    if_present = profile[1] if settings.covered_if_present is None else settings.covered_if_present
    read: Callable[[str], Component] = read_component
    return tuple(map(read, covered)), tuple(map(read, if_present)), settings.tag or profile[2]


def _misplaced(written: str, direction: Direction) -> str:
    try:
        component = read_component(written)
    except SignatureRefused:
        return "is no component that can be covered"
    of_request = direction == "requests" or ("req", True) in component.parameters
    if direction == "requests" and (component.name == "@status" or ("req", True) in component.parameters):
        return "is of an answer, not of a request"
    if not of_request and component.name.startswith("@") and component.name != "@status":
        return 'is of a request: write it with ";req"'
    if of_request and component.name in _WRITTEN_LATER:
        return "is written after signing: cover '@authority' for the host, 'content-digest' for a body"
    return ""


def _signed(request: Request, headers: Headers) -> SignedRequest:
    path, mark, query = request.target.partition("?")
    authority = request.authority.lower().removesuffix(_DEFAULT_PORTS[request.scheme])
    fields = CIMultiDict(headers)
    return SignedRequest(request.method, request.scheme, authority, path, query if mark else None, fields)


def _there(message: Message, component: Component) -> bool:
    """Whether the message, or the request that it answers, has the field; derived components always are there."""
    about = (
        message.request if isinstance(message, SignedResponse) and ("req", True) in component.parameters else message
    )
    return component.name.startswith("@") or bool(about.fields.getall(component.name, _NONE))
