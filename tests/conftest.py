"""What several suites stand on."""

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import settings

from tests.e2e.chains import Chain
from tests.e2e.chains import chains as started_chains

# What an example may take says how busy the machine is, not whether the code is right.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Chain]]:
    """Gateways alone, behind and before proxies, once for all tests that send them raw bytes."""
    with started_chains(tmp_path_factory.mktemp("chains")) as started:
        yield started
