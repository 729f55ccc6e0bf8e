import asyncio
import json
import ssl
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web

from gateway.errors import KeysUnavailable
from gateway.filters.tokens.keys import choose, read_keys
from gateway.filters.tokens.keysets import KeySets, KeySetSource, key_session
from tests.filters.calling import SetClock, elliptic, jwk, jwks, rsa_key

AUTHORITY = trustme.CA()


class Issuer:
    """An https server of a key set, which counts what it is asked and can be held, broken or made to lie."""

    def __init__(self) -> None:
        self.asked = 0
        self.document = jwks(jwk(elliptic(), "first"))
        self.answer = None
        self.arrived = asyncio.Event()
        self.held = asyncio.Event()
        self.held.set()
        self.url = ""

    async def handle(self, _request):
        self.asked += 1
        self.arrived.set()
        await self.held.wait()
        if self.answer is not None:
            return self.answer()
        return web.Response(body=self.document, content_type="application/jwk-set+json")


@asynccontextmanager
async def listening(issuer, scheme="https"):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    server = web.Server(issuer.handle)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=context if scheme == "https" else None)
    await site.start()
    issuer.url = f"https://localhost:{runner.addresses[0][1]}/keys"
    try:
        yield issuer
    finally:
        await runner.cleanup()


@pytest.fixture
async def issuer():
    async with listening(Issuer()) as one:
        yield one


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
async def sets(clock):
    observed = []
    secrets = {"file:ca": AUTHORITY.cert_pem.bytes()}
    made = KeySets(
        session=key_session,
        secrets=lambda reference: secrets[reference],
        monotonic=clock.monotonic,
        observe=lambda *told: observed.append(told),
    )
    made.observed = observed
    yield made
    await made.close()


def source(issuer, **changed):
    whole = {"ca": "file:ca", "refresh": 300.0, "cooldown": 30.0, "max_stale": 3600.0, "network": "private", **changed}
    return KeySetSource(issuer="https://identity.test", keys=issuer.url, **whole)


async def test_a_set_is_fetched_once_and_used_until_it_is_due(sets, issuer, clock):
    keys = sets.of(source(issuer))
    assert (await keys.find("first", "ES256")).kid == "first"
    clock.passed = 299
    await keys.find("first", "ES256")
    assert issuer.asked == 1
    clock.passed = 301
    await keys.find("first", "ES256")
    assert issuer.asked == 2
    assert keys.version == 1, "the same keys are the same version"


async def test_an_equal_source_has_one_set(sets, issuer):
    assert sets.of(source(issuer)) is sets.of(source(issuer))
    assert sets.of(source(issuer)) is not sets.of(source(issuer, refresh=60.0))


async def test_case_14_a_new_key_is_found_by_one_fetch(sets, issuer, clock):
    keys = sets.of(source(issuer))
    await keys.find("first", "ES256")
    clock.passed = 31
    issuer.document = jwks(jwk(elliptic(), "first"), jwk(elliptic("second"), "second"))
    assert (await keys.find("second", "ES256")).kid == "second"
    assert issuer.asked == 2
    assert keys.version == 2


async def test_case_14_a_flood_of_unknown_keys_is_one_fetch_a_cooldown(sets, issuer, clock):
    keys = sets.of(source(issuer))
    await keys.find("first", "ES256")
    clock.passed = 31
    assert await asyncio.gather(*(keys.find(f"random-{n}", "ES256") for n in range(50))) == [None] * 50
    assert issuer.asked == 2
    clock.passed = 60
    await keys.find("random", "ES256")
    assert issuer.asked == 2
    clock.passed = 62
    await keys.find("random", "ES256")
    assert issuer.asked == 3


async def test_the_first_callers_wait_for_one_fetch(sets, issuer):
    issuer.held.clear()
    keys = sets.of(source(issuer))
    waiting = [asyncio.create_task(keys.find("first", "ES256")) for _ in range(20)]
    await issuer.arrived.wait()
    waiting[0].cancel()
    issuer.held.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert [key.kid for key in found[1:]] == ["first"] * 19
    assert issuer.asked == 1


async def test_case_14_a_stale_set_serves_until_it_is_too_old(sets, issuer, clock):
    keys = sets.of(source(issuer))
    await keys.find("first", "ES256")
    issuer.answer = lambda: web.Response(status=500)
    clock.passed = 301
    assert (await keys.find("first", "ES256")).kid == "first"
    assert sets.reports()[0].last_failure == "the URL answers 500"
    assert keys.fresh_until == clock.monotonic() + 30
    clock.passed = 3601
    with pytest.raises(KeysUnavailable) as caught:
        await keys.find("first", "ES256")
    assert dict(caught.value.headers) == {"Retry-After": "30"}
    issuer.answer = None
    clock.passed = 3640
    assert (await keys.find("first", "ES256")).kid == "first"
    assert sets.reports()[0].last_failure is None


async def test_with_nothing_at_hand_the_next_try_comes_after_a_second(sets, issuer, clock):
    issuer.answer = lambda: web.Response(status=503)
    keys = sets.of(source(issuer))
    for _ in range(5):
        with pytest.raises(KeysUnavailable):
            await keys.find("first", "ES256")
    assert issuer.asked == 1
    issuer.answer, clock.passed = None, 1
    assert (await keys.find("first", "ES256")).kid == "first"


def huge():
    return web.Response(body=b'{"keys": [' + b" " * 300_000 + b"]}", content_type="application/json")


def redirect():
    return web.Response(status=302, headers={"Location": "https://attacker.test/keys"})


def html():
    return web.Response(text="<html>", content_type="text/html")


def a_list():
    return web.Response(body=b"[]", content_type="application/json")


def empty():
    return web.Response(body=b'{"keys":[]}', content_type="application/json")


def packed():
    return web.Response(body=b"x", content_type="application/json", headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (huge, "the answer is too large"),
        (redirect, "the URL answers 302"),
        (html, "the URL does not answer plain JSON"),
        (packed, "the URL does not answer plain JSON"),
        (a_list, "what was fetched is refused: not a JSON object"),
        (empty, "what was fetched is refused: no usable key in the JWK set"),
    ],
)
async def test_case_14_answers_that_are_no_key_set(sets, issuer, answer, failure):
    issuer.answer = answer
    with pytest.raises(KeysUnavailable):
        await sets.of(source(issuer)).find("first", "ES256")
    assert sets.reports()[0].last_failure == failure


async def test_case_14_an_issuer_that_is_not_who_it_says(sets, issuer):
    with pytest.raises(KeysUnavailable):
        await sets.of(source(issuer, ca=None)).find("first", "ES256")
    assert sets.reports()[0].last_failure == "the URL can not be fetched"
    assert issuer.asked == 0


async def test_a_reference_that_can_not_be_read(sets):
    gone = KeySetSource("https://identity.test", "file:gone", None, 300.0, 30.0, 3600.0)
    with pytest.raises(KeysUnavailable):
        await sets.of(gone).find("first", "ES256")
    assert sets.reports()[0].last_failure == "the reference can not be read"


async def test_what_operators_see(sets, issuer, clock):
    keys = sets.of(source(issuer))
    assert sets.reports()[0].age is None
    await keys.find("first", "ES256")
    clock.passed = 12
    report = sets.reports()[0]
    assert (report.issuer, report.key_ids, report.age) == ("https://identity.test", ("first",), 12.0)
    (issuer_told, age, ids) = sets.observed[0]
    assert (issuer_told, age(), ids) == ("https://identity.test", 12.0, ("first",))


def test_case_14_keys_of_one_id_are_told_apart_by_kind():
    keys = read_keys(jwks(jwk(elliptic(), "one"), jwk(rsa_key(), "one")))
    assert choose(keys, "one", "ES256").public.curve.name == "secp256r1"
    assert choose(keys, "one", "PS256").public.key_size == 2048
    assert choose(read_keys(jwks(jwk(elliptic(), "one"), jwk(elliptic("second"), "one"))), "one", "ES256") is None


def test_case_14_keys_for_other_uses_are_left_out():
    members = [
        jwk(elliptic(), "encrypts", use="enc"),
        jwk(elliptic(), "signs", key_ops=["sign"]),
        jwk(elliptic(), "restricted", alg="ES384"),
        {**jwk(elliptic(), "private"), "d": "AQAB"},
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
        {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "quantum", "kid": "unknown"},
        "not a key",
        jwk(elliptic(), "good", use="sig", alg="ES256", key_ops=["verify"]),
    ]
    assert [key.kid for key in read_keys(json.dumps({"keys": members}).encode())] == ["good"]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"keys":{}}', b'{"keys":[],"keys":[]}', b"\xff", b"[" * 100_000])
def test_documents_that_are_no_key_set(content):
    with pytest.raises(ValueError, match=r"JSON|JWK"):
        read_keys(content)
