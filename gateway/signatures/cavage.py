"""draft-cavage-http-signatures: `Signature` over header lines, `Digest` over the body; Berlin Group 1.3 and STET.

What is covered, how the key is called and how the algorithm is labelled differ from bank to bank and stand in the
bank's file. Draft 10 is the default; `(created)` and `(expires)` are of draft 12, for banks that ask for them, and only
there: elsewhere a message that covers them is refused. Sources: draft-cavage-http-signatures-10
and -12, NextGenPSD2 Implementation Guidelines 1.3 section 12, STET PSD2 API 1.4 and 1.5 part 1.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.exchange import Headers
from gateway.files import Seconds
from gateway.signatures.digest import Spelling, check_digest, write_digest
from gateway.signatures.header_lines import (
    Answer,
    KeyFacts,
    Request,
    Sign,
    SignatureRefused,
    Verify,
    chosen,
    lines,
    only,
    with_headers,
)
from gateway.signatures.keys import SigningKey, SigningKeys, VerificationKey, VerificationKeys
from gateway.signatures.naming import name_key, template_problems

_LABELS: Mapping[str, str] = {
    "RS256": "rsa-sha256",
    "RS512": "rsa-sha512",
    "ES256": "ecdsa-sha256",
    "ES384": "ecdsa-sha384",
    "ES512": "ecdsa-sha512",
    "EdDSA": "ed25519",
}
_TIMES = frozenset({"(created)", "(expires)"})
_PARAMETER = re.compile(r'\s*(\(?[A-Za-z]+\)?)=(?:"((?:[^"\\]|\\.)*)"|([0-9]+))\s*(,|$)')
_KNOWN = frozenset({"keyId", "algorithm", "headers", "signature", "created", "expires"})
_NAME = re.compile(r"\([a-z-]+\)|[a-z0-9!#$%&'*+.^_`|~-]+")
_LONGEST = 8192
CLOCKS_DIFFER = 60.0


class Cavage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bank's file says; `covered` is always signed, in this order, `covered_if_present` where it is there.

    What stands in both has its place in the order of the first. `algorithm` is the label on the wire, by default the
    key's own. `separator` stands between parameters. `validity` is how long `(expires)` gives a signature, `times` how
    both times are spelt as parameters. On answers `max_age` is how old a covered date may be.
    """

    covered: tuple[str, ...] = ("digest", "x-request-id")
    covered_if_present: tuple[str, ...] = ("psu-id", "psu-corporate-id", "tpp-redirect-uri")
    key_id: str = "SN={serial_hex},CA={issuer}"
    algorithm: str | None = None
    digest: Spelling = "SHA-256"
    certificate: Literal["none", "der", "pem"] = "none"
    separator: Literal[",", ", "] = ","
    times: Literal["plain", "bracketed"] = "plain"
    validity: Seconds = Seconds(60)
    max_age: Seconds = Seconds(300)


def problems(settings: Cavage, keys: Sequence[KeyFacts]) -> Iterator[tuple[str, str]]:
    """What the schema can not say: (setting, message) for each thing that keys and settings do not allow together."""
    certified = all(key.certified for key in keys)
    yield from (("key_id", told) for told in template_problems(settings.key_id, certified=certified))
    if settings.certificate != "none" and not certified:
        yield "certificate", "needs keys with a certificate"
    if "digest" not in settings.covered:
        yield "covered", "the body is not signed: cover 'digest'"
    if settings.algorithm is None and _TIMES & set(settings.covered):
        yield "covered", "'(created)' and '(expires)' need 'algorithm': hs2019, or what the bank has in its place"
    if _TIMES & set(settings.covered_if_present):
        yield "covered_if_present", "'(created)' and '(expires)' are no headers: write them in 'covered'"
    if settings.algorithm is None:
        for key in keys:
            if key.algorithm not in _LABELS:
                yield "algorithm", f"draft-cavage has no label for {key.algorithm}: write the bank's"


def build_signer(settings: Cavage, keys: SigningKeys) -> Sign:
    """Signs with the newest valid key."""

    def sign(request: Request, now: datetime) -> Headers:
        key = keys.current(now)
        added = [("Digest", write_digest(settings.digest, request.body))]
        if "date" in settings.covered and only(request.headers, "date") is None:
            added.append(("Date", format_datetime(now.astimezone(UTC), usegmt=True)))
        if settings.certificate != "none":
            added.append(("TPP-Signature-Certificate", _certificate(key, settings.certificate)))
        request = msgspec.structs.replace(request, headers=with_headers(request.headers, added))
        names = chosen(request, settings.covered, settings.covered_if_present)
        created = int(now.timestamp())
        times = {"(created)": str(created), "(expires)": str(created + int(settings.validity))}
        signature = key.sign(lines(request, names, times).encode("utf-8", "surrogateescape"))
        written = {
            "keyId": _quoted(name_key(settings.key_id, key)),
            "algorithm": _quoted(_label(settings, key)),
            "headers": _quoted(" ".join(names)),
            **{_spelt(settings, name): times[name] for name in names if name in _TIMES},
            "signature": _quoted(base64.b64encode(signature).decode()),
        }
        text = settings.separator.join(f"{name}={value}" for name, value in written.items())
        return with_headers(request.headers, [("Signature", text)])

    return sign


def build_verifier(settings: Cavage, keys: VerificationKeys) -> Verify:
    """Verifies answers; the key that `keyId` names must be one of ours, by `key_id` or by its own id."""
    named = [({key.id, name_key(settings.key_id, key)}, key) for key in keys.keys]

    def verify(answer: Answer, now: datetime) -> None:
        text = only(answer.headers, "signature")
        if text is None:
            raise SignatureRefused("the Signature header is missing")
        given = read_parameters(text)
        candidates = [key for names, key in named if given["keyId"] in names and key.window.holds(now)]
        if not candidates:
            raise SignatureRefused("keyId names no valid key of the bank")
        candidates = [key for key in candidates if given.get("algorithm") == _label(settings, key)]
        if not candidates:
            raise SignatureRefused("the algorithm is not the key's")
        names = _covered(settings, given, answer)
        check_digest(answer.headers, answer.body)
        _check_times(settings, given, names, answer, now)
        times = {name: given[name.strip("()")] for name in names if name in _TIMES}
        signed = lines(answer, names, times).encode("utf-8", "surrogateescape")
        signature = _decoded(given["signature"])
        if not any(key.verify(signed, signature) for key in candidates):
            raise SignatureRefused("the signature does not fit the message")

    return verify


def read_parameters(text: str) -> dict[str, str]:
    """The parameters of a Signature header, each once and none that is unknown. Raises SignatureRefused."""
    found: dict[str, str] = {}
    place = 0
    while place < len(text) <= _LONGEST:
        part = _PARAMETER.match(text, place)
        if part is None or (part[4] == "," and part.end() == len(text)):
            break
        name = part[1].strip("()")
        if name in found or name not in _KNOWN:
            raise SignatureRefused("a parameter of the signature stands twice, or is unknown")
        if (part[3] is not None) != (name in {"created", "expires"}):
            break
        found[name] = part[3] or re.sub(r"\\(.)", r"\1", part[2])
        place = part.end()
    if place != len(text):
        raise SignatureRefused("the Signature header is malformed")
    if not {"keyId", "headers", "signature"} <= found.keys():
        raise SignatureRefused("the Signature header lacks keyId, headers or signature")
    return found


def _covered(settings: Cavage, given: dict[str, str], answer: Answer) -> list[str]:
    """The names that the signature covers: each once, in small letters, and all that must be."""
    names = given["headers"].split(" ")
    if len(set(names)) != len(names) or not all(_NAME.fullmatch(name) for name in names):
        raise SignatureRefused("the list of covered headers is malformed, or names one twice")
    if not set(chosen(answer, settings.covered, settings.covered_if_present)) <= set(names):
        raise SignatureRefused("the signature does not cover all headers that it must")
    if _TIMES & set(names) - set(settings.covered):
        raise SignatureRefused("the signature covers (created) or (expires), which was not agreed")
    if any(name.strip("()") not in given for name in names if name in _TIMES):
        raise SignatureRefused("the signature covers a time that it does not give")
    return names


def _check_times(settings: Cavage, given: dict[str, str], names: list[str], answer: Answer, now: datetime) -> None:
    moment = now.timestamp()
    if "date" in names:
        _check_moment(settings, _read_date(only(answer.headers, "date")), moment)
    if "(created)" in names:
        _check_moment(settings, float(given["created"]), moment)
    if "(expires)" in names and moment > float(given["expires"]):
        raise SignatureRefused("the signature has expired")


def _check_moment(settings: Cavage, made: float, now: float) -> None:
    if made > now + CLOCKS_DIFFER:
        raise SignatureRefused("the signature was made in the future")
    if made < now - settings.max_age:
        raise SignatureRefused("the signature is too old")


def _read_date(text: str | None) -> float:
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        raise SignatureRefused("the Date header is malformed") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _label(settings: Cavage, key: SigningKey | VerificationKey) -> str:
    return settings.algorithm or _LABELS.get(key.algorithm.name, "")


def _certificate(key: SigningKey, form: str) -> str:
    """Base64 of the DER; or PEM, its line breaks removed."""
    certificate: x509.Certificate = key.chain[0]
    if form == "der":
        return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return certificate.public_bytes(Encoding.PEM).decode().replace("\n", "")


def _spelt(settings: Cavage, time: str) -> str:
    return time if settings.times == "bracketed" else time.strip("()")


def _decoded(text: str) -> bytes:
    """Base64 in its one form: no two texts are one signature."""
    try:
        signature = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    if base64.b64encode(signature).decode() != text:
        raise SignatureRefused("the signature is not base64 in its one form")
    return signature


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
