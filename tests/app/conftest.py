import pathlib

import pytest

from gateway.files import layers, shipped

KEPT = (
    "mappings/canonical",
    "mappings/mapping.schema.json",
    "mappings/uk_openbanking",
    "policies",
    "adapters/banks/bank.schema.json",
    "adapters/banks/albion.yaml",
    "adapters/banks/albion-sandbox.yaml",
)


@pytest.fixture(scope="session")
def one_dialect(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What ships of one dialect: the rest would be compiled anew for each gateway, and is compiled in other tests."""
    root = tmp_path_factory.mktemp("one-dialect")
    for name in KEPT:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(shipped() / name)
    return root


@pytest.fixture
def few_files(one_dialect: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways of this process stand on one dialect."""
    monkeypatch.setattr(layers, "shipped", lambda: one_dialect)
