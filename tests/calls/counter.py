"""A bank of canned pages behind a desk, and everything that the operations stand on, without a network."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import msgspec
from multidict import CIMultiDict

from gateway.banks.origins import Origins
from gateway.calls import Catalogue, Desk, Parts, build_operations
from gateway.calls.catalogue import CatalogueEntry, Health
from gateway.consents.ready import Ready, ReadyConsents
from gateway.contract import BankCall, BankProfile, BankRequest, BankResponse, Dialogue, Document
from gateway.exchange import (
    CallRecord,
    Consent,
    Exchange,
    Grant,
    Outgoing,
    Peer,
    Principal,
    Request,
    RouteFacts,
)
from gateway.mapping.library import Library
from gateway.secrets import Sealer, Secret
from tests.mapping.laboratory import ACCOUNTS, TRANSACTIONS, bound

BASE = "https://bank.example/api"
CONSENT = Consent("consent-1", "acme", "havel", "bank-consent", "ada")
ACCOUNTS_GET = "mapping: testing/accounts.get\nversion: 1\nextends: testing/accounts.list\n"
BALANCES = """
mapping: testing/balances.list
version: 1
shape: 1/rows
target: balance
records: $.rows[*]
fields:
  type: {const: CLBD}
  amount: {value: {path: $.amount, as: decimal}, currency: {path: $.currency, as: currency}}
"""
MAPPINGS = (ACCOUNTS, ACCOUNTS_GET, BALANCES, TRANSACTIONS)


class Speech:
    """A dialect that asks with what it was given spelt in the URL, and hands on what the bank said."""

    NAME = "testing"
    VERSIONS = ("1",)
    Deviations = msgspec.Struct

    def __init__(self) -> None:
        self.calls: list[BankCall] = []
        self.OPERATIONS = dict.fromkeys(
            ("accounts.list", "accounts.get", "balances.list", "transactions.list"), self.converse
        )

    def converse(self, call: BankCall) -> Dialogue:
        self.calls.append(call)
        url = call.next_url or f"{BASE}/{call.operation}" + (f"/{call.account}" if call.account else "")
        response = yield BankRequest(method="GET", url=url)
        return Document(
            body=response.body,
            headers=response.headers,
            url=url,
            request_id=response.request_id,
            form=response.headers.get("Form", ""),
            next=response.headers.get("Next"),
        )

    def next_url(self, bank: BankProfile, link: str, document_url: str) -> str:
        del bank
        if link == "unreadable":
            raise ValueError
        return urljoin(document_url, link)


class Counter:
    """The operations over a bank that answers `pages` by the last part of a URL; a page is JSON, bytes or a failure."""

    def __init__(self, library: Library, pages: Mapping[str, Any], grants: tuple[Grant, ...] = ()) -> None:
        self.pages = dict(pages)
        self.asked: list[str] = []
        self.now = datetime(2026, 11, 22, 10, 15, 30, 125000, UTC)
        self.dialect = Speech()
        self.consents = ReadyConsents((Ready(CONSENT, None, Secret(b"token"), grants),), lambda: self.now)
        profile = BankProfile(
            name="havel", title="Havel", dialect="testing", version="1", zone="UTC", base_urls={"default": BASE}
        )
        names = ("accounts.list", "accounts.get", "balances.list", "transactions.list")
        mappings = {name: bound(library, f"testing/{name}") for name in names}
        self.desk = Desk(profile, self.dialect, self.send, Origins([BASE]), mappings)
        entry = CatalogueEntry("havel", "Havel", "testing", "1", "sandbox", "CZ", names, {"never": ("label",)})
        self.health = Health("up", None)
        self.sealer = Sealer([Secret(b"k" * 32)])
        self.record = CallRecord("0" * 31 + "1", "0" * 15 + "2", "", "", sampled=False, started=0)
        self.operations = build_operations(
            Parts(
                desks={"havel": self.desk},
                catalogue=Catalogue({"havel": entry}, lambda _: self.health),
                consents=self.consents,
                sealer=self.sealer,
                clock=lambda: self.now,
                new_id=lambda: "00000000-0000-4000-8000-000000000001",
            )
        )

    async def send(self, outgoing: Outgoing) -> BankResponse:
        url = outgoing.request.url
        self.asked.append(url.removeprefix(BASE))
        page = self.pages[url.rpartition("/")[2]]
        if isinstance(page, Exception):
            raise page
        headers = page.pop("headers", {}) if isinstance(page, dict) else {}
        body = page if isinstance(page, bytes) else json.dumps(page).encode()
        return BankResponse(status=200, headers=headers, body=body, url=url, request_id=f"request {len(self.asked)}")

    async def ask(
        self,
        operation: str,
        account: str | None = None,
        query: str | None = None,
        *,
        consent: Consent | None = CONSENT,
        client: str = "service",
        tenant: str = "acme",
        **parameters: str,
    ) -> Any:
        """The contract's page. Raises what the operation raises."""
        request = Request("GET", "/v1", query, CIMultiDict(), Peer("127.0.0.1"), _no_body, _no_stream)
        facts = RouteFacts("one", "GET", "/v1", operation, 5.0, 0)
        if account is not None:
            parameters["account_id"] = account
        deadline = asyncio.get_running_loop().time() + 5
        principal = Principal("service", client, tenant, frozenset())
        exchange = Exchange(request, facts, parameters, deadline, self.record, principal, consent)
        response = await self.operations[operation](exchange)
        assert (response.status, response.headers) == (200, (("Content-Type", "application/json"),))
        assert isinstance(response.body, bytes)
        return json.loads(response.body)

    def later(self, **passed: float) -> None:
        """Lets time pass."""
        self.now += timedelta(**passed)


async def _no_body(_limit: int) -> bytes:
    return b""


async def _no_stream() -> Any:
    return
    yield b""
