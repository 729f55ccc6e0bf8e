"""From policy files to the table that requests are matched against: read, checked whole, then built once.

`read` needs no network and no secrets, so `gateway check` runs the way that `serve` does. `load` goes on to build every
filter and chain; a request looks nothing up by name and parses no settings.
"""

from gateway.routes.operations import OPERATIONS, OperationFacts
from gateway.routes.policies import RoutePolicy
from gateway.routes.table import Match, PreparedFilters, RouteTable, Row, load, prepare, read, rows

__all__ = [
    "OPERATIONS",
    "Match",
    "OperationFacts",
    "PreparedFilters",
    "RoutePolicy",
    "RouteTable",
    "Row",
    "load",
    "prepare",
    "read",
    "rows",
]
