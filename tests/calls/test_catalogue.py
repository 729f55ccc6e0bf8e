import pytest

from gateway.calls.catalogue import Health
from gateway.errors import NotFound, RequestInvalid

HAVEL = {
    "id": "havel",
    "title": "Havel",
    "dialect": "testing",
    "version": "1",
    "environment": "sandbox",
    "country": "CZ",
    "operations": ["accounts.list", "accounts.get", "balances.list", "transactions.list"],
    "capabilities": {"never": ["label"]},
}


async def test_the_banks_with_their_health_of_now(counter):
    asked = counter()
    assert await asked.ask("banks.list") == {"banks": [{**HAVEL, "health": {"status": "up", "since": None}}]}
    asked.health = Health("down", "2026-11-22T10:15:00.000Z")
    down = {**HAVEL, "health": {"status": "down", "since": "2026-11-22T10:15:00.000Z"}}
    assert await asked.ask("banks.get", bank="havel") == down
    assert asked.asked == []


async def test_a_bank_that_is_not_served(counter):
    with pytest.raises(NotFound):
        await counter().ask("banks.get", bank="other")


@pytest.mark.parametrize("operation", ["banks.list", "banks.get"])
async def test_the_catalogue_takes_no_parameters(counter, operation):
    with pytest.raises(RequestInvalid):
        await counter().ask(operation, query="a=b", bank="havel")
