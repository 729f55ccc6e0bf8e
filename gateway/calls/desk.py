"""A bank as the calls see it: how to ask (its adapter), what reads the answer (its mappings), and where to send.

All of it is looked up once, when files are loaded.
"""

from collections.abc import Mapping

import msgspec

from gateway.banks.origins import Origins
from gateway.contract import BankProfile, Conduct, Dialect, Operation
from gateway.errors import GatewayFault
from gateway.exchange import Send
from gateway.mapping.records import BoundMapping


class Desk(msgspec.Struct, frozen=True):
    """One bank, ready to be called.

    `origins` say where links may lead; `mappings` are by operation and form (`transactions.list.camt`).
    """

    profile: BankProfile
    dialect: Dialect
    send: Send
    origins: Origins
    mappings: Mapping[str, BoundMapping]

    def conduct(self, operation: Operation) -> Conduct:
        """How the dialect carries out an operation."""
        return self.dialect.OPERATIONS[operation]

    def mapping(self, operation: str, form: str) -> BoundMapping:
        """What reads the answer. Raises GatewayFault where a form has no mapping."""
        found = self.mappings.get(f"{operation}.{form}" if form else operation)
        if found is None:
            raise GatewayFault(f"No mapping reads what this bank answers to {operation}.")
        return found
