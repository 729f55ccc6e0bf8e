from datetime import UTC, datetime

from gateway.simulator.journal import Journal
from gateway.simulator.received import Certificate, Received


def received(headers: dict[str, tuple[str, ...]]) -> Received:
    return Received(
        method="GET",
        path="/accounts",
        query="",
        headers=headers,
        certificate=Certificate(common_name=None, organisation=None, organisation_identifier=None, thumbprint=""),
        origin="https://127.0.0.1",
        at=datetime(2026, 3, 18, tzinfo=UTC),
    )


def test_no_secret_is_kept_in_any_form() -> None:
    journal = Journal()
    secrets = ("Bearer canary-one", "canary-two", "Basic Y2FuYXJ5")
    seen = journal.enter(received({"authorization": secrets, "cookie": ("id=canary-three",)}), None, ())
    assert len(seen.headers) == 4
    assert all("canary" not in value and "Y2FuYXJ5" not in value for _, value in seen.headers)
    assert seen.headers[0][1].startswith("Bearer sha256:")
    assert seen.headers[1][1].startswith("sha256:")


def test_only_the_last_requests_are_kept_while_the_counters_go_on() -> None:
    journal = Journal()
    for _ in range(250):
        journal.leave(journal.enter(received({}), "accounts.list", ()), 200)
    assert len(journal.requests) == 200
    assert (journal.received, journal.answered, journal.statuses[200]) == (250, 250, 250)
