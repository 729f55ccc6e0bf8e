"""Walks recorded banks through a gateway's service door: accounts, then balances and transactions, all pages of each.

The gateway is a process of its own and its banks are recordings over mutual TLS; its operator's layer is written from
walks.yaml. Each call of the contract is kept with the requests that it made the gateway send.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml

from gateway.demo.calls import Service
from gateway.demo.children import end
from gateway.demo.folder import TENANT, Consented, Folder
from gateway.demo.stage import Stage, ports_of, start_gateway
from tests.corpus.readings import read_embedded_balances, read_page
from tests.corpus.recorded_walks import Conversation, Counts
from tests.corpus.replay import Exchange, RecordedBank, serve
from tests.e2e.surroundings import check_answer
from tests.telemetry.receiving import receiving

MOST_PAGES = 30
# Of one gateway: it compiles mappings for each bank, and whoever starts it waits half a minute at most.
MOST_BANKS = 20
_KNOWN = "known-{}"
# What banks sign of a request stands in the files of their bases; the keys are the operator's.
_SEAL = {
    "id": "ours",
    "algorithm": "RS256",
    "key": "file:banks/seal.key",
    "certificate": "file:banks/seal.pem",
}
_CERTIFICATES = {
    "certificate": "file:banks/client.pem",
    "key": "file:banks/client.key",
    "server_ca": "file:banks/simulator-ca.pem",
}


class Call(msgspec.Struct, frozen=True):
    """One call of the contract: of which list, its answer's status and body, and what went to the bank for it."""

    kind: str
    status: int
    body: Mapping[str, Any]
    exchanges: tuple[Exchange, ...]


class Walked(msgspec.Struct, frozen=True):
    """A conversation after its walk."""

    conversation: Conversation
    calls: tuple[Call, ...]

    @property
    def exchanges(self) -> list[Exchange]:
        return [exchange for call in self.calls for exchange in call.exchanges]

    @property
    def unmatched(self) -> dict[str, Exchange]:
        """Requests that no pair answered, by method and target."""
        found = (one for one in self.exchanges if one.file is None)
        return {f"{one.received.method} {one.received.target}": one for one in found}

    @property
    def unasked(self) -> dict[str, None]:
        """Recorded pages of account reading that no request was answered with."""
        answered = {exchange.file for exchange in self.exchanges}
        return {page.file: None for page in self.conversation.pages if page.file not in answered}

    @property
    def gaps(self) -> dict[str, int]:
        """Why lists ended before their end, by the contract's word."""
        told = [gap for call in self.calls if (gap := (call.body.get("incomplete") or {}).get("gap"))]
        return {gap: told.count(gap) for gap in told}

    @property
    def failures(self) -> list[Call]:
        """Calls that were answered with a problem though the bank had answered all that it was asked."""
        failed = (call for call in self.calls if call.status != 200)
        return [call for call in failed if all(exchange.file is not None for exchange in call.exchanges)]

    @property
    def counts(self) -> Counts:
        """What the contract told."""
        pages = sum(call.kind == "transactions" and call.status == 200 for call in self.calls)
        return Counts(*(self.records(kind) for kind in ("accounts", "balances", "transactions")), pages)

    def records(self, kind: str) -> int:
        """How many records of a kind the contract told."""
        return sum(len(call.body[kind]) for call in self.calls if call.kind == kind and call.status == 200)

    def left_out(self, kind: str) -> int:
        """How many records of a kind it left out, and said so."""
        told = (call.body.get("incomplete") or {} for call in self.calls if call.kind == kind)
        return sum(incomplete.get("left_out", 0) for incomplete in told)

    def recorded(self, kind: str) -> int:
        """How many records of a kind the bank's answers held, by the harness's own reading.

        Balances that stand in a list of accounts are read from it for each account: the list counts once.
        """
        pages = {page.file: page for page in self.conversation.pages}
        calls = [call for call in self.calls if call.kind == kind and call.status == 200]
        asked = [pages[one.file] for call in calls for one in call.exchanges if one.file in pages]
        lists = {page.file: page for page in asked if kind == "balances" and page.kind == "accounts"}
        within = sum(_balances_within(page.body) for page in lists.values())
        return within + sum(len(read_page(page.kind, page.body)) for page in asked if page.kind == kind)


def _balances_within(body: bytes) -> int:
    accounts = {account.bank_id for account in read_page("accounts", body)}
    return sum(read_embedded_balances(body, account) for account in accounts)


async def walk_all(conversations: Iterable[Conversation], root: Path) -> list[Walked]:
    """Serves the recordings, starts gateways in front of them, and walks through all, one after the other."""
    walks, walked = list(conversations), []
    with receiving() as receiver:
        for start in range(0, len(walks), MOST_BANKS):
            folder = Folder(root / str(start))
            walked += await _walk_some(walks[start : start + MOST_BANKS], folder, receiver.endpoint)
    return walked


async def _walk_some(walks: list[Conversation], folder: Folder, receiver: str) -> list[Walked]:
    folder.write_credentials([_consented(one) for one in walks])
    async with _served(walks, folder) as banks:
        _write_files(folder, walks, banks, receiver)
        gateway = start_gateway(folder, "gateway")
        try:
            service = Service(Stage(folder, ports_of(gateway), "", receiver, (gateway,)))
            return [await asyncio.to_thread(_walk, one, banks[one.name], service) for one in walks]
        finally:
            end([gateway])


def _walk(one: Conversation, bank: RecordedBank, service: Service) -> Walked:
    headers = {"PSU_IP_Address": one.psu_address} if one.psu_address else {}
    calls: list[Call] = []

    def ask(kind: str, path: str) -> Iterator[Call]:
        cursor: str | None = ""
        for _ in range(MOST_PAGES):
            before = len(bank.journal)
            answer = check_answer(service.get(path + (f"?cursor={cursor}" if cursor else ""), one.name, **headers))
            call = Call(kind, answer.status, answer.json, tuple(bank.journal[before:]))
            calls.append(call)
            yield call
            cursor = call.body.get("next")
            if cursor is None:
                return
            # The cursor holds what was asked for.
            path = path.partition("?")[0]
        raise AssertionError(f"{one.name}: a list without an end: {path}")

    accounts = [record["id"] for call in ask("accounts", "/v1/accounts") for record in call.body.get("accounts", ())]
    accounts += [_KNOWN.format(number) for number, _ in enumerate(one.walk.known)]
    days = f"?from={one.walk.first}" + (f"&to={one.walk.last}" if one.walk.last else "")
    for account in dict.fromkeys(accounts):
        for kind, query in (("balances", ""), ("transactions", days)):
            for _ in ask(kind, f"/v1/accounts/{account}/{kind}{query}"):
                pass
    return Walked(one, tuple(calls))


@asynccontextmanager
async def _served(walks: Iterable[Conversation], folder: Folder) -> AsyncIterator[dict[str, RecordedBank]]:
    """The recorded banks by name; like real ones, they let nobody in without a client certificate."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder.banks / "client-ca.pem"))
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(folder.banks / "server.pem", folder.banks / "server.key")
    async with AsyncExitStack() as stack:
        yield {one.name: await stack.enter_async_context(serve(one.recording, tls)) for one in walks}


def _write_files(folder: Folder, walks: list[Conversation], banks: Mapping[str, RecordedBank], receiver: str) -> None:
    """What an operator writes: settings, a file for each bank, and the consents."""
    addresses = {_bank(one): banks[one.name].base_url for one in walks}
    folder.write_settings([_consented(one) for one in walks], addresses, receiver)
    for one in walks:
        written = {**one.bank_file(addresses[_bank(one)]), "certificates": _CERTIFICATES, "signing": {"keys": [_SEAL]}}
        folder.write(f"adapters/banks/{_bank(one)}.yaml", yaml.safe_dump(written, sort_keys=False))
    consents = {"consents": [_consent(one) for one in walks]}
    (folder.root / "consents.yaml").write_text(yaml.safe_dump(consents, sort_keys=False))


def _consented(one: Conversation) -> Consented:
    return Consented(one.name, _bank(one), one.name, one.token, one.consent or "")


def _consent(one: Conversation) -> dict[str, Any]:
    known = [
        {"account_id": _KNOWN.format(number), "resource_id": resource} for number, resource in enumerate(one.walk.known)
    ]
    written: dict[str, Any] = {"id": one.name, "tenant": TENANT, "bank": _bank(one), "accounts": known}
    written["access_token"] = f"file:tokens/{one.name}"
    return written if one.consent is None else {**written, "bank_consent_id": one.consent}


def _bank(one: Conversation) -> str:
    """A name of its own: what it extends may have the conversation's."""
    return f"recorded-{one.name}"
