"""What a caller proved holds until authorities or lists change, or the certificate ends; then it is judged anew."""

import asyncio
import datetime as dt
import pathlib
import socket
import ssl
import threading

import pytest

from tests.web.authorities import DAY, Issued, caller, now, root, uri
from tests.web.conftest import Calls, Serve, Wire
from tests.web.gate import Gate

ROOT, OTHER = root("Clients"), root("Others")
BETWEEN = ROOT.below("Between")
REFUSED_AS = "The client certificate is not taken any more: "


@pytest.fixture
async def gate(serve: Serve, tmp_path: pathlib.Path) -> Gate:
    """It trusts two roots; nothing is revoked yet."""
    made = Gate(tmp_path, serve, ROOT)
    await made.write(
        clients_pem=ROOT.pem + BETWEEN.pem + OTHER.pem, all_crl=ROOT.revoke() + BETWEEN.revoke() + OTHER.revoke()
    )
    return await made.open(revocation_lists=("file:all.crl",))


async def greeted(gate: Gate, shown: Issued) -> Wire:
    """A connection that was used once and is kept."""
    wire = await gate.connect(shown)
    answer = await wire.get()
    assert (answer.status, answer.closing) == (200, False)
    return wire


async def test_a_revoked_leaf_is_refused_at_its_next_request(gate: Gate, calls: Calls):
    revoked, kept = BETWEEN.issue(uri("spiffe://test/a")), BETWEEN.issue(uri("spiffe://test/b"))
    first, second = await greeted(gate, revoked), await greeted(gate, kept)
    await gate.write(all_crl=ROOT.revoke() + BETWEEN.revoke(revoked) + OTHER.revoke())
    await gate.renew()
    refused = await first.get()
    assert refused.problem["detail"] == REFUSED_AS + "it, or an authority that it comes from, is revoked."
    assert (refused.status, refused.closing) == (401, True)
    assert await first.ended()
    last = await second.get()
    assert (last.status, last.closing) == (200, True), "it is still good, and is asked to begin anew"
    assert await second.ended()
    await gate.refused(revoked)
    assert gate.failures == {"revoked": 1}
    await greeted(gate, kept)
    assert len(calls.seen) == 4


async def test_a_leaf_of_a_removed_authority_is_refused_at_its_next_request(gate: Gate, calls: Calls):
    gone, kept = OTHER.issue(), BETWEEN.issue()
    first, second = await greeted(gate, gone), await greeted(gate, kept)
    await gate.write(clients_pem=ROOT.pem + BETWEEN.pem)
    await gate.write(all_crl=ROOT.revoke() + BETWEEN.revoke())
    await gate.renew()
    refused = await first.get()
    assert (refused.status, refused.closing) == (401, True)
    assert "does not come from an authority that is taken here" in refused.problem["detail"]
    assert (await second.get()).status == 200
    await gate.refused(gone)
    assert len(calls.seen) == 3


async def test_a_revoked_authority_ends_what_it_issued(gate: Gate):
    wire = await greeted(gate, BETWEEN.issue())
    await gate.write(all_crl=ROOT.revoke(BETWEEN) + BETWEEN.revoke() + OTHER.revoke())
    await gate.renew()
    assert (await wire.get()).status == 401


async def test_an_answer_under_way_is_the_connections_last(gate: Gate, calls: Calls):
    go_on, usual = asyncio.Event(), calls.handler

    async def wait(exchange):
        await go_on.wait()
        return await usual(exchange)

    wire = await greeted(gate, OTHER.issue())
    calls.handler = wait
    calls.begun.clear()
    asking = asyncio.create_task(wire.get())
    await calls.begun.wait()
    await gate.write(clients_pem=ROOT.pem + BETWEEN.pem)
    await gate.write(all_crl=ROOT.revoke() + BETWEEN.revoke())
    await gate.renew()
    go_on.set()
    answer = await asking
    assert (answer.status, answer.closing) == (200, True), "it was taken before the change"
    assert await wire.ended()


async def test_a_new_server_certificate_ends_no_connection(gate: Gate):
    wire = await greeted(gate, ROOT.issue())
    await gate.new_certificate()
    await gate.renew()
    assert not (await wire.get()).closing


async def refused_in_the_end(wire: Wire) -> str:
    """What the first request is told that is not taken any more."""
    async with asyncio.timeout(30):
        while (answer := await wire.get()).status == 200:
            assert not answer.closing
    assert (answer.status, answer.closing) == (401, True)
    return str(answer.problem["detail"])


async def test_a_certificate_that_ends_while_it_is_connected(gate: Gate, monkeypatch: pytest.MonkeyPatch):
    shown = ROOT.issue(ends=now() + dt.timedelta(hours=1))
    passed = shown.certificate.not_valid_after_utc - dt.datetime.now(dt.UTC)
    monkeypatch.setattr("gateway.web.callers._now", lambda: dt.datetime.now(dt.UTC) + passed)
    assert await refused_in_the_end(await gate.connect(shown)) == REFUSED_AS + "it has expired."


async def test_a_list_that_is_past_its_update_ends_what_it_vouched_for(gate: Gate, monkeypatch: pytest.MonkeyPatch):
    wire = await greeted(gate, ROOT.issue())
    await gate.write(all_crl=ROOT.revoke(ends=now() + dt.timedelta(hours=1)) + BETWEEN.revoke() + OTHER.revoke())
    await gate.renew()
    assert (await wire.get()).closing
    assert gate.tls is not None
    assert gate.tls.trust is not None
    assert gate.tls.trust.lists_end is not None
    passed = gate.tls.trust.lists_end - dt.datetime.now(dt.UTC)
    monkeypatch.setattr("gateway.web.callers._now", lambda: dt.datetime.now(dt.UTC) + passed)
    told = await refused_in_the_end(await gate.connect(ROOT.issue()))
    assert told == REFUSED_AS + "whether it is revoked can not be known now."


async def test_newcomers_are_refused_under_a_list_that_is_past_its_update(
    serve: Serve, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    class Yesterday(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime.now(tz) - DAY

    gate = Gate(tmp_path, serve, ROOT)
    await gate.write(old_crl=ROOT.revoke(begins=now() - 2 * DAY, ends=now() - DAY / 2))
    monkeypatch.setattr("gateway.web.tls.datetime", Yesterday)  # it was good when it was read
    await gate.open(revocation_lists=("file:old.crl",))
    await gate.refused(ROOT.issue())
    assert gate.failures == {"revocation_unknown": 1}
    await gate.write(old_crl=ROOT.revoke())
    await gate.renew()
    await greeted(gate, ROOT.issue())


async def test_case_18_a_session_is_resumed_with_its_identity_and_never_under_other_trust(gate: Gate, calls: Calls):
    shown = OTHER.issue(uri("spiffe://test/a"))
    context = await caller(gate.ours, shown)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def call(session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
        with (
            socket.create_connection(("127.0.0.1", gate.place.listener.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost", session=session) as secure,
        ):
            secure.sendall(b"GET /v1/things HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert secure.recv(4096).startswith(b"HTTP/1.1 200")
            return secure.session, bool(secure.session_reused)

    session, _ = await asyncio.to_thread(call, None)
    _, resumed = await asyncio.to_thread(call, session)
    assert resumed
    assert [exchange.request.peer.identity for exchange in calls.seen] == ["spiffe://test/a"] * 2
    await gate.write(clients_pem=ROOT.pem + BETWEEN.pem)
    await gate.write(all_crl=ROOT.revoke() + BETWEEN.revoke())
    await gate.renew()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.to_thread(call, session)
    assert gate.failures == {"untrusted": 1}
    assert len(calls.seen) == 2


async def test_case_18_neither_the_name_of_the_handshake_nor_that_of_the_request_chooses_anything(
    gate: Gate, calls: Calls
):
    shown = BETWEEN.issue(uri("spiffe://test/a"))
    context = await caller(gate.ours, shown)
    context.check_hostname = False
    certificates = set()
    for server_name, host in (
        ("localhost", "localhost"),
        ("localhost", "other.example"),
        ("admin.example", "x"),
        ("", "x"),
    ):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", gate.place.listener.port, ssl=context, server_hostname=server_name
        )
        certificates.add(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
        wire = Wire(reader, writer)
        answer = await wire.ask(f"GET /v1/things HTTP/1.1\r\nHost: {host}\r\n\r\n")
        assert answer.status == 200
        assert (await wire.ask(f"GET /status HTTP/1.1\r\nHost: {host}\r\n\r\n")).status == 404
        writer.close()
    assert len(certificates) == 1, "a listener has one certificate, one trust and one table, whatever it is called"
    assert {exchange.request.peer.identity for exchange in calls.seen} == {"spiffe://test/a"}
    await gate.refused(root("Elsewhere").issue())


async def test_a_revoked_leaf_of_a_resumed_session_is_refused_at_its_next_request(gate: Gate):
    revoked, kept = BETWEEN.issue(), BETWEEN.issue()

    def calls(context: ssl.SSLContext, changed: threading.Event, resumed: threading.Event) -> list[bytes]:
        first = open_connection(context, None)
        ask(first)
        with first, open_connection(context, first.session) as second:
            assert second.session_reused
            answers = [ask(second)]
            resumed.set()
            assert changed.wait(30)
            return [*answers, ask(second)]

    def open_connection(context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", gate.place.listener.port), timeout=30)
        return context.wrap_socket(plain, server_hostname="localhost", session=session)

    def ask(secure: ssl.SSLSocket) -> bytes:
        secure.sendall(b"GET /v1/things HTTP/1.1\r\nHost: x\r\n\r\n")
        return secure.recv(4096)[:12]

    asking, waiting, changed = [], [], threading.Event()
    for shown in (revoked, kept):
        context = await caller(gate.ours, shown)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        waiting.append(threading.Event())
        asking.append(asyncio.create_task(asyncio.to_thread(calls, context, changed, waiting[-1])))
    for resumed in waiting:
        assert await asyncio.to_thread(resumed.wait, 30)
    await gate.write(all_crl=ROOT.revoke() + BETWEEN.revoke(revoked) + OTHER.revoke())
    await gate.renew()
    changed.set()
    assert await asking[0] == [b"HTTP/1.1 200", b"HTTP/1.1 401"]
    assert await asking[1] == [b"HTTP/1.1 200", b"HTTP/1.1 200"]
