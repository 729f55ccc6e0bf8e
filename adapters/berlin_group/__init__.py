"""Berlin Group NextGenPSD2 1.3.x, account information: what the engine loads by this name.

Redsys and CBI Globe, hubs that speak a variant for many banks, are this dialect with deviations. A report may be
camt.05x instead of JSON: it is read here into JSON of its own form (`camt`).
"""

from collections.abc import Callable, Mapping

from adapters.berlin_group.camt import read_camt
from adapters.berlin_group.conduct import read
from adapters.berlin_group.deviations import Deviations
from adapters.berlin_group.links import next_url
from gateway.contract import Conduct, Operation

__all__ = ["NAME", "OPERATIONS", "READERS", "VERSIONS", "Deviations", "next_url"]

NAME = "berlin_group"
VERSIONS = ("1.3", *(f"1.3.{patch}" for patch in range(17)))
OPERATIONS: Mapping[Operation, Conduct] = {
    "accounts.list": read,
    "accounts.get": read,
    "balances.list": read,
    "transactions.list": read,
}
READERS: Mapping[str, Callable[[bytes], bytes]] = {"camt": read_camt}
"""By form, what makes a document for the mapping of an answer that is no JSON."""
