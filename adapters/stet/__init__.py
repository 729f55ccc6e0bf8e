"""STET PSD2 API, account information, versions 1.4 and 1.5: what the engine loads by this name.

Both versions are asked alike; their documents differ. There is no consent resource and no consent id: the token is the
consent, and its end is the consent's.
"""

from collections.abc import Mapping

from adapters.stet.conduct import read
from adapters.stet.deviations import Deviations
from adapters.stet.links import next_url
from gateway.contract import Conduct, Operation

__all__ = ["NAME", "OPERATIONS", "VERSIONS", "Deviations", "next_url"]

NAME = "stet"
VERSIONS = ("1.4", "1.4.0", "1.4.1", "1.4.2", "1.5", "1.5.0")
OPERATIONS: Mapping[Operation, Conduct] = {
    "accounts.list": read,
    "accounts.get": read,
    "balances.list": read,
    "transactions.list": read,
}
