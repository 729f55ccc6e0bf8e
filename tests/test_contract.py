"""What adapters see: frozen values, and no more of the engine than this module and the errors."""

import ast
import inspect

import msgspec
import pytest

from gateway import contract, exchange
from gateway.contract import BankProfile
from gateway.files import shipped


@pytest.mark.parametrize("module", [contract, exchange])
def test_values_are_frozen_but_for_the_records_of_a_call(module):
    grow = {"Attempt", "MappingRecord", "CallRecord"}
    for name, kind in inspect.getmembers(module, inspect.isclass):
        if issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct:
            assert kind.__struct_config__.frozen is (name not in grow), name


def test_a_group_without_a_url_of_its_own_has_the_banks():
    profile = BankProfile(
        name="one",
        title="One",
        dialect="stet",
        version="1.5",
        zone="Europe/Paris",
        base_urls={"default": "https://a", "payments": "https://b"},
    )
    assert [profile.base_url(group) for group in ("payments", "accounts", "default")] == [
        "https://b",
        "https://a",
        "https://a",
    ]


@pytest.mark.parametrize("path", sorted((shipped() / "adapters").rglob("*.py")), ids=lambda path: path.stem)
def test_an_adapter_imports_neither_the_engine_nor_what_could_do_io(path):
    allowed = {"gateway.contract", "gateway.errors"}
    refused = {"aiohttp", "asyncio", "ssl", "socket", "urllib.request", "http.client", "sqlalchemy", "os", "subprocess"}
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            assert not name.startswith("gateway") or name in allowed, name
            assert name not in refused, name
