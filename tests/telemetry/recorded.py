"""Records of calls as the parts of the gateway leave them."""

import time
from typing import Any

from gateway.exchange import Attempt, CallRecord, MappingRecord, Peer, Principal, RouteFacts
from gateway.telemetry.calls import Telemetry
from gateway.telemetry.traces import new_span_id

ROUTE = RouteFacts(
    name="transactions",
    method="GET",
    template="/v1/accounts/{account_id}/transactions",
    operation="transactions.list",
    timeout=5.0,
    body_limit=0,
)
INTERACTION = "0f8fad5b-d9cb-469f-a165-70867728950e"


def filled(record: CallRecord, *attempts: Attempt, mapping: MappingRecord | None = None) -> CallRecord:
    """A record as a call to a bank leaves it."""
    record.route = ROUTE
    record.bank, record.dialect = "albion-sandbox", "uk_openbanking"
    record.consent_hash = "9f86d081884c7d65"
    record.interaction_id = INTERACTION
    record.principal = Principal("subject-1", "ledger-service", "tenant-1", frozenset({"accounts"}))
    record.attempts.extend(attempts)
    if mapping is not None:
        record.mappings.append(mapping)
    return record


def attempt(**changes: Any) -> Attempt:
    """An attempt that was answered with 200 after five milliseconds."""
    now = time.time_ns()
    known: dict[str, Any] = {
        "target": "albion-sandbox",
        "operation": "transactions.list",
        "method": "GET",
        "url": "https://api.albion.example:9443/open-banking/v3.1/aisp/accounts/22289/transactions?from=2026-01-01",
        "span_id": new_span_id(),
        "request_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "resend": 0,
        "started": now - 5_000_000,
        "ended": now,
        "status": 200,
    }
    return Attempt(**{**known, **changes})


def finish(telemetry: Telemetry, record: CallRecord, **changes: Any) -> None:
    """Ends a call as the door does."""
    known: dict[str, Any] = {
        "method": "GET",
        "path": "/v1/accounts/acc-1234/transactions",
        "peer": Peer("192.0.2.7", "spiffe://bank.example/ledger", "thumb"),
        "status": 200,
        "sent": 1400,
        "error": None,
    }
    telemetry.finish(record, **{**known, **changes})
