"""The same two calls, answered from banks of three dialects: the same fields, in the same words."""

from decimal import Decimal
from typing import Any

from gateway.demo.calls import Service
from gateway.demo.screen import Screen
from gateway.demo.stage import Stage
from gateway.demo.steps.proving import ALBION, HAVEL, LUTECE, prove, records

THREE = (ALBION, HAVEL, LUTECE)
_DIALECTS = ("UK Open Banking", "Berlin Group", "STET")
_WIDEST = 30


def accounts(stage: Stage, screen: Screen) -> None:
    """GET /v1/accounts under three consents."""
    service = Service(stage)
    screen.asked("GET /v1/accounts, with the Consent-Id of three people at three banks")
    found = [records(screen, service.get("/v1/accounts", one.id), "accounts", one) for one in THREE]
    shown = [_first(page, "type", "current") for page in found]
    _side_by_side(screen, shown)
    screen.say("A dash is a null: this bank did not say it, and the gateway does not guess.", "dim")
    _prove_alike(screen, found)


def transactions(stage: Stage, screen: Screen) -> None:
    """GET /v1/accounts/{account_id}/transactions, and the page after it."""
    service = Service(stage)
    screen.asked("GET /v1/accounts/{account_id}/transactions")
    first, shown, next_found = [], [], []
    for consent in THREE:
        page = records(screen, service.get("/v1/accounts", consent.id), "accounts", consent)
        path = f"/v1/accounts/{_first(page, 'type', 'current')['id']}/transactions"
        answer = service.get(path, consent.id)
        rows = records(screen, answer, "transactions", consent)
        first.append(rows)
        shown.append(_first([row for row in rows if row["counterparty"]] or rows, "status", "booked"))
        more = service.get(f"{path}?cursor={answer.json['next']}", consent.id)
        next_found.append(records(screen, more, "transactions", consent))
    _side_by_side(screen, shown)
    _prove_alike(screen, first)
    money = [row["amount"] for rows in first for row in rows]
    prove(
        screen,
        all(isinstance(one["value"], str) and Decimal(one["value"]).is_finite() for one in money),
        f"all {len(money)} amounts are decimal strings, minus is a debit, whatever the bank wrote",
    )
    apart = all(_ids(one).isdisjoint(_ids(other)) for one, other in zip(first, next_found, strict=True))
    counts = " and ".join(str(len(rows)) for rows in next_found)
    prove(screen, apart, f"each page's cursor leads to the next: {counts} further rows, none of them twice")


def _prove_alike(screen: Screen, pages: list[list[dict[str, Any]]]) -> None:
    fields = {tuple(row) for page in pages for row in page}
    count = sum(len(page) for page in pages)
    prove(screen, len(fields) == 1, f"{count} records of three banks have the same {len(min(fields))} fields")


def _first(rows: list[dict[str, Any]], field: str, value: str) -> dict[str, Any]:
    return next((row for row in rows if row[field] == value), rows[0])


def _ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["id"] for row in rows}


def _side_by_side(screen: Screen, shown: list[dict[str, Any]]) -> None:
    headings = ("", *(f"{one.bank} ({dialect})" for one, dialect in zip(THREE, _DIALECTS, strict=True)))
    rows = [(field, *(_short(record[field]) for record in shown)) for field in shown[0]]
    screen.columns(headings, [row for row in rows if set(row[1:]) != {"-"}])


def _short(value: Any) -> str:
    match value:
        case None | [] | "":
            return "-"
        case {"value": amount, "currency": currency}:
            text = f"{amount} {currency}"
        case {"mapping": mapping}:
            text = str(mapping)
        case dict():
            text = ", ".join(_short(item) for item in value.values() if item not in (None, [])) or "-"
        case [first, *rest]:
            text = _short(first) + (f" (+{len(rest)})" if rest else "")
        case bool():
            text = "yes" if value else "no"
        case _:
            text = str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
