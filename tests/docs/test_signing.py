"""The files that the page shows are taken as they stand there."""

import pathlib
import re

import orjson
import pytest
import yaml

from gateway import settings
from gateway.app.files import load_dialects
from gateway.banks.inheritance import FOLDER
from gateway.banks.registry import read_banks
from gateway.files import Layers, shipped
from gateway.routes import read

PAGE = (pathlib.Path(__file__).parents[2] / "docs/signing.md").read_text()
BLOCKS = dict(re.findall(r"```yaml\n# ([a-z/]+\.yaml)[^\n]*\n(.*?)```", PAGE, re.DOTALL))
BANK = """\
title: Quay
dialect: uk_openbanking
version: "3.1.11"
environment: sandbox
zone: Europe/London
base_urls: {default: "https://api.quay.example/open-banking"}
"""


@pytest.fixture
def layers(tmp_path):
    def build(path, text):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
        return Layers.over_shipped((tmp_path,))

    return build


def test_the_policy_is_sound(layers):
    routes = {route.name: route for route in read(layers("policies/payments.yaml", BLOCKS["policies/payments.yaml"]))}
    assert routes["instructions"].listed("signature").settings.replay == "nonce"


def test_what_is_said_of_answers_is_sound(layers):
    signature = {
        "name": "signature",
        "origin": "https://gateway.yours.example",
        "callers": [
            {"identity": "spiffe://yours.example/books", "keys": [{"id": "1", "algorithm": "ES256", "key": "file:1"}]}
        ],
        **yaml.safe_load(BLOCKS["policies/accounts.yaml"]),
    }
    route = {"name": "one", "method": "GET", "path": "/v9/banks", "operation": "banks.list"}
    route |= {"filters": [{"name": "mtls"}, signature]}
    routes = {route.name: route for route in read(layers("policies/mine.yaml", yaml.safe_dump({"routes": [route]})))}
    assert routes["one"].listed("signature").settings.answers.keys[0].id == "gateway-2026"


@pytest.mark.parametrize(("name", "profile"), [("quay", "http_signatures"), ("kraj", "cavage"), ("moor", "obie_jws")])
def test_the_banks_files_are_sound(layers, name, profile):
    path = f"{FOLDER}/{name}.yaml"
    banks = read_banks(layers(path, BANK + BLOCKS[path]), load_dialects())
    assert [rule["profile"] for rule in banks[name].entry.signing.requests] == [profile]


def test_what_is_said_of_the_settings_is_sound():
    written = yaml.safe_load(BLOCKS["gateway.yaml"])["reviews"]
    assert written.keys() == settings.schema()["properties"]["reviews"]["properties"].keys()


def test_every_setting_of_a_rule_is_on_the_page():
    definitions = orjson.loads((shipped() / FOLDER / "bank.schema.json").read_bytes())["$defs"]
    named = {name for rule in ("cavage", "obie_jws", "jades") for name in definitions[rule]["properties"]}
    # What a name says by itself, and the schema says in an editor.
    assert {name for name in named if f"`{name}`" not in PAGE and f"{name}:" not in PAGE} <= {"typ", "cty"}
