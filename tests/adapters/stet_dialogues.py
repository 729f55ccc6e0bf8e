"""Calls of a STET bank in Paris, and the bank's side of a dialogue, without a network."""

from datetime import UTC, datetime
from typing import Any

import pytest
from multidict import CIMultiDict

from adapters.stet import OPERATIONS, Deviations
from gateway.contract import BankCall, BankProfile, BankRequest, BankResponse, Dialogue, Document

BASE = "https://api.bank.example/stet/psd2/v1"


def bank(*, zone: str = "Europe/Paris", headers: tuple[tuple[str, str], ...] = (), **deviations: Any) -> BankProfile:
    return BankProfile(
        name="bank",
        title="Bank",
        dialect="stet",
        version="1.5",
        zone=zone,
        base_urls={"default": BASE},
        headers=headers,
        deviations=Deviations(**deviations),
    )


def call(operation: str = "accounts.list", profile: BankProfile | None = None, **settings: Any) -> BankCall:
    if operation in {"balances.list", "transactions.list", "accounts.get"}:
        settings.setdefault("account", "A1")
    return BankCall(
        operation=operation,
        bank=profile or bank(),
        access_token="the-token",
        interaction_id="8a9f1f0e-6f0c-4c52-9d5b-0f6d1b8c7a10",
        now=datetime(2026, 11, 22, 23, 30, tzinfo=UTC),
        new_id=lambda: "5b0f9c1e-0a53-4a1b-8e0e-4d8a5a3c2f11",
        **settings,
    )


def begin(asked: BankCall) -> tuple[Dialogue, BankRequest]:
    """The dialogue, and the request that it waits to be answered."""
    dialogue = OPERATIONS[asked.operation](asked)
    request = next(dialogue)
    assert isinstance(request, BankRequest)
    return dialogue, request


def request_of(asked: BankCall) -> BankRequest:
    return begin(asked)[1]


def response(status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None) -> BankResponse:
    return BankResponse(
        status=status, headers=CIMultiDict(headers or {}), body=body, url=f"{BASE}/accounts", request_id="attempt"
    )


def answer(asked: BankCall, answered: BankResponse) -> Document:
    """What the dialogue returns once the bank has answered; raises what it raises."""
    dialogue, _ = begin(asked)
    with pytest.raises(StopIteration) as end:
        dialogue.send(answered)
    document = end.value.value
    assert isinstance(document, Document)
    return document
