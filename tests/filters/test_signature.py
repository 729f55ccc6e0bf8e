"""Signed calls over real sockets, signed by a library of another make; and every call that must be refused."""

import json
from datetime import UTC, datetime

import aiohttp
import http_message_signatures as library
import pytest
from http_message_signatures.aiohttp import SignatureMiddleware

from gateway.errors import BankFailed, NotFound, RateLimited
from gateway.signatures.content_digest import content_digest
from tests.filters.calling import START, jwk, jwks
from tests.filters.signed_calls import ALGORITHMS, OURS, TAG, Call, Keys, SignedDoor, verify_answer
from tests.signatures.pems import private


@pytest.fixture
async def door_of(tmp_path):
    opened = []

    async def open_door(**settings):
        opened.append(SignedDoor(tmp_path))
        await opened[-1].open(**settings)
        return opened[-1]

    yield open_door
    for door in opened:
        await door.close()


@pytest.fixture
async def door(door_of):
    return await door_of()


async def test_a_client_of_another_make_signs_its_calls_and_takes_our_answers(door_of):
    door = await door_of(origin="http://127.0.0.1:{port}", max_age="10m")
    # That library reads the clock itself.
    door.gateway.clock.passed = (datetime.now(UTC) - START).total_seconds()
    origin = f"http://127.0.0.1:{door.port}"
    signing = {"signature_algorithm": ALGORITHMS["P-256"], "key_id": "books-1", "key_resolver": Keys("P-256", "books")}
    trusted = {"signature_algorithm": ALGORITHMS["P-256"], "key_resolver": Keys("P-256", "ours")}
    middleware = SignatureMiddleware(
        sign_options={
            "origin": origin,
            "tag": TAG,
            "include_alg": False,
            "covered_component_ids": ("@method", "@target-uri", "authorization"),
            **signing,
        },
        verify_options={
            "origin": origin,
            "expect_tag": "fapi-2-response",
            "require_components": ("@status", '"@method";req', '"@target-uri";req', '"signature";req'),
            **trusted,
        },
    )
    headers = {"Authorization": f"Bearer {door.token('books')}"}
    async with aiohttp.ClientSession(headers=headers, **middleware.session_kwargs) as session:
        async with session.get(f"{origin}/v1/banks") as answer:
            assert (answer.status, await answer.json()) == (200, {})
        door.gateway.innermost.answer = NotFound()
        async with session.get(f"{origin}/v1/banks?q=1") as answer:
            assert (await answer.json(content_type=None))["code"] == "not_found"
    assert door.acted == 2


@pytest.mark.parametrize(("kind", "key_id"), [("P-256", "books-1"), ("Ed25519", "books-2")])
async def test_any_valid_key_of_the_caller_will_do(door, kind, key_id):
    assert (await door.send(door.get().sign(door.now, key=(kind, "books"), key_id=key_id))).status == 200
    assert (
        await door.send(door.get().sign(door.now, key=(kind, "books"), key_id=key_id, include_alg=True))
    ).status == 200


async def test_a_key_of_a_key_set_will_do_and_one_taken_out_will_not(door):
    pair = private("P-384", "ledger")
    door.gateway.secrets["file:ledger.json"] = jwks(jwk(pair, "ledger-1"))
    signed = {"key": ("P-384", "ledger"), "key_id": "ledger-1"}
    assert (await door.send(door.get(client="ledger").sign(door.now, **signed))).status == 200
    door.gateway.secrets["file:ledger.json"] = jwks(jwk(private("P-384", "other"), "ledger-2"))
    door.gateway.clock.passed += 301
    await refused(door, door.get(client="ledger").sign(door.now, **signed), "by a key of its id")
    door.gateway.secrets["file:ledger.json"] = b"<html>"
    door.gateway.clock.passed += 86400 * 2
    assert (await door.send(door.get(client="ledger").sign(door.now, **signed))).problem["code"] == "keys_unavailable"


async def test_answers_are_signed_and_bound_to_the_call(door):
    call = door.get("/v1/banks?q=%41").sign(door.now)
    answer = await door.send(call)
    verify_answer(answer, call)
    assert answer.headers["Content-Digest"] == content_digest(answer.body)
    for broken, other, body in (
        (answer, door.get("/v1/banks?q=%42").sign(door.now), None),
        (answer, call, answer.body + b" "),
    ):
        with pytest.raises(library.InvalidSignature):
            verify_answer(broken, other, body=body)
    answer.headers["Signature-Input"] = answer.headers["Signature-Input"].replace("ours-1", "ours-2")
    with pytest.raises(library.InvalidSignature):
        verify_answer(answer, call)


@pytest.mark.parametrize("failure", [NotFound(), BankFailed(), RateLimited(headers=(("Retry-After", "1"),))])
async def test_problems_are_signed_too(door, failure):
    door.gateway.innermost.answer = failure
    call = door.get().sign(door.now)
    answer = await door.send(call)
    assert answer.status == failure.status
    verify_answer(answer, call)
    assert answer.problem["code"] == failure.code


async def test_an_answer_to_head_is_signed_without_content(door):
    call = Call("HEAD", "/v1/banks", door.token("books")).sign(door.now)
    answer = await door.send(call)
    assert answer.status == 200
    assert "Content-Digest" not in answer.headers
    verify_answer(answer, call)


async def test_a_refusal_says_what_would_be_taken_and_is_not_signed(door):
    answer = await door.send(door.post(Consent_Id="consent-1"))
    assert answer.status == 401
    assert answer.problem["code"] == "signature_refused"
    assert answer.problem["detail"] == "The request is refused: its signature is missing."
    wanted = '("@method" "@target-uri" "authorization" "consent-id" "content-digest")'
    assert answer.headers["Accept-Signature"] == f'sig={wanted};created;tag="{TAG}"'
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Signature" not in answer.headers


async def test_no_call_is_begun_whose_answer_could_not_be_signed(door_of):
    door = await door_of(ours=({**OURS, "not_after": "2026-11-22T12:00:10Z"},))
    assert (await door.send(door.get().sign(door.now))).status == 200
    door.gateway.clock.passed += 11
    answer = await door.send(door.get().sign(door.now))
    assert (answer.status, answer.problem["code"], door.acted) == (503, "signing_unavailable", 1)


async def test_our_newest_valid_key_signs(door_of):
    newer = {**OURS, "id": "ours-2", "not_before": "2026-11-22T12:00:10Z"}
    door = await door_of(ours=(OURS, newer))
    for passed, key_id in ((0, "ours-1"), (10, "ours-2")):
        door.gateway.clock.passed = passed
        call = door.get().sign(door.now)
        answer = await door.send(call)
        assert f'keyid="{key_id}"' in answer.headers["Signature-Input"]
        verify_answer(answer, call)


async def refused(door, call, why):
    """The call is refused for this reason, and came to nobody."""
    before = door.acted
    answer = await door.send(call)
    assert answer.status == 401, answer
    assert answer.problem["code"] == "signature_refused"
    assert why in answer.problem["detail"]
    assert answer.headers["Accept-Signature"].startswith("sig=(")
    assert door.acted == before
    return answer


async def test_a_body_is_verified_whole_and_goes_on_as_it_came(door):
    body = json.dumps({"text": "€" * 9000}).encode()
    call = door.post(body, "/reports/new?b=%C3%A9&a=+").sign(door.now)
    assert (await door.send(call)).body == b"kept"
    [(path, headers, received)] = door.received
    assert (path, received) == ("/reports/new?b=%C3%A9&a=+", body)
    assert headers["Signature"] == call.headers["Signature"]
    chunked = door.post(b"a body in chunks").sign(door.now)
    del chunked.headers["Content-Length"]
    chunked.headers["Transfer-Encoding"] = "chunked"
    chunked.body = b"7\r\na body \r\n9\r\nin chunks\r\n0\r\n\r\n"
    assert (await door.send(chunked)).status == 200
    assert door.received[1][2] == b"a body in chunks"
    empty = Call("DELETE", "/reports/1", door.token("books")).sign(door.now)
    assert (await door.send(empty)).status == 200


async def test_a_body_beyond_the_limit_is_refused_as_ever(door):
    answer = await door.send(door.post(b"x" * (64 * 1024 + 1)).sign(door.now))
    assert answer.status == 413
    assert not door.received


async def test_case_23_label_confusion(door):
    call = door.get().sign(door.now, label="sig")
    call.headers["Signature"] = call.headers["Signature"].replace("sig=", "other=")
    await refused(door, call, "not under the same labels")
    swapped = (
        door.get()
        .sign(door.now, label="a")
        .sign(door.now, "@method", label="b", tag="elsewhere", append_if_signature_exists=True)
    )
    first, second = swapped.headers["Signature"].split(", ")
    swapped.headers["Signature"] = f"a={second.partition('=')[2]}, b={first.partition('=')[2]}"
    await refused(door, swapped, "not that of the message")
    twice = door.get().sign(door.now, label="sig")
    twice.headers.add("Signature", twice.headers["Signature"])
    await refused(door, twice, "malformed")
    beside = door.get().sign(door.now, "@method", label="sig", tag="elsewhere")
    beside.sign(door.now, label="zz", append_if_signature_exists=True)
    assert (await door.send(beside)).status == 200, "the label says nothing, and others may sign as well"


async def test_case_23_two_signatures(door):
    call = door.get().sign(door.now, label="one").sign(door.now, label="two", append_if_signature_exists=True)
    await refused(door, call, "more than once")
    strangers = door.get().sign(door.now, label="one", key=("P-256", "stranger"))
    strangers.sign(door.now, label="two", append_if_signature_exists=True)
    await refused(door, strangers, "more than once")


async def test_case_23_missing_or_another_tag(door):
    await refused(door, door.get().sign(door.now, tag=None), "with the tag")
    await refused(door, door.get().sign(door.now, tag="fapi-2-response"), "with the tag")


async def test_case_23_a_field_that_is_covered_but_absent(door):
    call = door.get(X_Words="one").sign(door.now, "@method", "@target-uri", "authorization", "x-words")
    del call.headers["X-Words"]
    await refused(door, call, "covers a field that the message does not have")


@pytest.mark.parametrize("left_out", ["@method", "@target-uri", "authorization", "consent-id"])
async def test_case_23_what_is_not_covered(door, left_out):
    covered = [one for one in ("@method", "@target-uri", "authorization", "consent-id") if one != left_out]
    call = door.get(Consent_Id="consent-1").sign(door.now, *covered)
    await refused(door, call, f'does not cover "{left_out}"')


async def test_case_23_variants_of_a_field_are_themselves_and_nothing_else(door):
    whole = ("@method", "@target-uri", "authorization")
    for more in ('"x-words";bs', '"priority";sf', '"priority";key="u"', '"@query-param";name="q"'):
        call = door.get("/v1/banks?q=1", X_Words="one", Priority="u=1,  i")
        assert (await door.send(call.sign(door.now, *whole, more))).status == 200, more
        changed = door.get("/v1/banks?q=1", X_Words="one", Priority="u=1,  i").sign(door.now, *whole, more)
        changed.headers["X-Words"], changed.headers["Priority"], changed.target = "two", "u=2", "/v1/banks?q=2"
        await refused(door, changed, "not that of the message")
    wrapped = door.get().sign(door.now, "@method", "@target-uri", '"authorization";bs')
    await refused(door, wrapped, 'does not cover "authorization"')


@pytest.mark.parametrize(("ago", "why"), [(60, ""), (61, "too old"), (-10, ""), (-11, "future"), (86400, "too old")])
async def test_case_23_old_and_future_created(door, ago, why):
    call = door.get().sign(door.now, ago=ago)
    if why:
        await refused(door, call, why)
    else:
        assert (await door.send(call)).status == 200


async def test_case_23_expired(door):
    await refused(
        door, door.get().sign(door.now, ago=5, expires=door.now.replace(second=0, minute=0, hour=11)), "expired"
    )


async def test_case_23_an_algorithm_that_is_not_the_keys(door):
    call = door.get().sign(door.now, key=("Ed25519", "books"), key_id="books-1", include_alg=True)
    await refused(door, call, "by a key of its id")
    said = door.get().sign(door.now)
    said.headers["Signature-Input"] += ';alg="ed25519"'
    await refused(door, said, "by a key of its id")


async def test_case_23_keys_of_others(door):
    await refused(door, door.get().sign(door.now, key=("P-256", "stranger")), "by a key of its id")
    await refused(door, door.get().sign(door.now, key_id="nobody"), "by a key of its id")
    await refused(door, door.get(client="payments").sign(door.now), "none of this caller is known")
    door.gateway.secrets["file:ledger.json"] = jwks(jwk(private("P-384", "ledger"), "ledger-1"))
    await refused(door, door.get(client="ledger").sign(door.now), "by a key of its id")
    old = door.get().sign(door.now, key=("RSA", ""), key_id="books-0")
    await refused(door, old, "by a key of its id")


@pytest.mark.parametrize(
    ("digest", "why"),
    [
        ("sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:", "not that of the content"),
        ("md5=:Sd/dVLAcvNLSq16eXua5uQ==:, {strong}", "insecure"),
        ("{strong}, sha=:07CavjDP4u3/TungoUHJO/Wzr4c=:", "insecure"),
        ("{strong}, sha-512=:YQ==:", "not that of the content"),
        ("md5=:Sd/dVLAcvNLSq16eXua5uQ==:", "insecure"),
        ("sha-1024=:YQ==:", "no algorithm"),
        ("{strong}, {strong}", "malformed"),
        ("nonsense(", "malformed"),
    ],
)
async def test_case_23_digests_weak_and_strong(door, digest, why):
    """The signature over the field is good; the field is not."""
    body = b'{"amount": "12.00"}'
    call = door.post(body)
    call.headers["Content-Digest"] = digest.replace("{strong}", content_digest(body))
    content, call.body = call.body, b""
    signer = library.HTTPMessageSigner(signature_algorithm=ALGORITHMS["P-256"], key_resolver=Keys("P-256", "books"))
    covered = ("@method", "@target-uri", "authorization", "content-digest")
    signer.content_digest_class = NoDigest
    signer.sign(call, key_id="books-1", created=door.now, tag=TAG, include_alg=False, covered_component_ids=covered)
    call.body = content
    await refused(door, call, why)


class NoDigest(library.signatures.ContentDigest):
    """Signs whatever stands in the field."""

    @classmethod
    def prepare(cls, headers, body, *, use_existing_digest): ...


async def test_case_23_a_body_whose_digest_is_not_covered(door):
    call = door.post()
    content, call.body = call.body, b""
    call.sign(door.now)
    call.body = content
    await refused(door, call, 'does not cover "content-digest"')
    added = door.get().sign(door.now)
    added.headers["Content-Length"], added.body = "5", b"added"
    assert (await door.send(added)).status in {400, 401}
    assert door.acted == 0


async def test_a_call_counts_once(door):
    call = door.get().sign(door.now)
    assert (await door.send(call)).status == 200
    await refused(door, call, "was used before")
    assert (await door.send(door.get().sign(door.now))).status == 200, "signed anew it is another"
    door.gateway.clock.passed += 60
    await refused(door, call, "was used before")
    door.gateway.clock.passed += 1
    await refused(door, call, "too old")


async def test_a_nonce_counts_once_for_its_key(door_of):
    door = await door_of(replay="nonce")
    await refused(door, door.get().sign(door.now), "has no nonce")
    assert (await door.send(door.get().sign(door.now, nonce="n-1"))).status == 200
    await refused(door, door.get("/v1/banks?q=1").sign(door.now, nonce="n-1"), "was used before")
    assert (await door.send(door.get().sign(door.now, nonce="n-2"))).status == 200
    signed = door.get().sign(door.now, key=("Ed25519", "books"), key_id="books-2", nonce="n-1")
    assert (await door.send(signed)).status == 200


async def test_replays_can_be_allowed(door_of):
    door = await door_of(replay="allowed")
    call = door.get().sign(door.now)
    assert [(await door.send(call)).status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("target", ["/reports/new", "/reports/new?", "/reports/new?a=1"])
async def test_the_target_that_was_signed_is_the_one_that_is_sent_on(door, target):
    call = door.post(target=target).sign(door.now)
    assert (await door.send(call)).status == 200
    assert [path for path, _, _ in door.received] == [target]
    for other in {"/reports/new", "/reports/new?"} - {target}:
        call = door.post(target=target).sign(door.now, nonce=other)
        call.target = other
        await refused(door, call, "is not that of the message")


async def test_the_host_field_is_not_believed(door):
    call = door.get(Host="evil.example")
    call.url = "https://evil.example/v1/banks"
    await refused(door, call.sign(door.now), "not that of the message")


async def test_components_and_tag_are_the_policys(door_of):
    door = await door_of(components=["@authority", '"@query-param";name="q"', "x-words"], if_present=[], tag="ours")
    covered = ("@authority", '"@query-param";name="q"', "x-words")
    good = door.get("/v1/banks?q=1", X_Words="one").sign(door.now, *covered, tag="ours")
    assert (await door.send(good)).status == 200
    answer = await refused(door, door.get().sign(door.now), "with the tag")
    listed = " ".join(one if one.startswith('"') else f'"{one}"' for one in covered)
    assert answer.headers["Accept-Signature"] == f'sig=({listed});created;tag="ours"'


async def test_any_changed_byte_of_a_signed_call_is_told(door):
    call = door.post(target="/reports/new?a=1").sign(door.now)
    raw = call.raw()
    marks = [b"POST /reports/new?a=1", *(call.headers[one].encode() for one in ("Authorization", "Content-Digest"))]
    marks += [call.headers["Signature"].encode(), call.headers["Signature-Input"].encode(), call.body]
    positions = [position for mark in marks for position in range(raw.index(mark), raw.index(mark) + len(mark), 5)]
    taken = []
    for position in positions:
        for other in (raw[position] ^ 1, ord("~")):
            if other != raw[position]:
                answer = await door.send(raw[:position] + bytes([other]) + raw[position + 1 :])
                taken += [position] if answer.status < 400 else []
    assert taken == []
    assert not door.received
    assert (await door.send(raw)).status == 200, "and as it was, it is good"


async def test_nothing_of_a_refused_call_is_told(door):
    secret = "canary-of-a-signature"
    call = door.get(X_Secret=secret).sign(door.now, "@method", "x-secret", nonce=secret)
    answer = await refused(door, call, "does not cover")
    signature = call.headers["Signature"].partition("=")[2]
    token = call.headers["Authorization"].partition(" ")[2]
    for told in (answer.body.decode(), str(list(answer.headers.items())), door.told):
        assert secret not in told
        assert signature not in told
        assert token not in told
