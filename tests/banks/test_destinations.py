"""Where a name leads is looked at once, and what was looked at is what is connected to."""

import asyncio
import socket

import pytest

from gateway.banks import destinations
from gateway.banks.destinations import CheckedResolver
from gateway.errors import BankUnreachable

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
METADATA = "169.254.169.254"


class Names:
    """The system's resolver with answers of our own: the n-th question gets the n-th answer, the last for ever."""

    def __init__(self, monkeypatch, *answers):
        self.asked = 0
        self._answers = answers
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", self.getaddrinfo)

    async def getaddrinfo(self, _host, port, **_hints):
        addresses = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


async def test_a_name_that_leads_inside_is_not_resolved():
    resolver = CheckedResolver("public")
    with pytest.raises(OSError, match="may not be called"):
        await resolver.resolve("localhost", 443)
    await resolver.close()


@pytest.mark.parametrize("network", ["public", "private"])
@pytest.mark.parametrize("addresses", [(METADATA,), ("93.184.215.14", METADATA), ("0.0.0.0",)])
async def test_one_address_that_is_never_called_refuses_the_whole_name(monkeypatch, network, addresses):
    Names(monkeypatch, addresses)
    resolver = CheckedResolver(network)
    with pytest.raises(OSError, match="may not be called"):
        await resolver.resolve("bank.example", 443)
    await resolver.close()


async def test_a_bank_on_the_internet_is_not_reached_on_a_private_address(listen, reach, outgoing):
    bank = await listen(EMPTY)
    url = bank.base_url.replace("127.0.0.1", "localhost")
    with pytest.raises(BankUnreachable, match="name"):
        await reach(url, private=False).send(outgoing(f"{url}/a"))
    assert bank.connections == 0
    assert (await reach(url, private=True).send(outgoing(f"{url}/a"))).status == 200


async def test_a_name_that_leads_elsewhere_the_second_time_gains_nothing(monkeypatch, listen, reach, outgoing):
    """DNS rebinding: the first answer passes the check, the second would lead to where nobody looked."""
    checked, other = await listen(EMPTY), await listen(EMPTY)
    seen = []

    def note(address, _network):
        seen.append(address)
        return address == "127.0.0.1"

    monkeypatch.setattr(destinations, "may_be_called", note)
    names = Names(monkeypatch, ("127.0.0.1",), ("127.0.0.2",))
    port = checked.base_url.rpartition(":")[2]
    url = f"http://rebinding.example:{port}"
    way = reach(url, private=False)
    assert (await way.send(outgoing(f"{url}/a"))).status == 200
    assert (names.asked, seen) == (1, ["127.0.0.1"]), "resolved once, and the address that was checked is connected to"
    assert (checked.connections, other.connections) == (1, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_never_followed(listen, reach, outgoing, status):
    elsewhere = await listen(EMPTY)
    head = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.base_url}/b\r\nContent-Length: 0\r\n\r\n"
    bank = await listen(head.encode())
    answer = await reach(bank.base_url).send(outgoing(f"{bank.base_url}/a"))
    assert answer.status == status
    assert (len(bank.requests), elsewhere.connections) == (1, 0)


async def test_no_proxy_of_the_environment_is_asked(monkeypatch, listen, reach, outgoing):
    bank, proxy = await listen(EMPTY), await listen(EMPTY)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.base_url)
    assert (await reach(bank.base_url).send(outgoing(f"{bank.base_url}/a"))).status == 200
    assert proxy.connections == 0
