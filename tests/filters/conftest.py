import pytest

from tests.filters.calling import DEFAULTS, ROUTE, Gateway


@pytest.fixture
async def gateway_of(tmp_path):
    """Builds a table of a policy's text; by default one route with headers, mtls, jwt and consent."""
    made = []

    def build(policy=DEFAULTS + ROUTE, **parts):
        made.append(Gateway(tmp_path, policy, **parts))
        return made[-1]

    yield build
    for gateway in made:
        await gateway.key_sets.close()
