"""Simulated banks over real TLS sockets, on one fixed day, with the clients that call them."""

import contextlib
import functools
import pathlib
import ssl
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest
import trustme

from gateway.simulator.data_file import SHIPPED
from gateway.simulator.server import Options, Simulation, serve

# A Wednesday in winter time; the day before yesterday is the last whose card rows are booked.
NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)


class Material(msgspec.Struct, frozen=True):
    certificate: pathlib.Path
    key: pathlib.Path
    authorities: pathlib.Path
    registered: ssl.SSLContext
    stranger: ssl.SSLContext
    nobody: ssl.SSLContext


class Reply(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.Decoder(float_hook=Decimal).decode(self.body)


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1")
    server.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    authority.cert_pem.write_to_path(str(folder / "authorities.pem"))

    def client(name: str | None, organisation: str = "") -> ssl.SSLContext:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        if name is not None:
            authority.issue_cert(name, common_name=name, organization_name=organisation).configure_cert(context)
        return context

    return Material(
        certificate=folder / "server.pem",
        key=folder / "server.pem",
        authorities=folder / "authorities.pem",
        registered=client("tpp.gateway.example", "Example Gateway Ltd"),
        stranger=client("tpp.elsewhere.example", "Somebody Else Ltd"),
        nobody=client(None),
    )


class Caller:
    """Calls the banks of one simulation; headers that a dialect requires are there unless a test says otherwise."""

    def __init__(self, simulation: Simulation, material: Material, session: aiohttp.ClientSession) -> None:
        self.simulation = simulation
        self.material = material
        self.session = session

    async def get(
        self,
        bank: str,
        resource: str,
        *,
        token: str | None = None,
        headers: dict[str, str | None] | None = None,
        certificate: ssl.SSLContext | None = None,
        method: str = "GET",
    ) -> Reply:
        running = self.simulation.banks[bank]
        access = next((one for one in running.bank.accesses if one.token == token), running.bank.accesses[0])
        sent: dict[str, str | None] = {"Authorization": f"Bearer {token or access.token}"}
        if running.bank.dialect == "uk_openbanking":
            sent |= {
                "x-fapi-interaction-id": str(uuid.uuid4()),
                "x-fapi-financial-id": running.bank.requires.financial_id,
            }
        else:
            sent["X-Request-ID"] = str(uuid.uuid4())
        if running.bank.dialect == "berlin_group":
            sent["Consent-ID"] = access.consent
        sent |= headers or {}
        url = resource if resource.startswith("https:") else f"{running.base_url}{resource}"
        given = {name: value for name, value in sent.items() if value is not None}
        context = certificate or self.material.registered
        async with self.session.request(method, _url(url), headers=given, ssl=context) as response:
            return Reply(response.status, dict(response.headers), await response.read())

    async def admin(self, method: str, resource: str, document: object = None) -> Reply:
        url = self.simulation.admin_url + resource
        async with self.session.request(method, url, json=document) as response:
            return Reply(response.status, dict(response.headers), await response.read())


def _url(text: str) -> Any:
    return aiohttp.client.URL(text, encoded=True)


Simulate = Callable[..., AbstractAsyncContextManager[Caller]]


@pytest.fixture
def simulate(material: Material) -> Simulate:
    """Serves files (the shipped one by default), with a clock that stands still unless another is given."""
    return functools.partial(_simulate, material)


@contextlib.asynccontextmanager
async def _simulate(
    material: Material, file: pathlib.Path = SHIPPED, clock: Callable[[], datetime] = lambda: NOON
) -> AsyncIterator[Caller]:
    options = Options(
        certificate=material.certificate,
        key=material.key,
        client_authorities=material.authorities,
        files=(file,),
        clock=clock,
    )
    connector = aiohttp.TCPConnector(force_close=True)
    async with serve(options) as simulation, aiohttp.ClientSession(connector=connector) as session:
        yield Caller(simulation, material, session)


@pytest.fixture
async def caller(simulate: Simulate) -> AsyncIterator[Caller]:
    """The shipped banks."""
    async with simulate() as calling:
        yield calling


Written = Callable[..., pathlib.Path]


@pytest.fixture
def written(tmp_path: pathlib.Path) -> Written:
    """Writes a data file of one small bank, `corbel`; keywords replace its settings."""

    def write(dialect: str = "berlin_group", **settings: object) -> pathlib.Path:
        versions = {"uk_openbanking": "3.1.11", "berlin_group": "1.3.11", "stet": "1.5"}
        bank = {
            "title": "Corbel Bank",
            "dialect": dialect,
            "version": versions[dialect],
            "zone": "Europe/Berlin",
            "bic": "CORBDEFFXXX",
            "base_path": "/api/v1",
            "port": 18499,
            "accesses": [{"token": "simulator-only.corbel", "consent": "corbel-consent"}],
            "accounts": [
                {
                    "id": "c/1",
                    "name": "Current",
                    "kind": "current",
                    "holder": "Runa Feld",
                    "balances": {"EUR": "1500.00"},
                    "identifications": [{"scheme": "iban", "value": "DE49999500000123456789"}],
                    "habits": ["life"],
                    "days": 30,
                },
                {"id": "c-2", "name": "Empty", "kind": "current", "holder": "Runa Feld", "balances": {"EUR": "0.00"}},
            ],
            "habits": {
                "life": [
                    {"kind": "card", "party": "Kiosk", "text": "KIOSK", "between": ["-9.50", "-1.10"], "every_days": 2},
                    {
                        "kind": "transfer_in",
                        "party": "Mara Feld",
                        "text": "RENT SHARE",
                        "between": ["300.00", "300.00"],
                        "every_days": 5,
                    },
                ]
            },
            **settings,
        }
        file = tmp_path / "corbel.yaml"
        file.write_bytes(msgspec.json.encode({"banks": {"corbel": bank}}))
        return file

    return write
