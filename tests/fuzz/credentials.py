"""Tokens, key sets, cursors and signatures: nothing that was altered is accepted, and refusing has one form."""

import json
from datetime import UTC, datetime

import msgspec
from multidict import CIMultiDict

from gateway.calls.cursors import Continuation, Cursors, ends
from gateway.calls.query import Query, read_query
from gateway.errors import CursorExpired, RequestInvalid
from gateway.exchange import CallRecord, Consent, Exchange, Peer, Principal, Request, RouteFacts
from gateway.filters.tokens.keys import choose, read_keys
from gateway.filters.tokens.token import TokenRefused, issuer, read_claims, read_token
from gateway.secrets import Sealer, Secret
from gateway.signatures import cavage, jades, jws
from gateway.signatures.header_lines import Answer, SignatureRefused
from tests.filters.calling import AUDIENCE, ISSUER, SetClock, access_token, elliptic, jwk, jwks, rsa_key
from tests.fuzz.target import Target, mutated
from tests.signatures.exchanges import answered, signing, verifying
from tests.signatures.pems import NOW

CLOCK = SetClock()
TOKENS = [access_token(CLOCK, jti=f"token-{n}").encode() for n in range(3)]
KEYS = read_keys(jwks(jwk(elliptic(), "first")))
JOSE_WORDS = [b".", b"=", b"==", b"-", b"_", b"+", b"/", b" ", b"e30", b"eyJhbGciOiJub25lIn0", b"AAAA", b"\n", b"%2e"]


def judge_token(content: bytes) -> None:
    """Read, judged and verified as the filter does."""
    try:
        token = read_token(content.decode("latin-1"))
        named = issuer(token)
        key = choose(KEYS, token.kid, token.algorithm)
        if key is None or not key.verifies(token.algorithm, token.signing_input, token.signature):
            return
        read_claims(token, audience=AUDIENCE, tenant_claim="tenant", now=CLOCK.epoch)
    except TokenRefused as refused:
        assert str(refused)
        return
    assert named == ISSUER
    assert content in TOKENS, "an altered token was accepted"


def judge_key_set(content: bytes) -> None:
    """Keys that are strong and public, or a refusal that holds nothing of the document."""
    try:
        keys = read_keys(content)
    except ValueError as refused:
        assert str(refused) in {
            *("JSON nested too deeply", "not strict JSON", "not a JSON object", "not a JWK set"),
            "no usable key in the JWK set",
        }
        return
    for key in keys:
        assert not hasattr(key.public, "private_numbers")
        assert key.algorithms
        assert not key.verifies(next(iter(key.algorithms)), b"anything", b"x" * 64)


class _Listed:
    """A list of one principal under one consent, and its cursors."""

    def __init__(self) -> None:
        self.cursors = Cursors(Sealer([Secret(b"k" * 32), Secret(b"o" * 32)]))
        request = Request("GET", "/v1", None, CIMultiDict(), Peer("127.0.0.1"), _no_body, _no_stream)
        facts = RouteFacts("one", "GET", "/v1", "transactions.list", 5.0, 0)
        record = CallRecord("0" * 31 + "1", "0" * 15 + "2", "", "", sampled=False, started=0)
        principal = Principal("service", "client", "acme", frozenset())
        consent = Consent("consent-1", "acme", "havel")
        self.exchange = Exchange(request, facts, {"account_id": "acc_1"}, 0.0, record, principal, consent)
        self.query = read_query("", ("status",))
        self.made = [self._seal(n) for n in range(3)]

    def _seal(self, number: int) -> bytes:
        now = datetime(2026, 11, 22, tzinfo=UTC)
        url = f"https://bank.example/{number}"
        sealed = self.cursors.seal(self.exchange, Continuation(url, "m@1", ends(now), self.query, {"x": number}))
        assert sealed is not None
        return sealed.encode()

    def judge(self, content: bytes) -> None:
        text = content.decode("latin-1")
        query: Query = msgspec.structs.replace(self.query, cursor=text)
        try:
            found = self.cursors.unseal(self.exchange, query, "m@1", datetime(2026, 11, 22, tzinfo=UTC))
        except (CursorExpired, RequestInvalid) as refused:
            assert text not in str(refused) or len(text) < 20
            return
        assert content in self.made, "an altered cursor was accepted"
        assert found.url.startswith("https://bank.example/")


async def _no_body(_limit: int) -> bytes:
    return b""


async def _no_stream():
    return
    yield b""


def _written(answer: Answer) -> bytes:
    head = "\n".join(f"{name}: {value}" for name, value in answer.headers)
    return head.encode("latin-1") + b"\n\n" + answer.body


def _signed(name: str, signer, verify, covered: tuple[str, ...], *, unsigned_when_empty: bool = False) -> Target:
    """An answer that its bank signed, altered: verified only where what the signature covers is as it was."""
    good = answered(signer, NOW)

    def kept(answer: Answer) -> list[tuple[str, list[str]]]:
        return [(one, [v.strip(" \t") for n, v in answer.headers if n.lower() == one]) for one in covered]

    def judge(content: bytes) -> None:
        head, _, body = content.partition(b"\n\n")
        pairs = (line.partition(": ") for line in head.decode("latin-1").split("\n"))
        answer = msgspec.structs.replace(good, headers=tuple((n, v) for n, _, v in pairs), body=body)
        try:
            verify(answer, NOW)
        except SignatureRefused as refused:
            assert str(refused)
            return
        if not body and unsigned_when_empty and not any(n.lower() == "x-jws-signature" for n, _ in answer.headers):
            return
        assert answer.body == good.body, "a body was accepted that nobody signed"
        assert kept(answer) == kept(good), "a header was accepted that nobody signed"

    words = [
        *(
            b'keyId="key-1"',
            b'headers="date"',
            b'algorithm="hs2019"',
            b",",
            b'"',
            b"\\",
            b"digest",
            b"Signature: ",
            b"\n",
        ),
        *(b"SHA-256=", b"sha-1=", b":", b";", b"..", b"e30", b"x-jws-signature: ", b"Digest: ", b"=", b"(created)"),
    ]
    return Target(
        f"signatures_{name}",
        "a signed answer of which anything covered was altered is refused, by SignatureRefused and nothing else",
        mutated([_written(good)], words),
        judge,
        50,
    )


def targets() -> list[Target]:
    """All of them."""
    listed = _Listed()
    covering = ("(request-target)", "digest", "date", "content-type", "x-request-id")
    one = cavage.Cavage(covered=covering, key_id="{id}")
    obie = jws.ObieJws(era="unencoded", issuer="0015800001BANK")
    etsi = jades.Jades()
    sets = [
        jwks(jwk(elliptic(), "first"), jwk(rsa_key(), "rsa", use="sig")),
        json.dumps({"keys": [{"kty": "oct", "k": "AA"}, {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}]}).encode(),
    ]
    members = [
        b'"kty"',
        b'"EC"',
        b'"RSA"',
        b'"n":',
        b'"e":"AQAB"',
        b'"d":"AA"',
        b"null",
        b"[]",
        b"{",
        b"}",
        b",",
        b'"oth"',
    ]
    return [
        Target(
            "tokens",
            "no altered token is accepted; each is refused by TokenRefused and nothing else",
            mutated(TOKENS, JOSE_WORDS),
            judge_token,
        ),
        Target(
            "key_sets",
            "a key set gives strong public keys or a refusal that tells nothing of it",
            mutated(sets, members),
            judge_key_set,
        ),
        Target(
            "cursors",
            "no altered cursor is accepted; all are refused alike",
            mutated(listed.made, [*JOSE_WORDS, b"A" * 3000]),
            listed.judge,
        ),
        _signed(
            "cavage",
            cavage.build_signer(one, signing()),
            cavage.build_verifier(one, verifying()),
            ("date", "content-type"),
        ),
        _signed(
            "jws",
            jws.build_signer(obie, signing("PS256")),
            jws.build_verifier(obie, verifying("PS256")),
            (),
            unsigned_when_empty=True,
        ),
        _signed(
            "jades", jades.build_signer(etsi, signing("PS256")), jades.build_verifier(etsi, verifying("PS256")), ()
        ),
    ]
