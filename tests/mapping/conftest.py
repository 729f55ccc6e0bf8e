"""The bank of the laboratory, its list of transactions compiled once for all who ask it."""

import pytest

from gateway.mapping.records import BoundMapping
from tests.mapping.laboratory import TRANSACTIONS, bound, compiled


@pytest.fixture(scope="session")
def transactions(tmp_path_factory: pytest.TempPathFactory) -> BoundMapping:
    return bound(compiled(tmp_path_factory.mktemp("t"), TRANSACTIONS), "testing/transactions.list")
