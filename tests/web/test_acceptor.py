"""Connections that begin with the PROXY protocol, before TLS: from a balancer's address always, from others never."""

import asyncio
import contextlib
import pathlib
import ssl
import struct

import pytest

from gateway.exchange import Peer
from gateway.settings import BalancerSettings
from tests.web.authorities import caller, root, uri
from tests.web.balancers import haproxy
from tests.web.conftest import Calls, Serve, Wire
from tests.web.gate import Gate

ROOT = root("Clients")
CALLER = ROOT.issue(uri("spiffe://test/a"))
ALERT_BYTES = 7
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def preface(certificate: bytes = b"", command: int = 0x21) -> bytes:
    rest = bytes([203, 0, 113, 9, 127, 0, 0, 1]) + struct.pack("!HH", 4711, 443)
    if certificate:
        inner = b"\x07" + bytes(4) + struct.pack("!BH", 0x28, len(certificate)) + certificate
        rest += struct.pack("!BH", 0x20, len(inner)) + inner
    return SIGNATURE + bytes([command, 0x11]) + struct.pack("!H", len(rest)) + rest


@pytest.fixture
async def gate(serve: Serve, tmp_path: pathlib.Path) -> Gate:
    """TLS ends here, with client certificates; the balancer says where callers come from."""
    return await Gate(tmp_path, serve, ROOT).open(BalancerSettings(addresses=("127.0.0.1",), proxy_protocol=True))


async def secured(gate: Gate, first: bytes) -> Wire:
    """A connection that sends bytes before its handshake."""
    wire = await gate.place.connect(None)
    wire.writer.write(first)
    await wire.writer.start_tls(await caller(gate.ours, CALLER), server_hostname="localhost")
    return wire


async def turned_away(gate: Gate, first: bytes) -> None:
    """Bytes and the hello of a handshake are sent; the connection ends without more than an alert."""
    outgoing = ssl.MemoryBIO()
    client = (await caller(gate.ours, CALLER)).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    wire = await gate.place.connect(None)
    wire.say(first + outgoing.read())
    wire.writer.write_eof()
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            assert len(await wire.reader.read()) <= ALERT_BYTES


async def test_the_caller_is_who_the_balancer_says_and_what_tls_proves(gate: Gate, calls: Calls):
    wire = await secured(gate, preface())
    for _ in range(2):
        assert (await wire.get()).status == 200
        peer = calls.seen[-1].request.peer
        assert (peer.address, peer.identity) == ("203.0.113.9", "spiffe://test/a")
    assert (await (await secured(gate, preface(command=0x20))).get()).status == 200
    assert calls.seen[-1].request.peer.address == "127.0.0.1", "the balancer's own connection"


async def test_a_preface_and_hello_that_come_in_pieces(gate: Gate, calls: Calls):
    wire = await gate.place.connect(None)
    for byte in preface():
        wire.writer.write(bytes([byte]))
        await asyncio.sleep(0)
    await wire.writer.start_tls(await caller(gate.ours, CALLER), server_hostname="localhost")
    assert (await wire.get()).status == 200
    assert calls.seen[-1].request.peer.address == "203.0.113.9"


async def test_a_balancer_that_begins_otherwise_is_refused(gate: Gate, calls: Calls):
    for first in (b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n", b"", SIGNATURE[:4] + b"nonsense", b"\x16\x03\x01"):
        await turned_away(gate, first)
    assert calls.seen == []
    assert gate.failures == {"preface": 4}


async def test_a_balancer_that_only_looks_whether_the_port_is_open(gate: Gate):
    for first in (b"", preface()[:20]):
        wire = await gate.place.connect(None)
        wire.say(first)
        wire.writer.write_eof()
        assert await wire.ended()
    assert not gate.failures


async def test_case_17_from_any_other_address_a_preface_is_no_tls(serve: Serve, tmp_path: pathlib.Path, calls: Calls):
    gate = await Gate(tmp_path, serve, ROOT).open(BalancerSettings(addresses=("192.0.2.0/24",), proxy_protocol=True))
    await turned_away(gate, preface())
    assert gate.failures == {"not_tls": 1}
    assert (await (await gate.connect(CALLER)).get()).status == 200
    assert calls.seen[-1].request.peer.address == "127.0.0.1"


async def test_a_certificate_in_the_preface_is_verified_here(serve: Serve, tmp_path: pathlib.Path, calls: Calls):
    said = BalancerSettings(addresses=("127.0.0.1",), proxy_protocol=True, certificate_from="proxy-protocol")
    gate = await Gate(tmp_path, serve, ROOT).open(said, client_certificate="optional")
    assert (await (await secured(gate, preface(CALLER.der))).get()).status == 200
    peer = calls.seen[-1].request.peer
    assert (peer.address, peer.identity) == ("203.0.113.9", "spiffe://test/a")
    stranger = root("Elsewhere").issue(uri("spiffe://test/a"))
    assert (await (await secured(gate, preface(stranger.der))).get()).status == 401
    assert (await (await secured(gate, preface())).get()).status == 200
    assert calls.seen[-1].request.peer == Peer("203.0.113.9"), "the balancer's own certificate is nobody's"


async def test_tls_is_renewed_behind_a_balancer_too(gate: Gate):
    before = await secured(gate, preface())
    await gate.new_certificate()
    await gate.renew()
    after = await secured(gate, preface())
    shown = [wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True) for wire in (before, after)]
    assert shown[0] != shown[1]
    assert (await before.get()).status == (await after.get()).status == 200


@pytest.mark.parametrize("option", ["send-proxy-v2", "send-proxy-v2-ssl-cn", "send-proxy-v2 proxy-v2-options crc32c"])
async def test_haproxy_passes_connections_on(gate: Gate, calls: Calls, tmp_path: pathlib.Path, option: str):
    config = f"""
listen front
  mode tcp
  bind {{bind}}
  server one 127.0.0.1:{gate.place.listener.port} {option}
"""
    async with haproxy(tmp_path, config) as port:
        context: ssl.SSLContext = await caller(gate.ours, CALLER)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost", local_addr=("127.0.0.9", 0)
        )
        wire = Wire(reader, writer)
        assert (await wire.get()).status == 200
        peer = calls.seen[-1].request.peer
        assert (peer.address, peer.identity) == ("127.0.0.9", "spiffe://test/a")
        writer.close()


async def test_case_16_a_common_name_that_haproxy_tells_is_no_identity(
    serve: Serve, tmp_path: pathlib.Path, calls: Calls
):
    said = BalancerSettings(addresses=("127.0.0.1",), proxy_protocol=True, certificate_from="proxy-protocol")
    gate = Gate(tmp_path, serve, ROOT)
    await gate.open(said, client_certificate="optional")
    config = f"""
listen front
  mode tcp
  bind {{bind}} ssl crt {tmp_path}/server.both ca-file {tmp_path}/clients.pem verify required
  server one 127.0.0.1:{gate.place.listener.port} ssl verify none send-proxy-v2-ssl-cn
"""
    async with haproxy(tmp_path, config) as port:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=await caller(gate.ours, CALLER), server_hostname="localhost"
        )
        assert (await Wire(reader, writer).get()).status == 200
        assert calls.seen[-1].request.peer == Peer("127.0.0.1")
        writer.close()
