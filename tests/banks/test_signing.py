"""Over real sockets: what leaves is what was signed, and of what arrives only what the bank signed is read."""

import base64
import gzip
import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gateway.banks.registry import Registry, open_banks, prepare_banks, read_banks
from gateway.errors import BankNonsense, BankSignatureRefused, GatewayFault, SigningUnavailable
from gateway.files import Refused
from gateway.secrets import Secrets
from gateway.signatures import cavage, jws
from gateway.signatures.cavage import read_parameters
from gateway.signatures.header_lines import Answer, Request
from tests.banks.files import DIALECTS, FOLDER, PLAIN, refused
from tests.signatures.exchanges import signing, verifying
from tests.signatures.pems import certificate_pem, private_pem, public_pem

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BODY = b'{"accounts":[]}'


@pytest.fixture
def secrets(tmp_path) -> Secrets:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "qseal.key").write_bytes(private_pem("RSA"))
    (folder / "qseal.pem").write_bytes(certificate_pem())
    (folder / "bank.pub").write_bytes(public_pem("RSA", "bank"))
    (folder / "ec.pub").write_bytes(public_pem("P-256"))
    (folder / "weak.key").write_bytes(private_pem("RSA-1024"))
    return Secrets(folder, {})


KEYS = """\
signing:
  keys: [{id: ours, algorithm: RS256, key: "file:qseal.key", certificate: "file:qseal.pem"}]
  bank_keys: [{id: theirs, algorithm: PS256, key: "file:bank.pub"}]
"""
REQUESTS = (
    KEYS
    + """\
  requests:
    - profile: cavage
      covered: ["(request-target)", host, date, digest, x-request-id]
      key_id: "{id}"
"""
)
ANSWERS = (
    KEYS
    + """\
  answers:
    - {profile: obie_jws, era: encoded, issuer: "0015800001BANK", operations: [accounts.list]}
"""
)


class Kept(list):
    """Where rejected answers go in tests."""

    async def __call__(self, rejected):
        self.append(rejected)
        return "20260301T120000Z-0123456789ab"


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
async def opened(layers, secrets, tally, kept):
    """`opened(base_url, text)` opens a bank whose file says so."""
    registries: list[Registry] = []

    def build(base_url: str, text: str, clock=lambda: NOW, previous: Registry | None = None) -> Registry:
        bank = PLAIN.replace("https://api.albion.example/open-banking", base_url) + "network: private\n" + text
        prepared = prepare_banks(read_banks(layers({"albion": bank}), DIALECTS).values(), secrets)
        registries.append(open_banks(prepared, tally, clock, previous, kept))
        return registries[-1]

    yield build
    for registry in registries:
        await registry.close()


def answer(body: bytes = BODY, *headers: tuple[str, str], status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def jws_of(body: bytes, era: Any = "encoded", now: datetime = NOW) -> tuple[str, str]:
    settings = jws.ObieJws(era=era, issuer="0015800001BANK")
    return jws.build_signer(settings, signing("PS256", "bank", "theirs"))(Request("GET", "/", "b", (), body), now)[-1]


def parted(raw: bytes) -> tuple[str, str, tuple[tuple[str, str], ...], bytes]:
    """Method, target, headers and body of a request as it arrived."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    return method, target, tuple((name, value.strip()) for name, _, value in (one.partition(":") for one in rest)), body


def verified(raw: bytes) -> dict[str, str]:
    """Verifies a request as a bank does: over what arrived. Returns the parameters of its signature."""
    method, target, headers, body = parted(raw)
    covered = ("(request-target)", "host", "date", "digest", "x-request-id")
    verify = cavage.build_verifier(cavage.Cavage(covered=covered, key_id="{id}"), verifying(key_id="ours"))
    authority = dict(headers)["Host"]
    verify(Answer(0, headers, body, Request(method, target, authority, headers, body)), NOW)
    return read_parameters(dict(headers)["Signature"])


async def test_what_leaves_is_what_was_signed(listen, opened, outgoing):
    bank = await listen(answer())
    send = opened(bank.base_url, REQUESTS).banks["albion"].send
    url = f"{bank.base_url}/v1/accounts?withBalance=true"
    await send(outgoing(url, headers=(("X-Request-ID", "one"), ("Accept", "application/json"))))
    await send(outgoing(url, headers=(("X-Request-ID", "two"),), method="POST", body=BODY, repeatable=False))
    assert [verified(raw)["keyId"] for raw in bank.requests] == ["ours", "ours"]
    assert [dict(parted(raw)[2])["Digest"] for raw in bank.requests] == [
        "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "SHA-256=" + base64.b64encode(hashlib.sha256(BODY).digest()).decode(),
    ]


async def test_each_attempt_is_signed_anew(listen, opened, outgoing):
    moments = iter([NOW, NOW + timedelta(seconds=5)])
    bank = await listen(answer(status="503 Later"), answer())
    text = REQUESTS + "retry: {attempts: 2, base: 1ms, cap: 1ms}\n"
    send = opened(bank.base_url, text, clock=lambda: next(moments)).banks["albion"].send
    await send(outgoing(f"{bank.base_url}/v1/accounts", headers=(("X-Request-ID", "one"),)))
    first, second = bank.requests
    assert dict(parted(first)[2])["Date"] == "Sun, 01 Mar 2026 12:00:00 GMT"
    assert dict(parted(second)[2])["Date"] == "Sun, 01 Mar 2026 12:00:05 GMT"
    assert verified(first)["signature"] != verified(second)["signature"]
    # Nothing of the first signature is on the second request.
    assert [name for name, _ in parted(second)[2]].count("Signature") == 1


async def test_a_rule_is_for_its_operations_and_methods_and_the_first_counts(listen, opened, outgoing):
    rules = (
        KEYS
        + """\
  requests:
    - {profile: cavage, key_id: first, methods: [POST]}
    - {profile: cavage, key_id: second, operations: [accounts.list], methods: [POST, PUT]}
    - {profile: cavage, key_id: third, operations: [balances.list]}
"""
    )
    bank = await listen(answer())
    send = opened(bank.base_url, rules).banks["albion"].send
    for method, operation in (
        ("POST", "accounts.list"),
        ("PUT", "accounts.list"),
        ("PUT", "balances.list"),
        ("GET", "x"),
    ):
        call = outgoing(f"{bank.base_url}/a", method=method, headers=(("X-Request-ID", "1"),), repeatable=False)
        await send(msgspec.structs.replace(call, operation=operation))
    named = [re.search(rb'keyId="(\w+)"', raw) for raw in bank.requests]
    assert [found and found[1] for found in named] == [b"first", b"second", b"third", None]
    assert b"Digest" not in bank.requests[-1]


async def test_without_a_valid_key_nothing_is_sent(listen, opened, outgoing, tally):
    bank = await listen(answer())
    registry = opened(bank.base_url, REQUESTS, clock=lambda: NOW + timedelta(days=400))
    with pytest.raises(SigningUnavailable):
        await registry.banks["albion"].send(outgoing(f"{bank.base_url}/a", headers=(("X-Request-ID", "1"),)))
    assert bank.requests == []
    assert registry.banks["albion"].circuit.state == "closed"
    assert tally.certificates["bank:albion:signing"] == datetime(2027, 1, 30, 12, tzinfo=UTC)


async def test_an_answer_that_the_bank_signed_is_read(listen, opened, outgoing, kept):
    bank = await listen(answer(BODY, jws_of(BODY)))
    response = await opened(bank.base_url, ANSWERS).banks["albion"].send(outgoing(f"{bank.base_url}/a"))
    assert (response.status, response.body, kept) == (200, BODY, [])


async def test_the_signature_is_over_the_coded_bytes(listen, opened, outgoing, kept):
    coded = gzip.compress(BODY)
    gzipped = ("Content-Encoding", "gzip")
    bank = await listen(answer(coded, jws_of(coded), gzipped), answer(coded, jws_of(BODY), gzipped))
    send = opened(bank.base_url, ANSWERS).banks["albion"].send
    assert (await send(outgoing(f"{bank.base_url}/a"))).body == BODY
    with pytest.raises(BankSignatureRefused):
        await send(outgoing(f"{bank.base_url}/a"))
    assert kept[0].body == coded


async def test_an_answer_of_an_operation_without_a_rule_is_decoded_all_the_same(listen, opened, outgoing):
    bank = await listen(answer(gzip.compress(BODY), ("Content-Encoding", "gzip")))
    send = opened(bank.base_url, ANSWERS).banks["albion"].send
    other = msgspec.structs.replace(outgoing(f"{bank.base_url}/a"), operation="balances.list")
    assert (await send(other)).body == BODY


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ((), "200 OK", "the signature header is missing"),
        ((), "500 Failed", "the signature header is missing"),
        ((jws_of(BODY + b" "),), "200 OK", "the signature does not fit the body"),
        ((jws_of(BODY), jws_of(BODY)), "200 OK", "the header x-jws-signature stands twice"),
        (
            (jws_of(BODY, "unencoded"),),
            "200 OK",
            "the header of the signature lacks a member, or has one that it must not",
        ),
    ],
    ids=["none", "none-on-an-error", "of-another-body", "two", "another-era"],
)
async def test_an_answer_that_the_bank_did_not_sign_is_kept_and_not_read(
    listen, opened, outgoing, kept, tally, headers, status, told
):
    bank = await listen(answer(BODY, *headers, ("X-Odd", "\udcff"), status=status))
    registry = opened(bank.base_url, ANSWERS)
    with pytest.raises(BankSignatureRefused) as caught:
        await registry.banks["albion"].send(outgoing(f"{bank.base_url}/a"))
    assert caught.value.detail == f"The answer of albion was not read: {told}."
    assert caught.value.members == {
        "bank": "albion",
        "bank_status": int(status[:3]),
        "review": "20260301T120000Z-0123456789ab",
    }
    [rejected] = kept
    assert (rejected.bank, rejected.operation, rejected.method) == ("albion", "accounts.list", "GET")
    assert (rejected.reason, rejected.url, rejected.body) == (told, f"{bank.base_url}/a", BODY)
    assert ("X-Odd", "\udcff") in rejected.headers
    assert tally.rejections == [("albion", True)]
    # It says nothing of whether the bank is well.
    assert registry.banks["albion"].circuit.state == "closed"


async def test_the_answer_to_another_request_is_not_taken(listen, opened, outgoing):
    rules = (
        KEYS.replace("PS256", "RS256")
        + """\
  answers:
    - {profile: cavage, covered: ["(request-target)", digest, date], covered_if_present: [], key_id: "{id}"}
"""
    )
    settings = cavage.Cavage(covered=("(request-target)", "digest", "date"), covered_if_present=(), key_id="{id}")
    sign = cavage.build_signer(settings, signing(name="bank", key_id="theirs"))
    headers = sign(Request("GET", "/a?x=1", "b", (), BODY), NOW)
    bank = await listen(answer(BODY, *headers))
    send = opened(bank.base_url, rules).banks["albion"].send
    assert (await send(outgoing(f"{bank.base_url}/a?x=1"))).body == BODY
    with pytest.raises(BankSignatureRefused, match="the signature does not fit the message"):
        await send(outgoing(f"{bank.base_url}/a?x=2"))


async def test_a_link_out_of_the_bank_is_not_even_signed(listen, opened, outgoing):
    bank = await listen(answer())
    with pytest.raises(BankNonsense):
        await opened(bank.base_url, REQUESTS).banks["albion"].send(outgoing("https://elsewhere.example/a"))
    assert bank.requests == []


async def test_a_way_is_kept_until_its_keys_or_rules_change(opened, secrets):
    first = opened("http://127.0.0.1:9", REQUESTS)
    second = opened("http://127.0.0.1:9", REQUESTS, previous=first)
    assert second.banks["albion"].way is first.banks["albion"].way
    third = opened("http://127.0.0.1:9", REQUESTS.replace("date, ", ""), previous=second)
    assert third.banks["albion"].way is not second.banks["albion"].way
    (secrets.folder / "qseal.key").write_bytes(private_pem("RSA", "renewed"))
    (secrets.folder / "qseal.pem").write_bytes(certificate_pem("RSA", "renewed"))
    fourth = opened("http://127.0.0.1:9", REQUESTS.replace("date, ", ""), previous=third)
    assert fourth.banks["albion"].way is not third.banks["albion"].way


MISTAKES = """\
10:29 signing.keys[0].algorithm: 'HS256' is not one of: RS256, RS512, PS256, PS512, ES256, ES384, ES512, EdDSA \
(did you mean 'RS256'?)
11:12 signing.keys[1].id: '' is not a key's id: visible ASCII, at most 256 characters
11:39 signing.keys[1].key: is not a reference of the form file:NAME or env:NAME \
(what stands here is not shown, it may be a secret)
13:17 signing.requests[0].profile: 'cavege' is not one of: cavage, obie_jws, jades, http_signatures \
(did you mean 'cavage'?)
14:25 signing.requests[1].era: unknown key 'era'
14:49 signing.requests[1].covered[0]: 'Digest' is not a header's name in small letters, \
or (request-target), (created), (expires)
15:7 signing.requests[2]: 'issuer' is required
15:32 signing.requests[2].era: 'b64' is not one of: unencoded, encoded
15:47 signing.requests[2].methods[0]: 'GTE' is not one of: GET, POST, PUT, PATCH, DELETE (did you mean 'GET'?)
16:37 signing.requests[3].operations[0]: 'account.list' is not one of: accounts.list, accounts.get, balances.list, \
transactions.list (did you mean 'accounts.list'?)
"""


def test_every_mistake_of_a_file_is_told_at_its_place(layers):
    text = (
        PLAIN
        + """\
signing:
  keys:
    - {id: ours, algorithm: HS256, key: "file:qseal.key"}
    - {id: "", algorithm: RS256, key: secret}
  requests:
    - {profile: cavege}
    - {profile: cavage, era: encoded, covered: [Digest]}
    - {profile: obie_jws, era: b64, methods: [GTE]}
    - {profile: jades, operations: [account.list]}
"""
    )
    assert refused(layers({"albion": text})) == [f"albion.yaml:{line}" for line in MISTAKES.splitlines()]


def test_what_keys_and_rules_do_not_allow_together_is_told_without_reading_a_key(layers):
    text = (
        PLAIN
        + """\
signing:
  keys: [{id: ours, algorithm: RS256, key: "file:qseal.key"}]
  requests:
    - {profile: cavage, certificate: der}
    - {profile: obie_jws, era: encoded, issuer: us}
    - {profile: jades, covered: [date]}
  answers: [{profile: jades}]
"""
    )
    assert refused(layers({"albion": text})) == [
        "albion.yaml:11:7 signing.requests[0]: '{issuer}' needs keys with a certificate",
        "albion.yaml:11:7 signing.requests[0]: '{serial_hex}' needs keys with a certificate",
        "albion.yaml:11:38 signing.requests[0].certificate: needs keys with a certificate",
        (
            "albion.yaml:12:17 signing.requests[1].profile: "
            "UK Open Banking signs with PS256 only: the key 'ours' is for RS256"
        ),
        "albion.yaml:13:17 signing.requests[2].profile: JAdES names keys by certificate: the key 'ours' has none",
        "albion.yaml:13:33 signing.requests[2].covered: the body is not signed: cover 'digest'",
        "albion.yaml:14:3 signing.answers: needs 'bank_keys' beside it",
    ]


def test_keys_that_can_not_be_used_are_told_when_they_are_read(layers, secrets):
    text = (
        PLAIN
        + """\
signing:
  keys: [{id: ours, algorithm: RS256, key: "file:weak.key"}]
  bank_keys: [{id: theirs, algorithm: PS256, key: "file:ec.pub"}]
  requests: [{profile: cavage, key_id: "{id}"}]
  answers: [{profile: obie_jws, era: encoded, issuer: them}]
"""
    )
    with pytest.raises(Refused) as caught:
        prepare_banks(read_banks(layers({"albion": text}), DIALECTS).values(), secrets)
    assert [str(problem).replace(f"{FOLDER}/", "") for problem in caught.value.problems] == [
        "albion.yaml:9:44 signing.keys[0].key: an RSA key of 1024 bits is too weak: 2048 are the least",
        "albion.yaml:10:51 signing.bank_keys[0].key: PS256 needs an RSA key, this is one on secp256r1",
    ]
    certified = text.replace("weak.key", "qseal.key").replace("ec.pub", "bank.pub")
    bare = certified.replace("{profile: obie_jws, era: encoded, issuer: them}", "{profile: jades}")
    with pytest.raises(Refused) as caught:
        prepare_banks(read_banks(layers({"albion": bare}), DIALECTS).values(), secrets)
    assert [str(problem).replace(f"{FOLDER}/", "") for problem in caught.value.problems] == [
        "albion.yaml:12:23 signing.answers[0].profile: JAdES names keys by certificate: the key 'theirs' has none",
    ]


async def test_a_request_without_a_header_that_must_be_signed_is_our_fault(listen, opened, outgoing):
    bank = await listen(answer())
    with pytest.raises(GatewayFault, match="lacks a header that its bank's file has signed"):
        await opened(bank.base_url, REQUESTS).banks["albion"].send(outgoing(f"{bank.base_url}/a"))
    assert bank.requests == []


def test_a_base_says_how_its_banks_sign_and_each_brings_its_keys(layers):
    rules = REQUESTS[REQUESTS.index("  requests:") :]
    base = "abstract: true\nsigning:\n" + rules
    assert read_banks(layers({"base": base, "albion": PLAIN + KEYS + "extends: base\n"}), DIALECTS).keys() == {"albion"}
    bare = {"base": base, "albion": PLAIN + "extends: base\n"}
    assert refused(layers(bare)) == ["base.yaml:3:3 signing.requests: needs 'keys' beside it"]
