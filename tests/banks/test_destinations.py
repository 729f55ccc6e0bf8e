import pytest

from gateway.banks.destinations import PublicResolver, is_public
from gateway.errors import BankUnreachable


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)
def test_special_addresses_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8"])
def test_others_are(address):
    assert is_public(address)


async def test_a_name_that_leads_inside_is_not_resolved():
    resolver = PublicResolver()
    with pytest.raises(OSError, match="not public"):
        await resolver.resolve("localhost", 443)
    await resolver.close()


async def test_a_bank_on_the_internet_is_not_reached_on_a_private_address(listen, reach, outgoing):
    bank = await listen(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    url = bank.base_url.replace("127.0.0.1", "localhost")
    with pytest.raises(BankUnreachable, match="name"):
        await reach(url, private=False).send(outgoing(f"{url}/a"))
    assert bank.connections == 0
    assert (await reach(url, private=True).send(outgoing(f"{url}/a"))).status == 200
