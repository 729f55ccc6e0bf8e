"""A bank of another make, on real sockets, verifies what we sign and signs what we verify; and answers not its own."""

import asyncio
import pathlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import http_message_signatures as library
import pytest
from aiohttp import web
from http_message_signatures.aiohttp import ServerSignatureMiddleware
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from multidict import CIMultiDict

from gateway.app.files import load_dialects
from gateway.banks.inheritance import FOLDER
from gateway.banks.registry import open_banks, prepare_banks, read_banks
from gateway.contract import BankRequest
from gateway.errors import BankSignatureRefused, SigningUnavailable
from gateway.exchange import CallRecord, Outgoing
from gateway.files import Layers, Refused
from gateway.secrets import Secrets
from gateway.signatures.content_digest import content_digest
from gateway.signatures.header_lines import Answer, KeyFacts, Request, SignatureRefused
from gateway.signatures.http_signatures import HttpSignatures, build_signer, build_verifier, problems
from gateway.signatures.keys import SigningKeys, VerificationKeys
from gateway.telemetry.metrics import Metrics
from tests.signatures.messages import LIBRARY, Resolver, signing_key, verification_key
from tests.signatures.pems import private_pem, public_pem

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = SigningKeys((signing_key(key_id="ours"),), b"")
THEIRS = VerificationKeys((verification_key("EdDSA", "theirs"),), b"")
PROFILE = HttpSignatures()
BODY = b'{"amount":"12.00"}'
PLAIN = """\
title: Quay
dialect: uk_openbanking
version: "3.1.11"
environment: sandbox
zone: Europe/London
base_urls: {default: "https://api.quay.example/open-banking"}
"""
SIGNING = """\
signing:
  keys: [{id: ours, algorithm: ES256, key: "file:ours.pem"}]
  bank_keys: [{id: theirs, algorithm: EdDSA, key: "file:theirs.pem"}]
  requests: [{profile: http_signatures, algorithm: true, nonce: true, validity: 30s}]
  answers: [{profile: http_signatures, covered_if_present: ['"signature";req', '"signature-input";req']}]
"""
OF_ANSWERS = ("@status", '"@method";req', '"@target-uri";req', '"signature";req', '"signature-input";req')


@pytest.fixture
async def bank():
    """A bank that stands on the library alone; `signs` False leaves its answers unsigned."""
    seen: list[tuple[str, bytes]] = []
    middleware = ServerSignatureMiddleware(
        verify_options={
            "signature_algorithm": LIBRARY["ES256"],
            "key_resolver": Resolver("ES256"),
            "expect_tag": "fapi-2-request",
            "require_components": ("@method", "@target-uri", "authorization"),
            "max_age": timedelta(seconds=60),
        },
        sign_options={
            "signature_algorithm": LIBRARY["EdDSA"],
            "key_resolver": Resolver("EdDSA"),
            "key_id": "theirs",
            "tag": "fapi-2-response",
            "covered_component_ids": OF_ANSWERS,
        },
    )

    async def handle(request: web.Request) -> web.Response:
        seen.append((request.headers["Signature-Input"], await request.read()))
        answer = web.json_response({"accounts": ["one"] * 100})
        if "gzip" in request.query:
            answer.enable_compression(web.ContentCoding.gzip)
        return answer

    async def unsigned(_request: web.Request) -> web.Response:
        return web.json_response({"accounts": []})

    app = web.Application(**middleware.application_kwargs)
    app.router.add_route("*", "/{rest:.*}", handle)
    app.on_response_prepare.append(middleware.on_response_prepare)
    bare = web.Application()
    bare.router.add_route("*", "/{rest:.*}", unsigned)
    runners = [web.AppRunner(one) for one in (app, bare)]
    for runner in runners:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    urls = [f"http://127.0.0.1:{runner.addresses[0][1]}" for runner in runners]
    yield SimpleNamespace(signing=urls[0], bare=urls[1], seen=seen)
    for runner in runners:
        await runner.cleanup()


def layers(folder: pathlib.Path, text: str) -> Layers:
    """The files that ship, and a bank called quay."""
    path = folder / "files" / FOLDER / "quay.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return Layers.over_shipped((folder / "files",))


@pytest.fixture
async def reached(tmp_path):
    """`reached(base_url)`: the bank whose file asks for signatures both ways, opened as the product opens it."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "ours.pem").write_bytes(private_pem("P-256"))
    (tmp_path / "secrets" / "theirs.pem").write_bytes(public_pem("Ed25519"))
    registries = []

    def build(base_url: str):
        text = PLAIN.replace("https://api.quay.example/open-banking", base_url) + "network: private\n" + SIGNING
        quay = read_banks(layers(tmp_path, text), load_dialects())["quay"]
        prepared = prepare_banks([quay], Secrets(tmp_path / "secrets", {}))
        registries.append(open_banks(prepared, Metrics(), lambda: datetime.now(UTC)))
        return registries[-1].banks["quay"]

    yield build
    for registry in registries:
        await registry.close()


def outgoing(url: str, record: CallRecord | None = None, **request: Any) -> Outgoing:
    asked = BankRequest(**{"method": "GET", "headers": (("Authorization", "Bearer abc"),), **request}, url=url)
    record = record or CallRecord("ab" * 16, "cd" * 8, "", "", sampled=False, started=0)
    return Outgoing(asked, "accounts.list", asyncio.get_running_loop().time() + 5, record)


async def test_a_bank_of_another_make_takes_our_requests_and_we_its_answers(bank, reached):
    quay = reached(bank.signing)
    answer = await quay.send(outgoing(f"{bank.signing}/accounts?a=1&b=%20"))
    assert answer.status == 200
    assert answer.body.count(b"one") == 100
    posted = await quay.send(outgoing(f"{bank.signing}/payments", method="POST", body=BODY))
    assert posted.status == 200
    (first, _), (second, body) = bank.seen
    assert body == BODY
    for told in (first, second):
        for part in (";created=", ";expires=", ';keyid="ours"', ';alg="ecdsa-p256-sha256"', ";nonce=", ";tag="):
            assert part in told
    assert '"content-digest"' in second


async def test_an_answer_is_verified_in_its_content_coding(bank, reached):
    answer = await reached(bank.signing).send(outgoing(f"{bank.signing}/accounts?gzip=1"))
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.body.count(b"one") == 100


async def test_an_answer_without_a_signature_is_not_read(bank, reached):
    with pytest.raises(BankSignatureRefused) as caught:
        await reached(bank.bare).send(outgoing(f"{bank.bare}/accounts"))
    assert caught.value.detail == "The answer of quay was not read: its signature is missing."


async def test_a_request_that_lacks_what_must_be_signed_is_not_sent(bank, reached):
    unauthorised = outgoing(f"{bank.signing}/accounts", headers=())
    with pytest.raises(SigningUnavailable):
        await reached(bank.signing).send(unauthorised)
    assert unauthorised.record.attempts == []
    assert bank.seen == []


A_REQUEST = Request("POST", "/payments?a=1", "API.bank.example:443", (("Authorization", "Bearer abc"),), BODY)


def signed_request(request: Request = A_REQUEST, profile: HttpSignatures = PROFILE) -> Request:
    return replace(request, headers=build_signer(profile, OURS)(request, NOW))


def answered(
    *covered: str, request: Request | None = None, body: bytes = BODY, ago: float = 0, kind: str = "EdDSA", **more: Any
) -> Answer:
    """An answer as a bank signs it that stands on the library."""
    request = request or signed_request()
    asked = SimpleNamespace(
        method=request.method, url=f"https://api.bank.example{request.target}", headers=CIMultiDict(request.headers)
    )
    headers: CIMultiDict[str] = CIMultiDict({"Content-Type": "application/json"})
    message = SimpleNamespace(status_code=201, headers=headers, request=asked, url="")
    signer = library.HTTPMessageSigner(signature_algorithm=LIBRARY[kind], key_resolver=Resolver(kind))
    whole = (*OF_ANSWERS, *(['"content-digest";req'] if request.body else []))
    options = {"key_id": "theirs", "created": NOW - timedelta(seconds=ago), "tag": "fapi-2-response", **more}
    signer.sign(message, covered_component_ids=covered or whole, body=body, **options)
    return Answer(201, tuple(headers.items()), body, request)


def check(answer: Answer, profile: HttpSignatures = PROFILE) -> None:
    build_verifier(profile, THEIRS)(answer, NOW)


def test_a_request_is_signed_as_the_profile_says():
    headers = dict(signed_request().headers)
    assert headers["Content-Digest"] == content_digest(BODY)
    covered = '("@method" "@target-uri" "authorization" "content-digest")'
    assert headers["Signature-Input"] == f'sig={covered};created=1772366400;keyid="ours";tag="fapi-2-request"'
    asked = SimpleNamespace(method="POST", url="https://api.bank.example/payments?a=1", headers=CIMultiDict(headers))
    verifier = library.HTTPMessageVerifier(signature_algorithm=LIBRARY["ES256"], key_resolver=Resolver("ES256"))
    verifier.max_clock_skew = timedelta(days=36500)
    verifier.verify(asked, expect_tag="fapi-2-request", max_age=None, body=BODY)


def test_what_is_covered_is_the_files():
    profile = HttpSignatures(
        covered=("@authority", "@path", '"@query-param";name="a"'),
        covered_if_present=("x-there", "x-absent"),
        tag="bank",
        digest="sha-512",
    )
    request = replace(A_REQUEST, headers=(("X-There", "1"), ("Content-Digest", "stale")))
    headers = dict(signed_request(request, profile).headers)
    assert headers["Content-Digest"] == content_digest(BODY, "sha-512")
    covered = '("@authority" "@path" "@query-param";name="a" "x-there" "content-digest")'
    assert headers["Signature-Input"].startswith(f"sig={covered};")
    assert headers["Signature-Input"].endswith(';tag="bank"')


def test_answers_of_a_bank_are_taken():
    check(answered())
    check(answered(body=b""))
    check(answered(ago=60))
    check(answered(request=signed_request(replace(A_REQUEST, body=b"", method="DELETE"))))
    unsigned = answered("@status", '"@method";req', '"@target-uri";req', request=replace(A_REQUEST, body=b""))
    check(unsigned)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda: answered("@status"), 'does not cover "@method";req, "@target-uri";req'),
        (lambda: answered(*OF_ANSWERS[:3]), '"content-digest";req, "signature";req'),
        (lambda: answered(*OF_ANSWERS[1:]), 'does not cover "@status"'),
        (lambda: answered(ago=61), "too old"),
        (lambda: answered(ago=-11), "future"),
        (lambda: answered(tag="fapi-2-request"), "with the tag"),
        (lambda: answered(key_id="other"), "by a key of its id"),
        (lambda: answered(kind="ES256"), "by a key of its id"),
        (lambda: replace(answered(), status=200), "by a key of its id"),
        (lambda: replace(answered(), body=BODY + b" "), "not that of the content"),
        (
            lambda: replace(answered(), request=signed_request(replace(A_REQUEST, target="/other"))),
            "by a key of its id",
        ),
        (lambda: replace(answered(), request=signed_request(replace(A_REQUEST, body=b"{}"))), "by a key of its id"),
        (lambda: replace(answered(), headers=()), "missing"),
        (lambda: replace(answered(body=b""), body=BODY), "not that of the content"),
    ],
)
def test_other_answers_are_refused(answer, why):
    with pytest.raises(SignatureRefused, match=why.replace(".", r"\.")):
        check(answer())


ANSWERED = answered()


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_change_to_an_answer_is_told(data):
    answer = ANSWERED
    part = data.draw(st.sampled_from(["body", "status", "Signature", "Content-Digest", "Signature-Input"]))
    headers = dict(answer.headers)
    if part == "body":
        changed = bytearray(answer.body)
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
        answer = replace(answer, body=bytes(changed))
    elif part == "status":
        answer = replace(answer, status=data.draw(st.integers(100, 599).filter(lambda status: status != 201)))
    else:
        text = headers[part]
        # Past the label, and not the last digits, whose unused bits say nothing.
        position = data.draw(st.integers(len(text.partition("=")[0]) + 1, len(text) - 5))
        other = data.draw(st.sampled_from('ABab01";:()').filter(lambda one: one != text[position]))
        headers[part] = text[:position] + other + text[position + 1 :]
        answer = replace(answer, headers=tuple(headers.items()))
    with pytest.raises(SignatureRefused):
        check(answer)


def test_an_algorithm_without_a_name_can_not_be_told():
    facts = [KeyFacts("one", "PS256", certified=False), KeyFacts("two", "ES256", certified=False)]
    assert list(problems(PROFILE, facts)) == []
    [(setting, message)] = problems(HttpSignatures(algorithm=True), facts)
    assert (setting, message) == ("algorithm", "RFC 9421 has no name for PS256, the algorithm of the key 'one'")


KEYS = """\
signing:
  keys: [{id: ours, algorithm: PS256, key: "file:ours.pem"}]
  bank_keys: [{id: theirs, algorithm: EdDSA, key: "file:theirs.pem"}]
"""


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (
            """\
  requests:
    - {profile: http_signatures, covered: ["@status", host, '"@method";req', "@nothing"], algorithm: true}
  answers:
    - {profile: http_signatures, covered_if_present: ["@method", '"host";req', date]}
""",
            [
                ("11:43", "requests[0].covered", "'\"@method\";req' is of an answer, not of a request"),
                ("11:43", "requests[0].covered", "'@nothing' is no component that can be covered"),
                ("11:43", "requests[0].covered", "'@status' is of an answer, not of a request"),
                ("11:43", "requests[0].covered", "'host' is written after signing: cover '@authority' for the host"),
                ("11:102", "requests[0].algorithm", "RFC 9421 has no name for PS256, the algorithm of the key 'ours'"),
                ("13:54", "answers[0].covered_if_present", "'\"host\";req' is written after signing: cover '@auth"),
                ("13:54", "answers[0].covered_if_present", "'@method' is of a request: write it with \";req\""),
            ],
        ),
        (
            "  requests: [{profile: http_signatures, digest: md5, tag: two words, covered: [Date], era: old}]\n",
            [
                ("10:49", "requests[0].digest", "'md5' is not one of: sha-256, sha-512"),
                ("10:59", "requests[0].tag", "'two words' is not a word"),
                ("10:80", "requests[0].covered[0]", "'Date' is not a component"),
                ("10:87", "requests[0].era", "unknown key 'era'"),
            ],
        ),
    ],
)
def test_a_file_that_asks_for_what_can_not_be_is_told_where(tmp_path, rules, told):
    with pytest.raises(Refused) as caught:
        read_banks(layers(tmp_path, PLAIN + KEYS + rules), load_dialects())
    found = [str(problem).partition("quay.yaml:")[2] for problem in caught.value.problems]
    assert len(found) == len(told), found
    for line, (place, setting, message) in zip(found, told, strict=True):
        assert line.startswith(f"{place} signing.{setting}: {message}"), line
