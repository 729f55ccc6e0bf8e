"""Who calls through a balancer, and what it is worth when somebody else says the same; cases of our attack list."""

import asyncio
import base64
import pathlib
import ssl
import urllib.parse
from collections.abc import Awaitable, Callable

import pytest

from gateway.exchange import Peer
from gateway.secrets import Secrets
from gateway.settings import BalancerSettings
from gateway.web.balancer import Balancer
from gateway.web.trust import read_trust
from tests.web.authorities import SERVER, Issued, caller, dns, now, root, uri
from tests.web.balancers import envoy, haproxy
from tests.web.conftest import Calls, Place, Serve

ROOT, OURS = root("Clients"), root("Ours")
BETWEEN = ROOT.below("Between")
CALLER = BETWEEN.issue(uri("spiffe://test/a"))
REVOKED = BETWEEN.issue(uri("spiffe://test/revoked"))
STRANGER = root("Elsewhere").issue(uri("spiffe://test/a"))
HERE, ELSEWHERE = ("127.0.0.1",), ("192.0.2.0/24",)

Behind = Callable[..., Awaitable[Place]]


def as_bytes(content: bytes) -> str:
    return f":{base64.b64encode(content).decode()}:"


def as_client_cert(shown: Issued) -> list[str]:
    first, *others = shown.ders
    lines = [f"Client-Cert: {as_bytes(first)}"]
    return [*lines, f"Client-Cert-Chain: {', '.join(map(as_bytes, others))}"] if others else lines


def as_xfcc(shown: Issued) -> str:
    return f'X-Forwarded-Client-Cert: Cert="{urllib.parse.quote(shown.pem.decode())}"'


@pytest.fixture
def ignored() -> list[int]:
    return []


@pytest.fixture
async def behind(serve: Serve, tmp_path: pathlib.Path, ignored: list[int]) -> Behind:
    """A plain listener behind a balancer of certain addresses."""

    async def open_behind(addresses: tuple[str, ...] = HERE, **settings: object) -> Place:
        said = BalancerSettings(addresses=addresses, client_ca="file:ca.pem", **settings)  # type: ignore[arg-type]

        def build() -> Balancer:
            (tmp_path / "ca.pem").write_bytes(ROOT.pem + BETWEEN.pem)
            (tmp_path / "all.crl").write_bytes(ROOT.revoke() + BETWEEN.revoke(REVOKED))
            trust = read_trust("file:ca.pem", ["file:all.crl"], Secrets(tmp_path, {}), now())
            return Balancer(said, trust, lambda: ignored.append(1), lambda: ignored.append(2))

        return await serve(balancer=await asyncio.to_thread(build))

    return open_behind


async def peer_of(place: Place, calls: Calls, *lines: str) -> Peer:
    answer = await (await place.connect()).get("/v1/things", *lines)
    assert answer.status == 200, answer.body
    return calls.seen[-1].request.peer


async def test_a_certificate_that_is_handed_on_is_the_callers(behind: Behind, calls: Calls):
    place = await behind(certificate_from="client-cert")
    wire = await place.connect()
    for shown, identity in ((CALLER, "spiffe://test/a"), (BETWEEN.issue(uri("spiffe://test/b")), "spiffe://test/b")):
        await wire.get("/v1/things", *as_client_cert(shown))
        assert calls.seen[-1].request.peer.identity == identity
    await wire.get()
    assert calls.seen[-1].request.peer == Peer("127.0.0.1"), "each request of a connection speaks for itself"


async def test_case_17_from_every_other_address_it_says_nothing(behind: Behind, calls: Calls, ignored: list[int]):
    for source in ("client-cert", "x-forwarded-client-cert"):
        place = await behind(ELSEWHERE, certificate_from=source, address_from="x-forwarded-for")
        nobody = Peer("127.0.0.1")
        for lines in (
            as_client_cert(CALLER),
            [as_xfcc(CALLER)],
            [as_client_cert(CALLER)[0], "Connection: client-cert"],
            [as_client_cert(CALLER)[0].replace("Client-Cert", "Client_Cert")],
            [as_client_cert(CALLER)[0].replace("Client-Cert", "CLIENT-CERT")],
            ["X-Forwarded-For: 192.0.2.7"],
            ["Forwarded: for=192.0.2.7"],
        ):
            before = len(ignored)
            assert await peer_of(place, calls, *lines) == nobody
            assert len(ignored) == before + 1
        assert await peer_of(place, calls, "X-SSL-Client-Verify: SUCCESS") == nobody


async def test_case_17_only_the_field_that_the_balancer_sets_counts(behind: Behind, calls: Calls):
    place = await behind(certificate_from="client-cert")
    for line in (
        as_xfcc(CALLER),
        as_client_cert(CALLER)[0].replace("Client-Cert", "Client_Cert"),
        as_client_cert(CALLER)[0].replace("Client-Cert", "X-Client-Cert"),
        "X-SSL-Client-Cert: 1",
        "X-Forwarded-For: 192.0.2.7",
    ):
        assert await peer_of(place, calls, line) == Peer("127.0.0.1")


@pytest.mark.parametrize(
    ("lines", "status", "told"),
    [
        (as_client_cert(STRANGER), 401, "does not come from an authority"),
        (as_client_cert(REVOKED), 401, "is revoked"),
        (as_client_cert(BETWEEN.issue(ends=now())), 401, "has expired"),
        (as_client_cert(CALLER)[:1] * 2, 400, "must stand once"),
        (as_client_cert(CALLER)[1:] or ["Client-Cert-Chain: :AA==:"], 400, "must stand once, and before a chain"),
        (["Client-Cert: MIIB"], 400, "must be a byte sequence"),
        (["Client-Cert: :MIIB:;x=1"], 400, "must be a byte sequence"),
        ([as_client_cert(CALLER)[0] + ", :MIIB:"], 400, "must be a byte sequence"),
        (["Client-Cert: :bm9uc2Vuc2U=:"], 401, "can not be read"),
        (["Client-Cert: ::"], 401, "can not be read"),
    ],
)
async def test_case_18_what_is_handed_on_is_verified_here(
    behind: Behind, calls: Calls, lines: list[str], status: int, told: str
):
    place = await behind(certificate_from="client-cert")
    answer = await (await place.connect()).get("/v1/things", *lines)
    assert answer.status == status
    assert told in answer.problem["detail"]
    assert answer.closing
    assert calls.seen == []


async def test_what_was_verified_is_remembered_no_longer_than_it_holds(
    behind: Behind, calls: Calls, monkeypatch: pytest.MonkeyPatch
):
    place = await behind(certificate_from="client-cert")
    await peer_of(place, calls, *as_client_cert(CALLER))
    assert (await peer_of(place, calls, *as_client_cert(CALLER))).identity == "spiffe://test/a"
    later = now().timestamp() + 86400 * 1.5
    monkeypatch.setattr("gateway.web.balancer.time.time", lambda: later)
    answer = await (await place.connect()).get("/v1/things", *as_client_cert(CALLER))
    assert "can not be known now" in answer.problem["detail"]


@pytest.mark.parametrize(
    ("settings", "line", "address"),
    [
        ({"address_from": "x-forwarded-for"}, "X-Forwarded-For: 203.0.113.9, 192.0.2.7", "192.0.2.7"),
        ({"address_from": "x-forwarded-for", "depth": 2}, "X-Forwarded-For: 198.51.100.1, 203.0.113.9, 192.0.2.7",
         "203.0.113.9"),
        ({"address_from": "x-forwarded-for"}, "X-Forwarded-For: [2001:db8::1]:4711", "2001:db8::1"),
        ({"address_from": "x-forwarded-for"}, "X-Forwarded-For: 192.0.2.7:4711", "192.0.2.7"),
        ({"address_from": "x-forwarded-for"}, "Forwarded: for=192.0.2.7", "127.0.0.1"),
        ({"address_from": "forwarded"}, 'Forwarded: for=1.2.3.4, For="[2001:db8::1]:4711";proto=https', "2001:db8::1"),
        ({"address_from": "forwarded"}, "Forwarded: proto=https;for=192.0.2.7;by=203.0.113.43", "192.0.2.7"),
        ({"address_from": "forwarded"}, "X-Forwarded-For: 192.0.2.7", "127.0.0.1"),
        ({}, "X-Forwarded-For: 192.0.2.7", "127.0.0.1"),
    ],
)  # fmt: skip
async def test_case_28_the_callers_address_by_depth(
    behind: Behind, calls: Calls, settings: dict[str, object], line: str, address: str
):
    assert (await peer_of(await behind(**settings), calls, line)).address == address


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"address_from": "x-forwarded-for", "depth": 3}, "X-Forwarded-For: 1.2.3.4, 192.0.2.7"),
        ({"address_from": "x-forwarded-for"}, "X-Forwarded-For: 192.0.2.7, unknown"),
        ({"address_from": "x-forwarded-for"}, "X-Forwarded-For: 192.0.2.7,"),
        ({"address_from": "x-forwarded-for"}, "X-Forwarded-For: 127.1"),
        ({"address_from": "forwarded"}, "Forwarded: for=_hidden"),
        ({"address_from": "forwarded"}, "Forwarded: proto=https"),
        ({"address_from": "forwarded"}, 'Forwarded: for="192.0.2.7'),
    ],
)
async def test_case_28_an_address_that_can_not_be_told_is_refused(
    behind: Behind, settings: dict[str, object], line: str
):
    answer = await (await (await behind(**settings)).connect()).get("/v1/things", line)
    assert (answer.status, answer.problem["code"]) == (400, "request_invalid")
    assert "192.0.2.7" not in answer.body.decode()


async def get(port: int, context: ssl.SSLContext, *lines: str) -> bytes:
    """One GET over TLS, to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    head = ["GET /v1/things HTTP/1.1", "Host: localhost", "Connection: close", *lines]
    writer.write("\r\n".join([*head, "", ""]).encode())
    try:
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


async def test_haproxy_hands_certificates_on_as_rfc_9440_writes_it(
    behind: Behind, calls: Calls, tmp_path: pathlib.Path
):
    await asyncio.to_thread(OURS.issue(dns("localhost"), uses=[SERVER]).write, tmp_path, "server")
    place = await behind(certificate_from="client-cert", address_from="x-forwarded-for")
    config = f"""
frontend front
  mode http
  bind {{bind}} ssl crt {tmp_path}/server.both ca-file {tmp_path}/ca.pem verify optional
  http-request del-header Client-Cert-Chain
  http-request del-header Client-Cert
  http-request set-header Client-Cert :%[ssl_c_der,base64]: if {{ ssl_c_used }}
  option forwardfor
  default_backend gateway
backend gateway
  mode http
  server one 127.0.0.1:{place.listener.port}
"""
    async with haproxy(tmp_path, config) as port:
        spoofs = (*as_client_cert(STRANGER), "X-Forwarded-For: 203.0.113.9")
        assert (await get(port, await caller(OURS, CALLER), *spoofs)).startswith(b"HTTP/1.1 200")
        peer = calls.seen[-1].request.peer
        assert (peer.identity, peer.address, peer.thumbprint is not None) == ("spiffe://test/a", "127.0.0.1", True)
        assert (await get(port, await caller(OURS), *as_client_cert(CALLER))).startswith(b"HTTP/1.1 200")
        assert calls.seen[-1].request.peer == Peer("127.0.0.1"), "it asked for a certificate, and got none"
        told = await get(port, await caller(OURS, REVOKED))
        assert told.startswith(b"HTTP/1.1 401"), "HAProxy knows no revocation list here; the gateway does"
        assert len(calls.seen) == 2


async def test_envoy_hands_certificates_on_in_its_own_field(behind: Behind, calls: Calls, tmp_path: pathlib.Path):
    await asyncio.to_thread(OURS.issue(dns("localhost"), uses=[SERVER]).write, tmp_path, "server")
    place = await behind(certificate_from="x-forwarded-client-cert", address_from="x-forwarded-for")
    config = f"""
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {{port}}}}}}
    filter_chains:
    - transport_socket:
        name: tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            tls_certificates:
            - certificate_chain: {{filename: {tmp_path}/server.pem}}
              private_key: {{filename: {tmp_path}/server.key}}
            validation_context: {{trusted_ca: {{filename: {tmp_path}/ca.pem}}}}
      filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: front
          use_remote_address: true
          forward_client_cert_details: SANITIZE_SET
          set_current_client_cert_details: {{cert: true, chain: true, uri: true, subject: true}}
          http_filters:
          - name: router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts:
            - {{name: all, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: gateway}}}}]}}
  clusters:
  - name: gateway
    type: STATIC
    load_assignment:
      cluster_name: gateway
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {{socket_address: {{address: 127.0.0.1, port_value: {place.listener.port}}}}}
"""
    async with envoy(tmp_path, config) as port:
        spoofs = (as_xfcc(STRANGER), "X-Forwarded-For: 203.0.113.9")
        assert (await get(port, await caller(OURS, CALLER), *spoofs)).startswith(b"HTTP/1.1 200")
        peer = calls.seen[-1].request.peer
        assert (peer.identity, peer.thumbprint is not None) == ("spiffe://test/a", True)
        assert peer.address != "203.0.113.9", "Envoy writes an address of its own machine for a caller on loopback"
        assert (await get(port, await caller(OURS), as_xfcc(CALLER))).startswith(b"HTTP/1.1 200")
        assert calls.seen[-1].request.peer.identity is None
        assert (await get(port, await caller(OURS, REVOKED))).startswith(b"HTTP/1.1 401")
        assert len(calls.seen) == 2
