"""Calls of the Berlin Group dialect, and its dialogues without a network: what is asked, what becomes of an answer."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec

from adapters.berlin_group import OPERATIONS, Deviations
from gateway.contract import BankCall, BankProfile, BankRequest, BankResponse, Document, Psu

BASE = "https://bank.example/psd2/v1"
NOW = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)


class Headers(dict[str, str]):
    """Headers as an adapter gets them: names in any case."""

    def __init__(self, given: dict[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in given.items()})

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key.lower(), default)


def profile(*, base_urls: dict[str, str] | None = None, headers=(), client_id=None, **deviations: Any) -> BankProfile:
    return BankProfile(
        name="bank",
        title="A Bank",
        dialect="berlin_group",
        version="1.3.11",
        zone="Europe/Berlin",
        base_urls=base_urls or {"default": BASE},
        headers=headers,
        client_id=client_id,
        deviations=msgspec.convert(deviations, Deviations),
    )


def make_call(operation: str, *, bank: BankProfile | None = None, **given: Any) -> BankCall:
    given.setdefault("account", None if operation == "accounts.list" else "acc-1")
    return BankCall(
        operation=operation,
        bank=bank or profile(),
        access_token="token-1",
        bank_consent_id="consent-1",
        interaction_id="6f1a0001-0000-4000-8000-000000000000",
        now=NOW,
        new_id=lambda: "6f1a0002-0000-4000-8000-000000000000",
        **given,
    )


def ask(call: BankCall) -> BankRequest:
    """The request that a call begins with."""
    request = next(OPERATIONS[call.operation](call))
    assert isinstance(request, BankRequest)
    return request


def answer(call: BankCall, body: bytes = b"{}", status: int = 200, **headers: str) -> Document:
    """The document of a call that is answered so; raises what the dialogue raises."""
    dialogue = OPERATIONS[call.operation](call)
    request = next(dialogue)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = BankResponse(status=status, headers=Headers(named), body=body, url=request.url, request_id="r-1")
    try:
        dialogue.send(response)
    except StopIteration as end:
        return end.value
    raise AssertionError("the dialogue asks again")


PRESENT = Psu(ip_address="192.0.2.7", user_agent="Browser/1")
A_DAY = date(2026, 3, 1)
