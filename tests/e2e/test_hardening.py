"""What nobody may forget to say, or say by mistake: unknown keys, secrets in files, defaults that open a door."""

import base64
import json
import pathlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from gateway import settings
from gateway.banks.registry import read_banks
from gateway.consents.ready import read_consents
from gateway.files import Layers, Refused, shipped
from gateway.routes import read
from gateway.secrets import Secrets
from tests.app.house import SETTINGS
from tests.banks.files import DIALECTS, PLAIN

POLICY = """
defaults:
  timeout: 7s
  filters:
    - {name: headers}
    - {name: mtls, allow: [one]}
    - name: jwt
      audience: a
      issuers: [{issuer: 'https://i.test', keys: 'https://i.test/keys', ca: 'file:ca'}]
    - {name: rate_limit, windows: [{name: few, key: [tenant], limit: 1, window: 1s}]}
routes:
  - name: one
    method: POST
    path: /one
    upstream: {url: 'https://x.test', tls: {ca: 'file:ca', certificate: 'file:c', key: 'file:k'}}
    filters: [{name: timeout, after: 1s}, {name: scopes, all: [x]}, {name: json_body, depth: 3}]
"""
BANK = f"""{PLAIN}
certificates: {{certificate: 'file:c', key: 'file:k', server_ca: 'file:s'}}
limits: {{concurrency: 3}}
timeouts: {{connect: 1s}}
retry: {{attempts: 2}}
circuit: {{failures: 3}}
capabilities: {{never: [account.label]}}
"""
CONSENTS = """
consents:
  - {id: c, tenant: t, bank: b, access_token: 'env:TOKEN', accounts: [{account_id: a, resource_id: r}]}
"""
KEYS = {"TOKEN": "t", "KEY": base64.b64encode(b"k" * 32).decode()}


def _settings(root: pathlib.Path, text: str) -> None:
    secrets = root / "secrets"
    secrets.mkdir()
    (root / "files").mkdir()
    for name in ("server.pem", "server.key", "ca.pem"):
        (secrets / name).write_text("PEM")
    (secrets / "key").write_text(KEYS["KEY"])
    (root / "gateway.yaml").write_text(text)
    settings.load({}, root / "gateway.yaml")


def _policy(root: pathlib.Path, text: str) -> None:
    (root / "policies").mkdir()
    (root / "policies/one.yaml").write_text(text)
    read(Layers((root,)))


def _bank(root: pathlib.Path, text: str) -> None:
    (root / "adapters/banks").mkdir(parents=True)
    (root / "mappings").mkdir()
    (root / "mappings/canonical").symlink_to(shipped() / "mappings/canonical")
    (root / "adapters/banks/one.yaml").write_text(text)
    read_banks(Layers((root,)), DIALECTS)


def _consents(root: pathlib.Path, text: str) -> None:
    (root / "consents.yaml").write_text(text)
    read_consents(root / "consents.yaml", Secrets(None, KEYS), lambda: datetime.now(UTC))


FILES: dict[str, tuple[str, Callable[[pathlib.Path, str], None]]] = {
    "settings": (SETTINGS.replace("[one, two]", "[]"), _settings),
    "policy": (POLICY, _policy),
    "bank": (BANK, _bank),
    "consents": (CONSENTS, _consents),
}


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a mapping stands whose keys are words of the product."""
    if isinstance(value, dict):
        if path != ("base_urls",):
            yield path
        for key, child in value.items():
            yield from places(child, (*path, key))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from places(child, (*path, number))


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_sound_as_it_is(name, tmp_path):
    text, load = FILES[name]
    load(tmp_path, text)


def at(document: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


@pytest.mark.parametrize("name", FILES)
def test_an_unknown_key_is_refused_wherever_it_stands(name, tmp_path):
    text, load = FILES[name]
    document = yaml.safe_load(text)
    everywhere = list(places(document))
    for number, path in enumerate(everywhere):
        at(document, path)[f"surprise_{number}"] = 1
    with pytest.raises(Refused) as caught:
        load(tmp_path, json.dumps(document))
    told = "\n".join(str(problem) for problem in caught.value.problems)
    assert [n for n in range(len(everywhere)) if f"unknown key 'surprise_{n}'" not in told] == []


REFERENCES: dict[str, list[tuple[str | int, ...]]] = {
    "settings": [("keys", "ids"), ("keys", "hashes"), ("keys", "cursors", 0)]
    + [("listeners", "service", "tls", key) for key in ("certificate", "key", "client_ca")],
    "policy": [("routes", 0, "upstream", "tls", key) for key in ("ca", "certificate", "key")]
    + [("defaults", "filters", 2, "issuers", 0, "ca")],
    "bank": [("certificates", key) for key in ("certificate", "key", "server_ca")],
    "consents": [("consents", 0, "access_token")],
}


@pytest.mark.parametrize(
    "secret", ["canary-7c1f-secret", "-----BEGIN PRIVATE KEY-----\nMIICanary\n", "file:canary secret"]
)
@pytest.mark.parametrize("name", FILES)
def test_a_secret_that_was_written_into_a_file_is_in_no_message(name, secret, tmp_path):
    text, load = FILES[name]
    document = yaml.safe_load(text)
    for *path, key in REFERENCES[name]:
        at(document, tuple(path))[key] = secret
    with pytest.raises(Refused) as caught:
        load(tmp_path, json.dumps(document))
    assert len(caught.value.problems) == len(REFERENCES[name])
    assert "canary" not in "\n".join(str(problem) for problem in caught.value.problems).lower().replace(
        str(tmp_path), ""
    )


def test_no_secret_has_a_default():
    def defaults(node: Any, at: str) -> Iterator[str]:
        if isinstance(node, dict):
            if str(node.get("$ref", "")).endswith("reference") and "default" in node:
                yield at
            for key, child in node.items():
                yield from defaults(child, f"{at}.{key}")

    for file in ("gateway/settings.schema.json", "policies/policy.schema.json", "adapters/banks/bank.schema.json"):
        assert list(defaults(json.loads((shipped() / file).read_bytes()), file)) == []
    schema = settings.schema()
    assert {"keys", "listeners"} <= set(schema["required"])
    assert set(schema["properties"]["keys"]["required"]) == {"ids", "cursors", "hashes"}


def test_the_admin_listener_is_for_this_machine_unless_it_has_certificates_of_its_own(tmp_path):
    assert settings.AdminSettings().address.loopback
    for number, address in enumerate(("0.0.0.0:8444", "[::]:8444", "10.0.0.1:8444", "admin.example:8444")):
        document = yaml.safe_load(FILES["settings"][0])
        document["listeners"]["admin"] = {"address": address}
        root = tmp_path / str(number)
        root.mkdir()
        with pytest.raises(Refused, match="is reached from other machines"):
            _settings(root, json.dumps(document))
