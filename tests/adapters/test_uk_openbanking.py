"""What the engine is offered under the dialect's name."""

from typing import get_args

import msgspec

from adapters import uk_openbanking
from gateway.contract import Dialect, Operation


def test_the_dialect_is_whole() -> None:
    dialect: Dialect = uk_openbanking  # type: ignore[assignment]
    assert dialect.NAME == "uk_openbanking"
    assert set(dialect.OPERATIONS) == set(get_args(Operation))
    assert {"3.1", "3.1.0", "3.1.11", "4.0"} <= set(dialect.VERSIONS)


def test_every_deviation_says_what_it_is_and_has_a_default() -> None:
    schema = msgspec.json.schema(uk_openbanking.Deviations)
    settings = schema["$defs"]["Deviations"]["properties"]
    assert settings
    for name, setting in settings.items():
        assert len(setting.get("description", "")) > 20, name
        assert "default" in setting, name
