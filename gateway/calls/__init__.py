"""The innermost handlers of the contract's operations: out to the bank by its adapter, back through its mapping.

One page of the contract is one page of the bank; what the bank's link becomes is `cursors`, what the caller may ask is
`query`, which of the consent's accounts is meant is `accounts`, and the call itself is `reading`. Nothing here knows
which bank it is.
"""

from gateway.calls.catalogue import Catalogue, build_catalogue
from gateway.calls.desk import Desk
from gateway.calls.reading import Parts, build_operations

__all__ = ["Catalogue", "Desk", "Parts", "build_catalogue", "build_operations"]
