"""What the chart mounts, laid out as a kubelet lays it, is what the gateway reads: checked by its own command."""

import base64
import pathlib
from collections.abc import Mapping
from typing import Any

import pytest
import trustme

from gateway import settings
from gateway.app.checking import check_whole
from gateway.files import Layers, Refused
from tests.cli.commands import gateway
from tests.helm.rendering import project, render

SERVICE = """\
defaults:
  timeout: 10s
  body_limit: 0B
  filters:
    - name: headers
    - name: mtls
    - name: jwt
      issuers: [{issuer: "https://identity.yours.example", keys: "https://identity.yours.example/keys.json"}]
      audience: https://gateway.yours.example
"""
BANK = """\
extends: albion
environment: production
base_urls: {default: https://api.albion.example/open-banking/v3.1/aisp}
certificates: {certificate: "file:banks/albion/qwac.pem", key: "file:banks/albion/qwac.key"}
"""
VALUES: dict[str, Any] = {
    "settings": {"banks": ["quay"], "telemetry": {"log_level": "warning"}},
    "files": {
        "inline": {"policies": {"policies/service.yaml": SERVICE}},
        "configMaps": [{"name": "banks", "items": [{"key": "quay", "path": "adapters/banks/quay.yaml"}]}],
    },
    "secrets": [
        {
            "secret": "albion",
            "items": [
                {"key": "tls.crt", "path": "banks/albion/qwac.pem"},
                {"key": "tls.key", "path": "banks/albion/qwac.key"},
            ],
        }
    ],
    "listeners": {
        "public": {"enabled": True, "certificate": {"secret": "door-tls"}},
        "admin": {
            "enabled": True,
            "certificate": {"secret": "door-tls"},
            "clientCa": {"configMap": "people-ca", "key": "bundle.pem"},
        },
    },
    "redis": {"secret": "counters"},
    "reviews": {"keys": ["reviews"]},
}


@pytest.fixture(scope="module")
def secrets() -> Mapping[str, Mapping[str, str]]:
    """What operators keep in the Secrets and ConfigMaps that the values name."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    pair = {
        "tls.crt": "".join(one.bytes().decode() for one in leaf.cert_chain_pems),
        "tls.key": leaf.private_key_pem.bytes().decode(),
    }
    key = base64.b64encode(b"k" * 32).decode()
    return {
        "door-tls": pair,
        "albion": pair,
        "services-ca": {"ca.crt": authority.cert_pem.bytes().decode()},
        "people-ca": {"bundle.pem": authority.cert_pem.bytes().decode()},
        "door-keys": dict.fromkeys(("ids", "hashes", "cursors", "reviews"), key),
        "counters": {"url": "rediss://:open-sesame@redis.banks.svc:6379/0"},
        "banks": {"quay": BANK},
    }


def mount(values: Mapping[str, Any], kept: Mapping[str, Mapping[str, str]], root: pathlib.Path) -> pathlib.Path:
    """Lays all volumes of the pod below a folder, where the container would have them; returns the settings file."""
    documents = render(values)
    made = {one["metadata"]["name"]: one["data"] for name, one in documents.items() if name.startswith("ConfigMap/")}
    pod = documents["Deployment/door"]["spec"]["template"]["spec"]
    places = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    for volume in pod["volumes"]:
        place = root / places[volume["name"]].lstrip("/")
        if "emptyDir" in volume:
            place.mkdir(parents=True)
        else:
            project(volume, {**kept, **made}, place)
    [check] = pod["initContainers"]
    path = root / check["args"][2].lstrip("/")
    path.write_text(path.read_text().replace(" /etc/", f" {root}/etc/").replace(" /var/", f" {root}/var/"))
    return path


def test_the_gateway_takes_what_is_mounted(secrets: Mapping[str, Mapping[str, str]], tmp_path: pathlib.Path) -> None:
    path = mount(VALUES, secrets, tmp_path)
    told = gateway("check", "--settings", str(path), GATEWAY_HEALTH_ADDRESS="0.0.0.0:8081")
    assert told.returncode == 0, told.stderr.decode()
    read = settings.load({}, path)
    assert read.listeners.service.address == "0.0.0.0:8443"
    assert read.redis is not None
    layered = Layers.over_shipped(read.files)
    for name, text in (("policies/service.yaml", SERVICE), ("adapters/banks/quay.yaml", BANK)):
        found = layered.locate(name)
        assert found is not None
        assert found.read_text() == text


@pytest.mark.usefixtures("few_files")
def test_a_mistake_in_a_config_map_keeps_the_pod_from_starting(
    secrets: Mapping[str, Mapping[str, str]], tmp_path: pathlib.Path
) -> None:
    broken = {**secrets, "banks": {"quay": BANK.replace("environment", "enviroment")}}
    with pytest.raises(Refused) as told:
        check_whole(settings.load({}, mount(VALUES, broken, tmp_path)))
    place = f"{tmp_path}/etc/gateway/files/adapters/banks/quay.yaml:2:1"
    told_of = [str(problem) for problem in told.value.problems]
    assert any(one.startswith(place) and "did you mean 'environment'?" in one for one in told_of), told_of
