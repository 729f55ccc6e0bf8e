"""Which addresses a bank's name may lead to: public ones, unless its file says that the bank is on a private network.

The name is resolved once, and the address that was checked is the one that is connected to, so that a name which
answers differently the second time gains nothing (DNS rebinding).
"""

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver


def is_public(address: str) -> bool:
    """Whether an IP address is reachable over the internet, by IANA's special-purpose registries.

    An IPv4 address inside an IPv6 one (`::ffff:127.0.0.1`, 6to4, Teredo) counts as itself.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        teredo = ip.teredo[1] if ip.teredo else None
        inner = ip.ipv4_mapped or ip.sixtofour or teredo
        if inner is not None:
            return inner.is_global
    return ip.is_global and not ip.is_multicast


class PublicResolver(AbstractResolver):
    """Resolves names with the system's resolver, and refuses those that lead to an address that is not public."""

    def __init__(self) -> None:
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError when one of them is not public."""
        found = await self._system.resolve(host, port, family)
        if not all(is_public(one["host"]) for one in found):
            raise OSError("the name leads to an address that is not public")
        return found

    async def close(self) -> None:
        """Releases the system's resolver."""
        await self._system.close()
