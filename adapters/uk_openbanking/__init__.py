"""UK Open Banking Read/Write, account information, versions 3.1.x and 4.0: what the engine loads by this name.

Both versions are asked alike; their documents differ, and so do the codes of their errors, which are told apart by
their form. A bank's consent is in its token: no request names one.
"""

from collections.abc import Mapping

from adapters.uk_openbanking.conduct import read
from adapters.uk_openbanking.deviations import Deviations
from adapters.uk_openbanking.links import next_url
from gateway.contract import Conduct, Operation

__all__ = ["NAME", "OPERATIONS", "VERSIONS", "Deviations", "next_url"]

NAME = "uk_openbanking"
VERSIONS = ("3.1", *(f"3.1.{patch}" for patch in range(12)), "4.0", "4.0.0", "4.0.1")
OPERATIONS: Mapping[Operation, Conduct] = {
    "accounts.list": read,
    "accounts.get": read,
    "balances.list": read,
    "transactions.list": read,
}
