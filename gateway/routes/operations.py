"""What a policy must know of an operation to be checked: method, path parameters, whether it needs a consent."""

from collections.abc import Mapping

import msgspec


class OperationFacts(msgspec.Struct, frozen=True):
    """`parameters` are all that its path names; `cacheable` says that its answers may be kept for a while."""

    method: str
    parameters: frozenset[str]
    consent: bool
    cacheable: bool


_ACCOUNT = frozenset({"account_id"})

OPERATIONS: Mapping[str, OperationFacts] = {
    "accounts.list": OperationFacts("GET", frozenset(), consent=True, cacheable=True),
    "accounts.get": OperationFacts("GET", _ACCOUNT, consent=True, cacheable=True),
    "balances.list": OperationFacts("GET", _ACCOUNT, consent=True, cacheable=True),
    "transactions.list": OperationFacts("GET", _ACCOUNT, consent=True, cacheable=True),
    # Their answers tell the state of this moment.
    "banks.list": OperationFacts("GET", frozenset(), consent=False, cacheable=False),
    "banks.get": OperationFacts("GET", frozenset({"bank"}), consent=False, cacheable=False),
}
