"""What several suites stand on."""

from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.chains import Chain
from tests.e2e.chains import chains as started_chains


@pytest.fixture(scope="session")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Chain]]:
    """Gateways alone, behind and before proxies, once for all tests that send them raw bytes."""
    with started_chains(tmp_path_factory.mktemp("chains")) as started:
        yield started
