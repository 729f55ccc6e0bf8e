"""An answer of a bank as it is kept for review: one header and the body are of bytes that are no text."""

from datetime import UTC, datetime

from gateway.store.reviews import Review

REVIEW = Review(
    kept_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    bank="albion",
    operation="accounts.list",
    reason="the signature does not fit the body",
    method="GET",
    url="https://api.albion.example/accounts",
    status=200,
    headers=((b"Content-Type", b"application/json"), (b"X-Odd", b"\xff")),
    body=b"CANARY \xff\x00",
)
