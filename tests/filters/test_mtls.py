import pytest

from gateway.errors import Forbidden, Unauthenticated
from gateway.exchange import Peer
from tests.filters.calling import CALLER, THUMBPRINT

ROUTE = """
routes:
  - name: banks-list
    method: GET
    path: /v1/banks
    operation: banks.list
    filters: [{name: mtls%s}]
"""


def policy(*allow):
    return ROUTE % (f", allow: [{', '.join(repr(one) for one in allow)}]" if allow else "")


async def test_every_verified_certificate_where_none_is_listed(gateway_of):
    gateway = gateway_of(policy())
    await gateway.call("/v1/banks")
    await gateway.call("/v1/banks", peer=Peer(address="192.0.2.1", thumbprint=THUMBPRINT))


async def test_case_16_no_certificate(gateway_of):
    for allow in ((), ("spiffe://test/service/books",)):
        with pytest.raises(Unauthenticated, match="needs a client certificate"):
            await gateway_of(policy(*allow)).call("/v1/banks", peer=Peer(address="192.0.2.1"))


@pytest.mark.parametrize(
    ("allow", "identity", "welcome"),
    [
        ("spiffe://test/service/books", "spiffe://test/service/books", True),
        ("spiffe://test/service/books", "spiffe://test/service/book", False),
        ("spiffe://test/service/books", "spiffe://test/service/books2", False),
        ("spiffe://test/service/books", "spiffe://test/service/books/x", False),
        ("spiffe://test/service/books", "SPIFFE://TEST/service/books", False),
        ("spiffe://test/*", "spiffe://test/service/books", True),
        ("spiffe://test/*", "spiffe://test.attacker/service/books", False),
        ("spiffe://test/*", "spiffe://test", False),
        ("spiffe://test/*", None, False),
        ("books.test", "books.test", True),
        ("CN=books,O=Acme", "CN=books,O=Acme", True),
    ],
)
async def test_identities_are_exact_or_below_a_prefix(gateway_of, allow, identity, welcome):
    gateway = gateway_of(policy(allow, "spiffe://elsewhere/only"))
    peer = Peer(address="192.0.2.1", identity=identity, thumbprint=THUMBPRINT)
    if welcome:
        await gateway.call("/v1/banks", peer=peer)
    else:
        with pytest.raises(Forbidden):
            await gateway.call("/v1/banks", peer=peer)


async def test_case_17_a_certificate_in_a_header_is_none(gateway_of):
    gateway = gateway_of(policy())
    spoofed = {"Client-Cert": ":MIIB:", "X-Forwarded-Client-Cert": "Hash=1", "X-SSL-Client-Verify": "SUCCESS"}
    with pytest.raises(Unauthenticated):
        await gateway.call("/v1/banks", spoofed, peer=Peer(address=CALLER.address))
