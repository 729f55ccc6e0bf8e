"""A gateway as it ships, set up for the bench in a folder: authorities, certificates, keys, a token, a consent, files.

The filters are those of the policies that ship; only who issues tokens and how many calls are allowed are changed. The
bank's accounts are known to the consent beforehand, so that a call is one call at the bank.
"""

import base64
import copy
import hashlib
import json
import pathlib
import secrets
import time
from typing import Any

import jwt
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.bench import pages
from tests.bench.authority import certify
from tests.bench.ports import PORTS, filled

ROOT = pathlib.Path(__file__).parents[2]
REFERENCES = pathlib.Path(__file__).parent / "references"
BANK, CONSENT, TENANT = "bench", "bench-consent", "bench-tenant"
ISSUER, AUDIENCE = "https://identity.bench", "https://gateway.bench"
PLAIN = "/bench"
_PLENTY = 1_000_000_000

HAPROXY = """
# What wrk can not do: TLS with a client certificate. One connection out for each one in, both kept alive.
global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen service
  bind 127.0.0.1:@HAPROXY@
  server gateway 127.0.0.1:@GATEWAY@ ssl crt @FOLDER@/secrets/service-both.pem ca-file @FOLDER@/ca.pem verify required
"""


def account_id(account: str) -> str:
    """What the consent says is our id of the bank's account."""
    return "acc_" + hashlib.sha256(f"bench/{account}".encode()).hexdigest()[:32]


def contract_path(account: str) -> str:
    """What a service asks the gateway for."""
    return f"/v1/accounts/{account_id(account)}/transactions"


def plain_path(account: str) -> str:
    """The same page through the plain upstream route."""
    return PLAIN + pages.target(account)


def install(folder: pathlib.Path, accounts: list[str]) -> None:
    """Writes everything; `gateway.yaml` is what `gateway serve` is started with."""
    held = folder / "secrets"
    for below in (held, folder / "files/policies", folder / "files/adapters/banks"):
        below.mkdir(parents=True)
    certificate = certify(folder)
    id_key = secrets.token_bytes(32)
    (held / "ids").write_text(base64.b64encode(id_key).decode())
    for name in ("cursors", "hashes"):
        (held / name).write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    (held / "bank-token").write_text("the bank's token")
    (folder / "token").write_text(_token(held, certificate))
    _files(folder / "files")
    _consents(folder, accounts)
    (folder / "haproxy.cfg").write_text(filled(HAPROXY, FOLDER=folder))
    (folder / "gateway.yaml").write_text(yaml.safe_dump(_settings()))
    mapping = yaml.safe_load((ROOT / "mappings/uk_openbanking/transactions.list.yaml").read_text())
    page = json.loads((ROOT / "mappings/canonical/v1/page.schema.json").read_text())
    shared = {
        "id_key": id_key.hex(),
        "bank": BANK,
        "mapping": f"{mapping['mapping']}@{mapping['version']}",
        "page_schema": page["$id"],
        "accounts": {account: account_id(account) for account in accounts},
    }
    (folder / "shared.json").write_text(json.dumps(shared))


def headers(folder: pathlib.Path) -> dict[str, str]:
    """What a service sends with each call."""
    return {"Authorization": f"Bearer {(folder / 'token').read_text()}", "Consent-Id": CONSENT}


def _settings() -> dict[str, Any]:
    tls = {"certificate": "file:server.pem", "key": "file:server.key", "client_ca": "file:ca.pem"}
    return {
        "listeners": {
            "service": {"address": f"127.0.0.1:{PORTS['GATEWAY']}", "tls": tls},
            "admin": {"address": f"127.0.0.1:{PORTS['GATEWAY_ADMIN']}"},
            "health": {"address": f"127.0.0.1:{PORTS['GATEWAY_HEALTH']}"},
        },
        "files": ["files"],
        "secrets": "secrets",
        "banks": [BANK],
        "keys": {"ids": "file:ids", "cursors": ["file:cursors"], "hashes": "file:hashes"},
        "consents": "consents.yaml",
        "telemetry": {"otlp_endpoint": f"http://127.0.0.1:{PORTS['OTLP']}", "ratio": 0.1},
    }


def _files(folder: pathlib.Path) -> None:
    """The policies that ship, with the bench's issuer and without narrow limits; the bank; a plain route."""
    shipped = {name: yaml.safe_load((ROOT / f"policies/{name}.yaml").read_text()) for name in ("service", "accounts")}
    for policy in shipped.values():
        for one in _filters(policy):
            if one["name"] == "jwt":
                one["issuers"] = [{"issuer": ISSUER, "keys": "file:jwks", "algorithms": ["ES256"]}]
                one["audience"] = AUDIENCE
            for window in one.get("windows", ()):
                window["limit"] = _PLENTY
    plain = {
        "extends": "service.yaml",
        "defaults": copy.deepcopy(shipped["accounts"]["defaults"]),
        "routes": [
            {
                "name": "plain",
                "method": "GET",
                "path": f"{PLAIN}/{{rest*}}",
                "upstream": {"url": f"http://127.0.0.1:{PORTS['BANK']}", "strip": PLAIN},
            }
        ],
    }
    for name, policy in {**shipped, "plain": plain}.items():
        (folder / f"policies/{name}.yaml").write_text(yaml.safe_dump(policy))
    bank = {
        "title": "Bank of the bench",
        "dialect": "uk_openbanking",
        "version": "3.1.11",
        "environment": "sandbox",
        "country": "GB",
        "zone": "Europe/London",
        "network": "private",
        "base_urls": {"default": f"https://localhost:{PORTS['BANK_TLS']}/aisp"},
        "certificates": {
            "certificate": "file:gateway.pem",
            "key": "file:gateway.key",
            "server_ca": "file:ca.pem",
        },
        "limits": {"concurrency": 256, "queue": 256},
    }
    (folder / f"adapters/banks/{BANK}.yaml").write_text(yaml.safe_dump(bank))


def _filters(policy: dict[str, Any]) -> list[dict[str, Any]]:
    routes = [one for route in policy.get("routes", ()) for one in route.get("filters", ())]
    return policy.get("defaults", {}).get("filters", []) + routes


def _consents(folder: pathlib.Path, accounts: list[str]) -> None:
    known = [{"account_id": account_id(one), "resource_id": one, "currency": "GBP"} for one in accounts]
    consent = {
        "id": CONSENT,
        "tenant": TENANT,
        "bank": BANK,
        "access_token": "file:bank-token",
        "accounts": known,
    }
    # JSON is YAML, and quicker to write and read at this length.
    (folder / "consents.yaml").write_text(json.dumps({"consents": [consent]}))


def _token(held: pathlib.Path, certificate: x509.Certificate) -> str:
    """An access token (RFC 9068) that is bound to the service's certificate (RFC 8705); the key set is written."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    (held / "jwks").write_text(json.dumps({"keys": [{**public, "kid": "bench", "use": "sig"}]}))
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "bench-service",
        "client_id": "bench-service",
        "tenant": TENANT,
        "scope": "accounts balances transactions",
        "iat": now,
        "exp": now + 24 * 3600,
        "jti": secrets.token_hex(16),
        "cnf": {"x5t#S256": thumbprint},
    }
    return jwt.encode(claims, key, algorithm="ES256", headers={"typ": "at+jwt", "kid": "bench"})
