"""Certificates on disk change under a gateway that serves: taken whole, or refused whole and told."""

import asyncio
import base64
import json
import pathlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import trustme

from gateway import settings
from gateway.app.crew import Alone
from gateway.app.process import Gateway
from gateway.banks.registry import Bank
from gateway.files import Layers
from gateway.telemetry.calls import Telemetry, TelemetrySettings
from tests.app.house import BANK, build, write

pytestmark = pytest.mark.usefixtures("few_files")


class Watched(Gateway):
    """A gateway of which a test can await what it does about secrets that changed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renewals: asyncio.Queue[bool] = asyncio.Queue()
        self.reloads: asyncio.Queue[bool] = asyncio.Queue()

    async def renew(self) -> bool:
        done = await super().renew()
        self.renewals.put_nowait(done)
        return done

    async def judge(self, held: Layers) -> bool:
        done = await super().judge(held)
        self.reloads.put_nowait(done)
        return done


@pytest.fixture
async def gateway(tmp_path: pathlib.Path) -> AsyncIterator[Watched]:
    build(tmp_path)
    secrets, first = tmp_path / "secrets", tmp_path / "secrets" / "..1"
    first.mkdir()
    for name in ("server.pem", "server.key"):
        (secrets / name).rename(first / name)
        (secrets / name).symlink_to(f"..data/{name}")
    (secrets / "..data").symlink_to("..1")
    telemetry = Telemetry(TelemetrySettings())
    made = Watched(settings.load({}, tmp_path / "gateway.yaml"), telemetry)
    await made.open()
    yield made
    await made.close()
    await asyncio.to_thread(telemetry.close)


def banks_of(gateway: Gateway) -> dict[str, Bank]:
    assert isinstance(gateway.crew, Alone)
    return gateway.crew.process.generation.registry.banks


def issue(folder: pathlib.Path) -> bytes:
    """A new certificate and key in a folder; returns the certificate in DER."""
    folder.mkdir(exist_ok=True)
    leaf = trustme.CA().issue_cert("localhost")
    (folder / "server.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    (folder / "server.key").write_bytes(leaf.private_key_pem.bytes())
    return ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())


async def shown(gateway: Gateway) -> bytes:
    """The certificate that a newcomer is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.ports()["service"], ssl=context)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    assert isinstance(certificate, bytes)
    return certificate


async def told(gateway: Gateway) -> tuple[dict[str, Any], str]:
    ports = {name: listener.port for name, listener in gateway.listeners.items()}
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{ports['admin']}/status") as response:
            state = json.loads(await response.read())
        async with session.get(f"http://127.0.0.1:{ports['health']}/metrics") as response:
            return state, await response.text()


async def test_a_mounted_secret_that_is_swapped_is_shown_to_newcomers(gateway: Watched, tmp_path: pathlib.Path) -> None:
    secrets = tmp_path / "secrets"
    new = issue(secrets / "..2")
    assert await shown(gateway) != new
    (secrets / "..new").symlink_to("..2")
    (secrets / "..new").rename(secrets / "..data")
    assert await asyncio.wait_for(gateway.renewals.get(), 20) is True
    assert await shown(gateway) == new
    assert gateway.reloads.empty(), "the listeners' certificates alone changed"


async def test_a_set_that_can_not_be_used_is_refused_and_the_old_one_goes_on(
    gateway: Watched, tmp_path: pathlib.Path
) -> None:
    before = await shown(gateway)
    issue(tmp_path / "elsewhere")
    key = tmp_path / "secrets" / "..1" / "server.key"
    key.write_bytes((tmp_path / "elsewhere" / "server.key").read_bytes())
    assert await gateway.renew() is False
    assert await shown(gateway) == before
    state, metrics = await told(gateway)
    (problem,) = state["certificates_refusal"]
    assert "listeners.service.tls: file:server.pem, file:server.key: the key does not belong" in problem
    assert "\ngateway_certificates_refused_total 1" in metrics
    assert '\ngateway_certificate_expiry_timestamp_seconds{name="service"} ' in metrics
    assert '\ngateway_certificate_expiry_timestamp_seconds{name="service:client_ca"} ' in metrics


async def test_a_bank_is_shown_the_new_client_certificate_on_new_connections(
    gateway: Watched, tmp_path: pathlib.Path
) -> None:
    certificates = "certificates: {certificate: 'file:two/server.pem', key: 'file:two/server.key'}\n"
    issue(tmp_path / "secrets" / "two")
    write(tmp_path, "adapters/banks/two.yaml", BANK % ("two", "two") + certificates)
    assert await asyncio.wait_for(gateway.reloads.get(), 20) is True
    first = banks_of(gateway)
    issue(tmp_path / "secrets" / "two")
    while not await asyncio.wait_for(gateway.reloads.get(), 20):
        pass  # the certificate was written and its key not yet
    second = banks_of(gateway)
    assert second["two"].way.conditions.identity != first["two"].way.conditions.identity
    assert second["one"].way is first["one"].way, "its connections and its circuit are kept"
    assert gateway.renewals.empty()


async def test_an_upstream_is_shown_the_new_client_certificate_or_the_files_are_refused(
    gateway: Watched, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "secrets" / "plain"
    issue(folder)
    tls = "{certificate: 'file:plain/server.pem', key: 'file:plain/server.key'}"
    upstream = f"{{url: 'https://127.0.0.1:9', tls: {tls}}}"
    route = f"{{name: plain, method: GET, path: /plain, public: true, filters: [], upstream: {upstream}}}"
    write(tmp_path, "policies/plain.yaml", f"routes:\n  - {route}")
    assert await asyncio.wait_for(gateway.reloads.get(), 20) is True
    (folder / "server.key").write_text("nonsense")
    assert await asyncio.wait_for(gateway.reloads.get(), 20) is False
    (told_of,) = gateway.last_refusal
    assert "plain.yaml:2:" in told_of
    assert "certificate and key must be in PEM form" in told_of
    issue(folder)
    while not await asyncio.wait_for(gateway.reloads.get(), 20):
        pass  # the certificate was written and its key not yet


async def test_behind_a_balancer_the_gateway_verifies_what_it_is_handed(tmp_path: pathlib.Path) -> None:
    path = build(tmp_path)
    authority, stranger = trustme.CA(), trustme.CA()
    (tmp_path / "secrets" / "callers.pem").write_bytes(authority.cert_pem.bytes())
    before, after = path.read_text().split("    tls:\n")
    balancer = "{addresses: [127.0.0.1], certificate_from: client-cert, client_ca: 'file:callers.pem', identity: dns}"
    path.write_text(before + f"    balancer: {balancer}\n" + after.split("\n", 1)[1])
    telemetry = Telemetry(TelemetrySettings())
    made = Gateway(settings.load({}, path), telemetry)
    await made.open()
    url = f"http://127.0.0.1:{made.ports()['service']}/v1/accounts"

    async def call(authority: trustme.CA | None) -> str:
        handed = {"Client-Cert": f":{handed_on(authority)}:"} if authority is not None else {}
        async with aiohttp.ClientSession() as session, session.get(url, headers=handed) as response:
            assert response.status == 401
            return str(json.loads(await response.read())["detail"])

    def handed_on(authority: trustme.CA) -> str:
        pem = authority.issue_cert("books.example").cert_chain_pems[0].bytes().decode()
        return base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode()

    assert await call(None) == "This route needs a client certificate."
    assert "does not come from an authority" in await call(stranger)
    assert await call(authority) == "An access token is required."
    (tmp_path / "secrets" / "callers.pem").write_bytes(stranger.cert_pem.bytes())
    assert await made.renew() is True
    assert "does not come from an authority" in await call(authority)
    assert await call(stranger) == "An access token is required."
    (tmp_path / "secrets" / "callers.pem").write_bytes(b"nonsense")
    assert await made.renew() is False
    (refusal,) = made.certificates.last_refusal or (await made.state())["certificates_refusal"]
    assert "listeners.service.balancer: file:callers.pem: must hold authorities' certificates" in refusal
    assert await call(stranger) == "An access token is required."
    await made.close()
    await asyncio.to_thread(telemetry.close)
