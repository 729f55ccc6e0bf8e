from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest

NOON = datetime.fromisoformat("2026-03-18T12:00:00+00:00")
ACCESS = {"token": "simulator-only.corbel", "consent": "corbel-consent"}


async def test_without_a_certificate_there_is_no_connection(caller: Any) -> None:
    with pytest.raises(aiohttp.ClientError):
        await caller.get("albion", "/accounts", certificate=caller.material.nobody)
    assert caller.simulation.banks["albion"].state.journal.received == 0


async def test_a_pinned_organisation_or_name_refuses_another_certificate(caller: Any) -> None:
    stranger = caller.material.stranger
    assert (await caller.get("albion", "/accounts", certificate=stranger)).status == 200, "albion pins nobody"
    pennine = await caller.get("pennine", "/accounts", certificate=stranger)
    assert (pennine.status, pennine.json["Errors"][0]["ErrorCode"]) == (403, "U006")
    havel = await caller.get("havel", "/accounts", certificate=stranger)
    assert (havel.status, havel.json["tppMessages"][0]["code"]) == (401, "CERTIFICATE_INVALID")
    assert (await caller.get("lutece", "/accounts", certificate=stranger)).status == 401


async def test_a_token_bound_to_a_name_is_good_with_that_certificate_only(simulate: Any, written: Any) -> None:
    bound = {**ACCESS, "bound_to_common_name": "tpp.gateway.example"}
    async with simulate(written(accesses=[bound])) as caller:
        assert (await caller.get("corbel", "/accounts")).status == 200
        reply = await caller.get("corbel", "/accounts", certificate=caller.material.stranger)
    assert (reply.status, reply.json["tppMessages"][0]["code"]) == (401, "TOKEN_INVALID")


async def test_a_token_bound_to_a_thumbprint_is_good_with_that_certificate_only(simulate: Any, written: Any) -> None:
    async with simulate(written()) as caller:
        await caller.get("corbel", "/accounts")
        thumbprint = caller.simulation.banks["corbel"].state.journal.requests[0].certificate.thumbprint
    async with simulate(written(accesses=[{**ACCESS, "bound_to_thumbprint": thumbprint}])) as caller:
        assert (await caller.get("corbel", "/accounts")).status == 200
        assert (await caller.get("corbel", "/accounts", certificate=caller.material.stranger)).status == 401


async def test_a_token_ends_at_its_second(simulate: Any, written: Any) -> None:
    now = [NOON]
    async with simulate(written(accesses=[{**ACCESS, "token_expires_in": 60}]), clock=lambda: now[0]) as caller:
        now[0] = NOON + timedelta(seconds=59)
        assert (await caller.get("corbel", "/accounts")).status == 200
        now[0] = NOON + timedelta(seconds=60)
        assert (await caller.get("corbel", "/accounts")).status == 401


async def test_a_withdrawn_consent_is_invalid(simulate: Any, written: Any) -> None:
    async with simulate(written(accesses=[{**ACCESS, "status": "revoked"}])) as caller:
        reply = await caller.get("corbel", "/accounts")
    assert (reply.status, reply.json["tppMessages"][0]["code"]) == (401, "CONSENT_INVALID")


async def test_unattended_reads_are_counted_for_each_resource_and_day(simulate: Any, written: Any) -> None:
    now = [NOON]
    file = written(requires={"unattended_per_day": 2}, paging={"size": 5})
    transactions = "/accounts/c%2F1/transactions?bookingStatus=booked&dateFrom=2026-01-01"
    async with simulate(file, clock=lambda: now[0]) as caller:
        for _ in range(2):
            assert (await caller.get("corbel", transactions)).status == 200
            assert (await caller.get("corbel", transactions + "&page=2")).status == 200, "a page is no new read"
        spent = await caller.get("corbel", transactions)
        assert (spent.status, spent.json["tppMessages"][0]["code"]) == (429, "ACCESS_EXCEEDED")
        assert spent.headers["Retry-After"] == "3600"
        assert (await caller.get("corbel", "/accounts/c%2F1/balances")).status == 200, "another resource"
        present = await caller.get("corbel", transactions, headers={"PSU-IP-Address": "192.0.2.7"})
        assert present.status == 200, "the PSU is present"
        now[0] = datetime.fromisoformat("2026-03-18T23:30:00+00:00")
        assert (await caller.get("corbel", transactions)).status == 200, "a new day has begun in Berlin"


@pytest.mark.parametrize(("dialect", "status"), [("uk_openbanking", 429), ("stet", 429)])
async def test_every_dialect_tells_that_the_budget_is_spent(
    simulate: Any, written: Any, dialect: str, status: int
) -> None:
    async with simulate(written(dialect, requires={"unattended_per_day": 0})) as caller:
        reply = await caller.get("corbel", "/accounts")
    assert (reply.status, reply.headers["Retry-After"]) == (status, "3600")


async def test_an_account_may_have_another_id_under_each_consent(simulate: Any, written: Any) -> None:
    other = {"token": "simulator-only.other", "consent": "other-consent"}
    file = written("uk_openbanking", accesses=[ACCESS, other], quirks={"account_ids_per_consent": True})
    async with simulate(file) as caller:
        ids = []
        for access in (ACCESS, other):
            reply = await caller.get("corbel", "/accounts", token=access["token"])
            ids.append([account["AccountId"] for account in reply.json["Data"]["Account"]])
        assert not set(ids[0]) & set(ids[1])
        assert (await caller.get("corbel", f"/accounts/{ids[0][0]}/balances")).status == 200
        assert (await caller.get("corbel", f"/accounts/{ids[1][0]}/balances")).status == 400


@pytest.mark.parametrize("accept", ["*/*", "application/*", "text/html, application/json;q=0.5", "APPLICATION/JSON"])
async def test_what_accept_takes(caller: Any, accept: str) -> None:
    assert (await caller.get("albion", "/accounts", headers={"Accept": accept})).status == 200
