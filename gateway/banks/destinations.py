"""Where a name may lead to: public addresses, unless the file that names it says that it is on a private network.

The name is resolved once, and the address that was checked is the one that is connected to, so that a name which
answers differently the second time gains nothing (DNS rebinding). A host that is an address is checked with its file.
"""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from gateway.files.hosts import Network, may_be_called


class CheckedResolver(AbstractResolver):
    """Resolves names with the system's resolver, and refuses those that lead to an address that may not be called."""

    def __init__(self, network: Network) -> None:
        self._system = ThreadedResolver()
        self._network = network

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError when one of them may not be called."""
        found = await self._system.resolve(host, port, family)
        if not all(may_be_called(one["host"], self._network) for one in found):
            raise OSError("the name leads to an address that may not be called")
        return found

    async def close(self) -> None:
        """Releases the system's resolver."""
        await self._system.close()
