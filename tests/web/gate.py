"""A listener whose certificates, authorities and revocation lists a test changes while it serves."""

import asyncio
import pathlib
import ssl
from collections import Counter
from typing import Any

from gateway.secrets import Secrets
from gateway.settings import BalancerSettings, TlsSettings
from gateway.web.balancer import Balancer
from gateway.web.listeners import Front
from gateway.web.tls import Tls, build_tls
from tests.web.authorities import SERVER, Authority, Issued, caller, dns, root
from tests.web.conftest import Place, Serve, Wire

REFUSED = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)


class Gate:
    """`failures` counts handshakes by reason, those as unfinished that take longer than `patience` (seconds).

    `clients` is the root that callers come from, `ours` the listener's.
    """

    def __init__(self, folder: pathlib.Path, serve: Serve, clients: Authority | None = None) -> None:
        self.folder = folder
        self.clients = clients or root("Clients")
        self.ours = root("Ours")
        self.failures: Counter[str] = Counter()
        self.secrets = Secrets(folder, {})
        self.settings = TlsSettings(certificate="file:server.pem", key="file:server.key", client_ca="file:clients.pem")
        self.patience = 60.0
        self._serve = serve
        self._said: BalancerSettings | None = None
        self.place: Place
        self.tls: Tls | None = None
        self.told: asyncio.Queue[str] = asyncio.Queue()

    async def write(self, **contents: bytes) -> None:
        """Files by their names, `_` for the dot."""

        def write() -> None:
            for name, content in contents.items():
                (self.folder / name.replace("_", ".")).write_bytes(content)

        await asyncio.to_thread(write)

    async def new_certificate(self) -> None:
        """Another one for the listener, as it stands in its files."""
        await asyncio.to_thread(self.ours.issue(dns("localhost"), uses=[SERVER]).write, self.folder, "server")

    async def open(self, balancer: BalancerSettings | None = None, **settings: Any) -> "Gate":
        if not await asyncio.to_thread((self.folder / "clients.pem").exists):
            await self.write(clients_pem=self.clients.pem)
        await self.new_certificate()
        values = {name: getattr(self.settings, name) for name in self.settings.__struct_fields__}
        self.settings = TlsSettings(**{**values, **settings})
        self._said = balancer
        front = await self._front()
        self.place = await self._serve(context=front.tls, tls=self.settings, balancer=front.balancer)
        return self

    async def renew(self) -> None:
        """As the process does it when files changed."""
        await self.place.listener.renew(await self._front())

    async def connect(self, shown: Issued | None) -> Wire:
        return await self.place.connect(await caller(self.ours, shown))

    async def refused(self, shown: Issued | None) -> None:
        """A newcomer with this certificate is told in the handshake."""
        try:
            await (await self.connect(shown)).get()
        except REFUSED:
            return
        raise AssertionError("it was let in")

    async def _front(self) -> Front:
        self.tls = await asyncio.to_thread(
            build_tls,
            self.settings,
            self.secrets,
            observe=self._observe,
            handshake_timeout=self.patience,
            before=self.tls,
        )
        said = self._said
        if said is None:
            return Front(self.tls)
        return Front(self.tls, Balancer(said, self.tls.trust, refused=lambda: self._observe("preface")))

    def _observe(self, reason: str) -> None:
        self.failures[reason] += 1
        self.told.put_nowait(reason)
