"""The demo's folder: certificates, tokens, and the files that an operator would write. Nothing in it is shipped.

ca.pem                the authority that the gateway's own certificate comes from: for `curl --cacert`
services/             two calling services: certificate, key, and a header file for `curl -H @file`
banks/                what the simulated banks present, and the authority whose client certificates they take
secrets/              what the gateway's references lead to
files/                the operator's layer: policies, bank addresses, and later a mapping
try.sh                addresses, and a function that calls with all of it: for a shell to read
gateway.yaml, consents.yaml, logs/
"""

import base64
import pathlib
import secrets
import shlex
from collections.abc import Iterable, Mapping

import msgspec

from gateway.demo.authority import Authority, write_key_pair, write_secret
from gateway.demo.issuer import AUDIENCE, ISSUER, Issuer

TENANT = "demo"
SCOPES = ("accounts", "balances", "transactions")
CATALOGUE_LIMIT = 5


class Consented(msgspec.Struct, frozen=True):
    """A consent of the demo: its id, the bank's file, and how the simulator calls the bank, the token and its consent.

    `tenant` is whose consent it is.
    """

    id: str
    bank: str
    simulated: str
    token: str
    bank_consent_id: str
    tenant: str = TENANT


CONSENTS = (
    Consented("amelia-at-albion", "albion-sandbox", "albion", "simulator-only.albion.amelia", "aac-albion-amelia"),
    Consented("blanka-at-havel", "havel-sandbox", "havel", "simulator-only.havel.blanka", "4c1e6a0e-havel-blanka"),
    Consented("camille-at-lutece", "lutece-sandbox", "lutece", "simulator-only.lutece.camille", "lutece-camille"),
    Consented("idris-at-pennine", "pennine-sandbox", "pennine", "simulator-only.pennine.idris", "aac-pennine-idris"),
)


class Folder:
    """Paths of one demo folder, and what writes its files. Raises FileExistsError where the folder holds anything."""

    def __init__(self, root: pathlib.Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(root.iterdir()):
            raise FileExistsError(f"{root} is not empty")
        self.root = root.resolve()
        self.authority = self.root / "ca.pem"
        self.services = self.root / "services"
        self.banks = self.root / "banks"
        self.secrets = self.root / "secrets"
        self.files = self.root / "files"
        self.logs = self.root / "logs"
        self.reviews = self.root / "reviews"
        self.settings = self.root / "gateway.yaml"
        for folder in (self.services, self.banks, self.secrets, self.files, self.logs, self.reviews):
            folder.mkdir(mode=0o700)

    def write_credentials(self, consents: Iterable[Consented]) -> None:
        """Certificates, keys, access tokens of services, and tokens that banks take."""
        inside, outside, issuer = Authority("Demo services"), Authority("Demo banks"), Issuer()
        inside.write(self.authority)
        inside.write(self.secrets / "services-ca.pem")
        inside.issue_server(self.secrets / "server")
        services = {
            name: inside.issue_client(self.services / name, name, "Demonstration", [f"spiffe://demo.example/{name}"])
            for name in ("ledger", "reports")
        }
        self._write_token("ledger", issuer.token("ledger", TENANT, SCOPES, services["ledger"]))
        self._write_token("ledger-accounts-only", issuer.token("ledger", TENANT, ["accounts"], services["ledger"]))
        self._write_token("reports", issuer.token("reports", "another-tenant", SCOPES, services["reports"]))
        (self.secrets / "issuer.json").write_bytes(issuer.key_set())
        for name in ("ids", "cursors", "hashes", "reviews"):
            write_secret(self.secrets / f"{name}.key", base64.b64encode(secrets.token_bytes(32)))
        (self.secrets / "banks").mkdir()
        outside.write(self.secrets / "banks/simulator-ca.pem")
        outside.issue_client(self.secrets / "banks/client", "tpp.gateway.example", "Example Gateway Ltd")
        outside.issue_seal(self.secrets / "banks/seal", "seal.gateway.example", "Example Gateway Ltd")
        (self.banks / "signers.pem").write_bytes((self.secrets / "banks/seal.pem").read_bytes())
        write_key_pair(self.banks / "signing.key", self.secrets / "banks/simulator-signing.pem")
        outside.write(self.banks / "client-ca.pem")
        outside.issue_server(self.banks / "server")
        (self.secrets / "tokens").mkdir()
        for consent in consents:
            write_secret(self.secrets / "tokens" / consent.id, consent.token.encode())

    def write_settings(self, consents: Iterable[Consented], banks: Mapping[str, str], otlp_endpoint: str) -> None:
        """The gateway's set-up; `banks` gives the base URL of each bank's file."""
        self.settings.write_text(_SETTINGS.format(banks=", ".join(banks), otlp_endpoint=otlp_endpoint))
        self.write("policies/service.yaml", _SERVICE.format(issuer=ISSUER, audience=AUDIENCE))
        self.write("policies/banks.yaml", _BANKS.format(limit=CATALOGUE_LIMIT))
        for bank, base_url in banks.items():
            self.write(
                f"adapters/banks/{bank}.yaml", _BANK.format(bank=bank, base_url=base_url) + _SIGNING.get(bank, "")
            )
        listed = "".join(_CONSENT.format(**msgspec.structs.asdict(consent)) for consent in consents)
        (self.root / "consents.yaml").write_text(f"consents:\n{listed}")

    def write_addresses(self, addresses: Mapping[str, str]) -> pathlib.Path:
        """A file for a shell: variables for the addresses, and `call`, which is curl with the ledger's credentials."""
        path = self.root / "try.sh"
        named = "".join(f"{name}={shlex.quote(address)}\n" for name, address in addresses.items())
        services = shlex.quote(str(self.services))
        path.write_text(_TRY.format(named=named, authority=shlex.quote(str(self.authority)), services=services))
        return path

    def write(self, relative: str, content: str) -> pathlib.Path:
        """Writes a file of the operator's layer, whole or not at all, as an editor does."""
        path = self.files / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_text(content)
        new.replace(path)
        return path

    def token(self, name: str) -> str:
        """The `Authorization` header's value that stands in a service's header file."""
        return (self.services / f"{name}.token").read_text().partition(": ")[2].strip()

    def _write_token(self, name: str, token: str) -> None:
        write_secret(self.services / f"{name}.token", f"Authorization: Bearer {token}\n".encode())


_SETTINGS = """\
# A gateway for one tour: loopback only, any free ports, every trace kept. The ports are in logs/gateway.log.
listeners:
  service:
    address: 127.0.0.1:0
    tls: {{certificate: "file:server.pem", key: "file:server.key", client_ca: "file:services-ca.pem"}}
  admin: {{address: "127.0.0.1:0"}}
  health: {{address: "127.0.0.1:0"}}
drain: {{notice: 0s, grace: 3s}}
secrets: secrets
files: [files]
consents: consents.yaml
banks: [{banks}]
keys: {{ids: "file:ids.key", cursors: ["file:cursors.key"], hashes: "file:hashes.key"}}
reviews: {{folder: reviews, keys: ["file:reviews.key"]}}
telemetry: {{otlp_endpoint: "{otlp_endpoint}", ratio: 1}}
"""
_SERVICE = """\
# Laid over the file of this name that ships: the demo's own issuer.
defaults:
  timeout: 10s
  body_limit: 0B
  filters:
    - name: headers
    - name: mtls
    - name: jwt
      issuers: [{{issuer: "{issuer}", keys: "file:issuer.json", algorithms: [ES256]}}]
      audience: {audience}
    - name: rate_limit
      windows:
        - {{name: tenant, key: [tenant], limit: 6000, window: 1m}}
"""
_BANKS = """\
# Laid over the file of this name that ships: a limit that is small enough to run into.
extends: service.yaml
routes:
  - name: banks-list
    method: GET
    path: /v1/banks
    operation: banks.list
    filters: [{{name: rate_limit, windows: [{{name: catalogue, key: [principal], limit: {limit}, window: 30s}}]}}]
  - {{name: banks-get, method: GET, path: "/v1/banks/{{bank}}", operation: banks.get}}
"""
_BANK = """\
# Laid over the file of this name that ships: where the simulated bank listens this time.
extends: {bank}
base_urls:
  default: {base_url}
"""
_SIGNING = {
    # RFC 9421 over messages as a whole, by both sides; a message tells neither its key's algorithm nor what counts.
    "albion-sandbox": """\
signing:
  keys: [{id: gateway-seal, algorithm: PS512, key: "file:banks/seal.key"}]
  bank_keys: [{id: albion-messages, algorithm: PS512, key: "file:banks/simulator-signing.pem"}]
  requests: [{profile: http_signatures, covered_if_present: [x-fapi-interaction-id, x-fapi-financial-id]}]
  answers: [{profile: http_signatures}]
""",
    # draft-cavage of the Berlin Group: the certificate goes along, and keyId says which it is.
    "havel-sandbox": """\
signing:
  keys: [{id: seal, algorithm: RS256, key: "file:banks/seal.key", certificate: "file:banks/seal.pem"}]
  requests: [{profile: cavage, covered: [digest, x-request-id, date], certificate: der}]
""",
    # draft-cavage of STET: keyId is the URL of a certificate that was registered.
    "lutece-sandbox": """\
signing:
  keys: [{id: seal, algorithm: RS256, key: "file:banks/seal.key", certificate: "file:banks/seal.pem"}]
  requests:
    - profile: cavage
      covered: ["(request-target)", digest, x-request-id, date]
      key_id: "https://gateway.example/seal_{sha256_hex}"
""",
    # UK Open Banking 4.0: what has a body is signed, by both sides.
    "pennine-sandbox": """\
signing:
  keys: [{id: gateway-signing, algorithm: PS256, key: "file:banks/seal.key"}]
  bank_keys: [{id: pennine-signing, algorithm: PS256, key: "file:banks/simulator-signing.pem"}]
  requests: [{profile: obie_jws, era: encoded, issuer: 0015800001GTWYAAX/simulated}]
  answers: [{profile: obie_jws, era: encoded, issuer: 0015800001PNNEAAX}]
""",
}
_TRY = """\
# Read it into a shell: . try.sh
{named}call() {{
  curl --silent --show-error --cacert {authority} --cert {services}/ledger.pem --key {services}/ledger.key \\
    --header @{services}/ledger.token "$@"
}}
"""
_CONSENT = """\
  - id: {id}
    tenant: {tenant}
    bank: {bank}
    bank_consent_id: {bank_consent_id}
    access_token: "file:tokens/{id}"
"""
