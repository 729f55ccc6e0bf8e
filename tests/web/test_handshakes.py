"""Handshakes that fail: the caller is told in the handshake, and each is counted once, by a reason out of few."""

import asyncio
import pathlib
import socket
import ssl

import pytest
from cryptography import x509

from gateway.web.handshakes import FAILURES, reason_of
from gateway.web.trust import CertificateRefused, Trust
from tests.web.authorities import DAY, SERVER, Issued, caller, dns, now, root
from tests.web.conftest import Calls, Serve
from tests.web.gate import Gate

ROOT = root("Clients")
NAMES = ROOT.below("Names", more=[(x509.NameConstraints([dns("ours.example")], None), True)])
REVOKED = ROOT.issue()


@pytest.fixture
async def gate(serve: Serve, tmp_path: pathlib.Path) -> Gate:
    made = Gate(tmp_path, serve, ROOT)
    await made.write(clients_pem=ROOT.pem + NAMES.pem, clients_crl=ROOT.revoke(REVOKED) + NAMES.revoke())
    return await made.open(revocation_lists=("file:clients.crl",))


def trust_of(gate: Gate) -> Trust:
    assert gate.tls is not None
    assert gate.tls.trust is not None
    return gate.tls.trust


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (None, "no_certificate"),
        (ROOT.issue(begins=now() - 2 * DAY, ends=now() - DAY), "expired"),
        (ROOT.issue(begins=now() + DAY), "not_yet_valid"),
        (REVOKED, "revoked"),
        (ROOT.issue(uses=[SERVER]), "purpose"),
        (root("Self-signed"), "untrusted"),
        (root("Elsewhere").issue(), "untrusted"),
        (NAMES.issue(dns("theirs.example")), "names"),
        (ROOT.below("Depth", depth=0).below("Too deep").issue(), "chain"),
        (ROOT.below("No list").issue(), "revocation_unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_case_18_certificates_that_are_refused_in_the_handshake(
    gate: Gate, calls: Calls, shown: Issued | None, reason: str
):
    await gate.refused(shown)
    assert gate.failures == {reason: 1}
    assert calls.seen == []
    if shown is not None:
        with pytest.raises(CertificateRefused):  # our own judge comes to the same verdict
            trust_of(gate).judge(shown.ders, now())


async def test_case_18_what_is_well_is_let_in(gate: Gate):
    for shown in (ROOT.issue(), NAMES.issue(dns("a.ours.example"))):
        assert (await (await gate.connect(shown)).get()).status == 200
        assert trust_of(gate).judge(shown.ders, now()) > now()
    assert not gate.failures


async def test_case_18_old_versions_and_weak_ciphers(gate: Gate):
    old = await caller(gate.ours, ROOT.issue())
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    weak = await caller(gate.ours, ROOT.issue())
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("AES128-GCM-SHA256:@SECLEVEL=0")
    for context in (old, weak):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await gate.place.connect(context)
    assert gate.failures == {"version": 1, "cipher": 1}


async def test_what_is_no_tls_and_who_does_not_trust_us(gate: Gate):
    wire = await gate.place.connect(None)
    wire.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    stranger = await caller(root("Another"), ROOT.issue())

    def call() -> None:
        with socket.create_connection(("127.0.0.1", gate.place.listener.port), timeout=10) as plain:
            stranger.wrap_socket(plain, server_hostname="localhost")

    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(call)
    for _ in range(2):
        await asyncio.wait_for(gate.told.get(), 10)
    assert gate.failures == {"not_tls": 1, "refused_by_caller": 1}


async def test_a_handshake_that_never_ends(gate: Gate):
    gate.patience = 0.1
    await gate.new_certificate()
    await gate.renew()
    await gate.place.connect(None)
    assert await asyncio.wait_for(gate.told.get(), 10) == "unfinished"


async def test_case_18_renegotiation_is_refused(gate: Gate, calls: Calls, tmp_path: pathlib.Path):
    await asyncio.to_thread(ROOT.issue().write, tmp_path, "caller")
    client = await asyncio.create_subprocess_exec(
        *("openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{gate.place.listener.port}"),
        *("-cert", str(tmp_path / "caller.pem"), "-key", str(tmp_path / "caller.key")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert client.stdin is not None
    assert client.stdout is not None
    async with asyncio.timeout(20):
        await client.stdout.readuntil(b"Verify return code")
        client.stdin.write(b"R\n")  # a line of its own asks s_client to renegotiate
        await client.stdin.drain()
        told = await client.stdout.read()
        await client.wait()
    assert b"RENEGOTIATING" in told
    assert b"no renegotiation" in told
    assert calls.seen == []


def test_every_reason_is_one_of_the_set():
    error = ssl.SSLError()
    error.reason = "canary"
    assert reason_of(error) == "other"
    certificate = ssl.SSLCertVerificationError()
    certificate.verify_code = 999
    assert reason_of(certificate) == "certificate"
    assert {"certificate", "other", "unfinished", "expired", "revoked"} <= FAILURES
