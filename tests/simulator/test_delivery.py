import asyncio
import contextlib
from typing import Any

import aiohttp
import pytest

BANKS = {
    "albion": ("/accounts/alb-1001/transactions", ("Data", "Transaction")),
    "pennine": ("/accounts/7d1f0c52-1a6e-4a39-9a57-31c0c3a6a001/transactions", ("Data", "Transaction")),
    "havel": (
        "/accounts/5f6a6c3c-2f7e-4a55-8a0e-0f7d4f6f0001/transactions?bookingStatus=booked&dateFrom=2026-01-01",
        ("transactions", "booked"),
    ),
    "lutece": ("/accounts/90004200012345678/transactions", ("transactions",)),
}


async def put(caller: Any, bank: str, *faults: dict[str, object]) -> None:
    reply = await caller.admin("PUT", f"/banks/{bank}/faults", {"faults": faults})
    assert reply.status == 200, reply.body


def records(reply: Any, path: tuple[str, ...]) -> list[Any]:
    found = reply.json
    for step in path:
        found = found[step]
    return found


@pytest.mark.parametrize("bank", BANKS)
async def test_429_comes_in_the_dialects_words_with_retry_after(caller: Any, bank: str) -> None:
    await put(caller, bank, {"kind": "429", "retry_after": "7", "count": 1})
    limited = await caller.get(bank, "/accounts")
    assert (limited.status, limited.headers["Retry-After"]) == (429, "7")
    assert (await caller.get(bank, "/accounts")).status == 200, "one call was asked for"


async def test_retry_after_may_be_a_date(caller: Any) -> None:
    await put(caller, "havel", {"kind": "429", "retry_after": "Wed, 18 Mar 2026 12:00:30 GMT"})
    reply = await caller.get("havel", "/accounts")
    assert reply.headers["Retry-After"] == "Wed, 18 Mar 2026 12:00:30 GMT"
    assert reply.json["tppMessages"][0]["code"] == "ACCESS_EXCEEDED"


@pytest.mark.parametrize("bank", BANKS)
async def test_500_comes_in_the_dialects_words(caller: Any, bank: str) -> None:
    await put(caller, bank, {"kind": "500", "count": 2})
    replies = [await caller.get(bank, "/accounts") for _ in range(3)]
    assert [reply.status for reply in replies] == [500, 500, 200]
    expected = {"havel": "tppMessages", "lutece": "message"}.get(bank, "Errors")
    assert expected in replies[0].json


async def test_latency_delays_the_answer(caller: Any) -> None:
    await put(caller, "albion", {"kind": "latency", "milliseconds": 150, "count": 1})
    loop = asyncio.get_running_loop()
    before = loop.time()
    assert (await caller.get("albion", "/accounts")).status == 200
    assert loop.time() - before >= 0.15


@pytest.mark.parametrize("bank", BANKS)
async def test_half_a_body_ends_early(caller: Any, bank: str) -> None:
    await put(caller, bank, {"kind": "half_body", "count": 1})
    with pytest.raises(aiohttp.ClientPayloadError):
        await caller.get(bank, "/accounts")
    assert (await caller.get(bank, "/accounts")).status == 200
    journal = caller.simulation.banks[bank].state.journal
    assert [(seen.faults, seen.status) for seen in journal.requests] == [(("half_body",), None), ((), 200)]
    assert (journal.received, journal.answered) == (2, 1)


async def test_a_reset_is_a_reset(caller: Any) -> None:
    await put(caller, "albion", {"kind": "reset", "count": 1})
    port = caller.simulation.banks["albion"].port
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=caller.material.registered)
    try:
        writer.write(b"GET /albion/open-banking/v3.1/aisp/accounts HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_slow_drip_comes_in_drops_and_whole(caller: Any) -> None:
    whole = (await caller.get("albion", "/accounts/alb-1005")).body
    await put(caller, "albion", {"kind": "slow_drip", "milliseconds": 10, "drop_bytes": 100, "count": 1})
    running = caller.simulation.banks["albion"]
    headers = {
        "Authorization": "Bearer simulator-only.albion.amelia",
        "x-fapi-interaction-id": "0c4c9d5e-3b83-4f7c-9d0a-2f3f9f7f6a11",
        "x-fapi-financial-id": "0015800001ALBNQAAX",
    }
    url = f"{running.base_url}/accounts/alb-1005"
    loop = asyncio.get_running_loop()
    before = loop.time()
    async with caller.session.get(url, headers=headers, ssl=caller.material.registered) as response:
        drops = [drop async for drop, _ in response.content.iter_chunks()]
    assert b"".join(drops) == whole
    assert len(drops) > 1
    assert loop.time() - before >= 0.01 * (len(whole) // 100)


@pytest.mark.parametrize("bank", BANKS)
async def test_a_malformed_record_stands_inside_a_good_page(caller: Any, bank: str) -> None:
    resource, path = BANKS[bank]
    good = records(await caller.get(bank, resource), path)
    await put(caller, bank, {"kind": "malformed_record", "operation": "transactions.list", "count": 1})
    assert (await caller.get(bank, "/accounts")).status == 200, "another operation meets no fault"
    spoilt = records(await caller.get(bank, resource), path)
    assert len(spoilt) == len(good)
    bad = [index for index, row in enumerate(spoilt) if row != good[index]]
    assert bad == [len(good) // 2]
    amount = spoilt[bad[0]].get("Amount") or spoilt[bad[0]]["transactionAmount"]
    assert "see the statement" in amount.values()
    assert records(await caller.get(bank, resource), path) == good, "the built page was not spoilt"


async def test_a_client_that_leaves_in_the_middle_of_a_drip_is_no_error(
    simulate: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with simulate() as caller:
        await put(caller, "albion", {"kind": "slow_drip", "milliseconds": 20, "drop_bytes": 16, "count": 1})
        running = caller.simulation.banks["albion"]
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port, ssl=caller.material.registered)
        writer.write(b"GET /albion/open-banking/v3.1/aisp/accounts HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400")
        writer.transport.abort()
        assert (await caller.get("albion", "/accounts")).status == 200
    assert [seen.status for seen in running.state.journal.requests] == [None, 200]
    assert caplog.records == []


async def test_a_malformed_account_has_lost_its_members(caller: Any) -> None:
    await put(caller, "lutece", {"kind": "malformed_record", "operation": "accounts.list", "count": 1})
    accounts = (await caller.get("lutece", "/accounts")).json["accounts"]
    assert accounts[len(accounts) // 2] == {"unexpected": "This record was cut off"}


async def test_a_page_without_records_can_not_be_spoilt(caller: Any) -> None:
    await put(caller, "lutece", {"kind": "malformed_record"})
    assert (await caller.get("lutece", "/accounts/90004200077700011/transactions")).status == 204


async def test_faults_add_up(caller: Any) -> None:
    await put(
        caller,
        "havel",
        {"kind": "latency", "milliseconds": 30, "count": 1},
        {"kind": "malformed_record", "count": 1},
        {"kind": "slow_drip", "milliseconds": 1, "drop_bytes": 4096, "count": 1},
    )
    reply = await caller.get("havel", "/accounts")
    assert {"unexpected": "This record was cut off"} in reply.json["accounts"]
    assert caller.simulation.banks["havel"].state.faults.listed() == ()


async def test_a_file_may_set_faults(simulate: Any, written: Any) -> None:
    async with simulate(written(faults=[{"kind": "500", "operation": "balances.list", "count": 1}])) as caller:
        assert (await caller.get("corbel", "/accounts")).status == 200
        assert (await caller.get("corbel", "/accounts/c-2/balances")).status == 500
        assert (await caller.get("corbel", "/accounts/c-2/balances")).status == 200
