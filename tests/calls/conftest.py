import pytest

from gateway.exchange import Grant
from tests.calls.counter import MAPPINGS, Counter
from tests.mapping.laboratory import compiled

GRANT = Grant("acc_1", "r1", "EUR", ("DE89370400440532013000",))


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("library"), *MAPPINGS)


@pytest.fixture
def counter(library):
    """Builds a counter over pages; the account `acc_1` is known beforehand."""

    def build(grants=(GRANT,), **pages):
        return Counter(library, pages, grants)

    return build
