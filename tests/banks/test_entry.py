from typing import Any, get_type_hints

import msgspec
import orjson

from gateway.banks.entry import Entry, Part, decode_entry
from gateway.files import read_yaml, shipped

SCHEMA = orjson.loads((shipped() / "adapters/banks/bank.schema.json").read_bytes())
LEAST: dict[str, Any] = {
    "title": "Albion",
    "dialect": "uk_openbanking",
    "version": "3.1.11",
    "environment": "sandbox",
    "zone": "Europe/London",
    "base_urls": {"default": "https://api.albion.example"},
}


def defaults(schema: dict[str, Any]) -> dict[str, Any]:
    """The defaults that a schema states, in the form of a file."""
    stated: dict[str, Any] = {}
    for name, part in schema["properties"].items():
        if "default" in part:
            stated[name] = part["default"]
        elif "properties" in part:
            stated[name] = defaults(part)
    return stated


def test_the_defaults_are_those_that_the_schema_states():
    assert decode_entry(LEAST | defaults(SCHEMA)) == decode_entry(LEAST)


def test_every_key_of_the_schema_has_its_field_and_its_description():
    def walk(schema: dict[str, Any], kind: type[msgspec.Struct]) -> None:
        fields = {name: hint for name, hint in get_type_hints(kind).items() if not name.startswith("_")}
        assert set(schema["properties"]) - {"extends"} == set(fields)
        for name, part in schema["properties"].items():
            assert part["description"], name
            if isinstance(fields.get(name), type) and issubclass(fields[name], Part):
                walk(part, fields[name])

    walk(SCHEMA, Entry)


def test_a_bank_that_ships_for_the_simulator_is_the_one_that_is_simulated():
    simulated = read_yaml("banks.yaml", (shipped() / "gateway/simulator/banks.yaml").read_bytes())[0].value["banks"]
    for name, bank in simulated.items():
        files = [shipped() / f"adapters/banks/{file}.yaml" for file in (name, f"{name}-sandbox")]
        value: dict[str, Any] = {}
        for file in files:
            if file.is_file():
                value |= read_yaml(file.name, file.read_bytes())[0].value
        assert value["base_urls"]["default"] == f"https://localhost:{bank['port']}{bank['base_path']}"
        for key in ("dialect", "version", "zone", "bic"):
            assert value[key] == bank[key]
        wanted = bank["requires"].get("financial_id")
        assert value.get("headers", {}).get("x-fapi-financial-id") == wanted
