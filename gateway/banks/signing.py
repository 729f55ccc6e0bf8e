"""Signing what goes to a bank, and verifying what comes back, where the bank's file says so (two `Send -> Send`).

A rule says for which operations and methods it is, and by which profile; of several the first that fits counts, and
what no rule fits goes unsigned. Both stand right around the client: each attempt is signed anew, over the very bytes
that leave, and an answer is verified over the bytes that arrived, in their content coding, before anything reads them.
An answer whose signature fails is not read: its caller is told which bank it was, and it is kept for the operator.
A bank without rules has neither of the two around its client.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec

from gateway.banks.decoding import coding_of, decode
from gateway.banks.entry import Signing
from gateway.banks.meter import Meter
from gateway.banks.origins import Origins, UrlRefused
from gateway.contract import BankRequest, BankResponse, Clock
from gateway.errors import BankNonsense, BankSignatureRefused, GatewayFault
from gateway.exchange import Headers, Outgoing, Send
from gateway.files import Loaded, Path, Problem, decode_quantity
from gateway.secrets import Secrets
from gateway.signatures import cavage, http_signatures, jades, jws
from gateway.signatures.header_lines import Answer, KeyFacts, Request, Sign, SignatureRefused, Verify
from gateway.signatures.keys import SigningKey, SigningKeys, VerificationKey, read_signing_keys, read_verification_keys

_T = TypeVar("_T")
_COMMON = frozenset({"profile", "operations", "methods"})


class Profile(msgspec.Struct, frozen=True):
    """One way to sign. `settings` is the struct that a rule's own keys are decoded into.

    `problems` yields (setting, message) for what settings and keys do not allow together, `misplaced` for what settings
    do not allow in a direction (`requests`, `answers`); what has none can be built.
    """

    settings: type[msgspec.Struct]
    problems: Callable[[Any, Sequence[KeyFacts]], Iterator[tuple[str, str]]]
    build_signer: Callable[[Any, Any], Sign]
    build_verifier: Callable[[Any, Any], Verify]
    misplaced: Callable[[Any, Any], Iterator[tuple[str, str]]] = lambda _settings, _direction: iter(())


PROFILES: Mapping[str, Profile] = {
    "cavage": Profile(cavage.Cavage, cavage.problems, cavage.build_signer, cavage.build_verifier),
    "obie_jws": Profile(jws.ObieJws, jws.problems, jws.build_signer, jws.build_verifier),
    "jades": Profile(jades.Jades, jades.problems, jades.build_signer, jades.build_verifier),
    "http_signatures": Profile(
        http_signatures.HttpSignatures,
        http_signatures.problems,
        http_signatures.build_signer,
        http_signatures.build_verifier,
        http_signatures.misplaced,
    ),
}


class Rejected(msgspec.Struct, frozen=True):
    """An answer that is not the bank's, as it arrived: for the operator alone, sealed wherever it is kept."""

    bank: str
    operation: str
    reason: str
    method: str
    url: str
    status: int
    headers: Headers
    body: bytes


Keep: TypeAlias = Callable[[Rejected], Awaitable[str | None]]
"""Keeps a rejected answer; the id under which an operator finds it, or None where it could not be kept."""

Reject: TypeAlias = Callable[[Rejected], Awaitable[BankSignatureRefused]]
"""Does what is due with a rejected answer; the failure to raise."""


class Rule(msgspec.Struct, frozen=True):
    """For which messages; None: all of them."""

    operations: frozenset[str] | None
    methods: frozenset[str] | None

    def fits(self, outgoing: Outgoing) -> bool:
        """Whether it is for a request, or for the answer to it."""
        return (self.operations is None or outgoing.operation in self.operations) and (
            self.methods is None or outgoing.request.method in self.methods
        )


class Signatures(msgspec.Struct, frozen=True):
    """A bank's rules, ready to be used; `fingerprint` changes with anything that they were made of."""

    requests: tuple[tuple[Rule, Sign], ...] = ()
    answers: tuple[tuple[Rule, Verify], ...] = ()
    keys: SigningKeys | None = None
    fingerprint: bytes = b""

    def signing(self, send: Send, origins: Origins, clock: Clock) -> Send:
        """Signs requests on the way out. Raises SigningUnavailable, BankNonsense (a URL outside of the bank).

        And GatewayFault for a request without a header that must be signed: the file does not fit its dialect.
        """

        async def signed(outgoing: Outgoing) -> BankResponse:
            sign = _first(self.requests, outgoing)
            if sign is not None:
                request = outgoing.request
                try:
                    headers = sign(_as_signed(request, origins), clock())
                except SignatureRefused:
                    raise GatewayFault("A request lacks a header that its bank's file has signed.") from None
                outgoing = msgspec.structs.replace(outgoing, request=msgspec.structs.replace(request, headers=headers))
            return await send(outgoing)

        return signed

    def verifying(self, send: Send, origins: Origins, clock: Clock, most: int, bank: str, reject: Reject) -> Send:
        """Verifies answers on the way in, and decodes them: `send` must answer bodies as they arrived.

        `most` bounds what a body may decode to. Raises BankSignatureRefused.
        """

        async def verified(outgoing: Outgoing) -> BankResponse:
            response = await send(outgoing)
            verify = _first(self.answers, outgoing)
            if verify is not None:
                request = _as_signed(outgoing.request, origins)
                headers = tuple(response.headers.items())  # a header that came twice stands there twice
                try:
                    verify(Answer(response.status, headers, response.body, request), clock())
                except SignatureRefused as refused:
                    raise await reject(_rejected(bank, outgoing, response, headers, str(refused))) from None
            return msgspec.structs.replace(response, body=decode(response.body, coding_of(response.headers), most))

        return verified


NO_SIGNATURES = Signatures()


async def kept_nowhere(_rejected: Rejected) -> None:
    """Where no place for rejected answers is set up."""


def as_arrived(body: bytes, _coding: str, _most: int) -> bytes:
    """What a client does with a body whose signature is still to be verified: nothing."""
    return body


def signing_problems(loaded: Loaded, signing: Mapping[str, Any]) -> Iterator[Problem]:
    """What the schema can not say of a file's `signing`, as far as no key has to be read for it."""
    for direction, keys in (("requests", "keys"), ("answers", "bank_keys")):
        listed: list[dict[str, Any]] = signing.get(keys, [])
        rules: list[dict[str, Any]] = signing.get(direction, [])
        if rules and not listed and loaded.value["abstract"]:
            continue  # a base says how its banks sign; the keys are in the file of each
        if rules and not listed:
            yield loaded.problem(("signing", direction), f"needs '{keys}' beside it", key=True)
            continue
        # A key of the bank may be a certificate: that is seen when it is read.
        facts = [KeyFacts(key["id"], key["algorithm"], keys == "bank_keys" or "certificate" in key) for key in listed]
        for number, rule in enumerate(rules):
            yield from _rule_problems(loaded, ("signing", direction, number), rule, facts)


def read_signatures(loaded: Loaded, signing: Signing, secrets: Secrets, problems: list[Problem]) -> Signatures | None:
    """Reads a sound file's keys and builds its rules; adds a problem for each that can not be, then answers None."""
    before = len(problems)
    ours = read_signing_keys(loaded, ("signing", "keys"), secrets, problems) if signing.keys else None
    theirs = read_verification_keys(loaded, ("signing", "bank_keys"), secrets, problems) if signing.bank_keys else None
    for direction, rules, keys in (("requests", signing.requests, ours), ("answers", signing.answers, theirs)):
        facts = [_facts(key) for key in keys.keys] if keys is not None else []
        for number, rule in enumerate(rules if keys is not None else ()):
            problems += _rule_problems(loaded, ("signing", direction, number), rule, facts)
    if len(problems) > before:
        return None
    prints = [keys.fingerprint for keys in (ours, theirs) if keys is not None]
    return Signatures(
        requests=tuple(
            (_rule(one), PROFILES[one["profile"]].build_signer(_own(one), ours)) for one in signing.requests
        ),
        answers=tuple(
            (_rule(one), PROFILES[one["profile"]].build_verifier(_own(one), theirs)) for one in signing.answers
        ),
        keys=ours,
        fingerprint=hashlib.sha256(b"".join([*prints, msgspec.json.encode(signing, order="sorted")])).digest(),
    )


def _rule_problems(loaded: Loaded, at: Path, rule: dict[str, Any], facts: Sequence[KeyFacts]) -> Iterator[Problem]:
    profile, settings = PROFILES[rule["profile"]], _own(rule)
    for setting, message in (*profile.problems(settings, facts), *profile.misplaced(settings, at[1])):
        yield loaded.problem((*at, setting) if setting in rule else at, message)


def _facts(key: SigningKey | VerificationKey) -> KeyFacts:
    return KeyFacts(key.id, key.algorithm.name, bool(key.chain))


def _rule(rule: dict[str, Any]) -> Rule:
    operations, methods = (frozenset(rule[name]) if name in rule else None for name in ("operations", "methods"))
    return Rule(operations, methods)


def _own(rule: dict[str, Any]) -> msgspec.Struct:
    """The settings of a rule's profile."""
    written = {name: value for name, value in rule.items() if name not in _COMMON}
    return msgspec.convert(written, PROFILES[rule["profile"]].settings, dec_hook=decode_quantity)


def _first(rules: tuple[tuple[Rule, _T], ...], outgoing: Outgoing) -> _T | None:
    return next((does for rule, does in rules if rule.fits(outgoing)), None)


def _as_signed(request: BankRequest, origins: Origins) -> Request:
    try:
        origin, target = origins.split(request.url)
    except UrlRefused:
        raise BankNonsense("A link leads outside of the bank.") from None
    return Request(request.method, target, origin.authority, request.headers, request.body, origin.scheme)


def _rejected(bank: str, outgoing: Outgoing, response: BankResponse, headers: Headers, reason: str) -> Rejected:
    method = outgoing.request.method
    return Rejected(bank, outgoing.operation, reason, method, response.url, response.status, headers, response.body)


def rejecting(keep: Keep, meter: Meter) -> Reject:
    """Keeps and counts what was rejected, and makes the problem of it."""

    async def reject(rejected: Rejected) -> BankSignatureRefused:
        review = await keep(rejected)
        meter.rejected(rejected.bank, kept=review is not None)
        members: dict[str, Any] = {"bank": rejected.bank, "bank_status": rejected.status}
        if review is not None:
            members["review"] = review
        return BankSignatureRefused(f"The answer of {rejected.bank} was not read: {rejected.reason}.", **members)

    return reject
