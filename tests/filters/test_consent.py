import pytest

from gateway.contract import Psu
from gateway.errors import ConsentExpired, NotFound, RequestInvalid
from tests.filters.calling import a_record


async def wrong(gateway, **headers):
    sent = {**gateway.authorised(), **{name.replace("_", "-"): value for name, value in headers.items()}}
    with pytest.raises(RequestInvalid) as caught:
        await gateway.call(headers={name: value for name, value in sent.items() if value is not None})
    return [error["name"] for error in caught.value.members["errors"]]


async def test_the_consent_of_the_callers_tenant_is_found(gateway_of):
    gateway, record = gateway_of(), a_record()
    await gateway.call(headers=gateway.authorised(), record=record)
    exchange = gateway.innermost.exchanges[0]
    assert (exchange.consent.id, exchange.consent.bank) == ("consent-1", "havel")
    assert exchange.psu is None
    assert record.consent_hash == "hash of 9"


async def test_another_tenants_consent_looks_like_none(gateway_of):
    gateway = gateway_of()
    details = set()
    for tenant, consent_id in (("acme", "consent-2"), ("umbrella", "consent-1")):
        with pytest.raises(NotFound) as caught:
            await gateway.call(headers={**gateway.authorised(tenant=tenant), "Consent-Id": consent_id})
        details.add((caught.value.detail, caught.value.code))
    assert len(details) == 1


async def test_a_consent_that_has_ended_is_told_by_the_store(gateway_of):
    class Ended:
        async def find(self, _tenant, _consent_id):
            raise ConsentExpired

    gateway = gateway_of(consents=Ended())
    with pytest.raises(ConsentExpired):
        await gateway.call(headers=gateway.authorised())


async def test_no_consent_is_named(gateway_of):
    assert await wrong(gateway_of(), Consent_Id=None) == ["consent-id"]


@pytest.mark.parametrize("value", ["", "a b", "a/b", "x" * 129, "c\u00f6nsent", "../consent-1"])
async def test_a_consent_id_that_is_none(gateway_of, value):
    assert await wrong(gateway_of(), Consent_Id=value) == ["consent-id"]


async def test_two_consents_are_named(gateway_of):
    gateway = gateway_of()
    with pytest.raises(RequestInvalid):
        await gateway.call(headers=[*gateway.authorised().items(), ("consent-id", "consent-1")])


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7"])
async def test_a_psu_is_present(gateway_of, address):
    gateway = gateway_of()
    await gateway.call(headers={**gateway.authorised(), "PSU-IP-Address": address, "PSU-User-Agent": "Browser/1 (x)"})
    assert gateway.innermost.exchanges[0].psu == Psu(ip_address=address, user_agent="Browser/1 (x)")


@pytest.mark.parametrize(
    "address", ["", "192.0.2", "192.0.2.256", "192.0.2.07", "fe80::1%eth0", "localhost", "1", "192.0.2.1, 10.0.0.1"]
)
async def test_an_address_that_is_none(gateway_of, address):
    assert await wrong(gateway_of(), PSU_IP_Address=address) == ["psu-ip-address"]


async def test_everything_that_is_wrong_is_told_at_once(gateway_of):
    names = await wrong(gateway_of(), Consent_Id="a b", PSU_IP_Address="x", PSU_User_Agent="\t" * 600)
    assert names == ["consent-id", "psu-ip-address", "psu-user-agent"]


async def test_an_agent_without_an_address_says_nothing(gateway_of):
    assert await wrong(gateway_of(), PSU_User_Agent="Browser/1") == ["psu-user-agent"]
