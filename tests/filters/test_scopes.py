import pytest

from gateway.errors import ScopeMissing
from tests.filters.calling import DEFAULTS, ROUTE

TWO = DEFAULTS + ROUTE.replace("[{name: consent}]", "[{name: scopes, all: [accounts, balances]}, {name: consent}]")


async def test_all_scopes_are_there(gateway_of):
    gateway = gateway_of(TWO)
    await gateway.call(headers=gateway.authorised(scope="other balances accounts"))


@pytest.mark.parametrize("scope", ["", "accounts", "accounts balance", "Accounts balances", None])
async def test_a_scope_that_is_missing_is_named_with_the_others(gateway_of, scope):
    gateway = gateway_of(TWO)
    with pytest.raises(ScopeMissing, match="This route needs: accounts, balances") as caught:
        await gateway.call(headers=gateway.authorised(scope=scope))
    challenge = dict(caught.value.headers)["WWW-Authenticate"]
    assert challenge == 'Bearer error="insufficient_scope", scope="accounts balances"'


async def test_a_missing_scope_is_told_before_anything_of_a_consent(gateway_of):
    gateway = gateway_of(TWO)
    headers = gateway.authorised(scope="other")
    del headers["Consent-Id"]
    with pytest.raises(ScopeMissing):
        await gateway.call(headers=headers)
