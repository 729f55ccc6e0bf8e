"""What the end-to-end tests stand on: the demo's stage with more consents, other limits, and checked answers.

Banks called `patient-…` are the simulated ones with a circuit that never opens; `brittle-albion`'s opens at once.
"""

import json
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from gateway.demo.calls import Answer, Service, ask
from gateway.demo.folder import CONSENTS, TENANT, Consented
from gateway.demo.stage import Stage
from gateway.files import shipped

PATIENT = {"patient-albion": "albion", "patient-havel": "havel", "patient-lutece": "lutece"}
_TOKENS = {
    "albion": "simulator-only.albion.amelia",
    "havel": "simulator-only.havel.blanka",
    "lutece": "simulator-only.lutece.camille",
}
_BANK_CONSENTS = {"albion": "aac-albion-amelia", "havel": "4c1e6a0e-havel-blanka", "lutece": "lutece-camille"}


def _with(name: str, bank: str, token: str, bank_consent_id: str, tenant: str = TENANT) -> Consented:
    return Consented(name, f"{bank}-sandbox", bank, f"simulator-only.{bank}.{token}", bank_consent_id, tenant)


REFUSED_BY_BANKS = (
    _with("basic-at-albion", "albion", "basic", "aac-albion-basic"),
    _with("stale-at-albion", "albion", "stale", "aac-albion-stale"),
    _with("lapsed-at-albion", "albion", "lapsed", "aac-albion-lapsed"),
    _with("withdrawn-at-albion", "albion", "withdrawn", "aac-albion-withdrawn"),
    _with("accounts-at-havel", "havel", "accounts", "4c1e6a0e-havel-accounts"),
    _with("stale-at-havel", "havel", "stale", "4c1e6a0e-havel-stale"),
    _with("lapsed-at-havel", "havel", "lapsed", "4c1e6a0e-havel-lapsed"),
    _with("accounts-at-lutece", "lutece", "accounts", "lutece-accounts"),
    _with("lapsed-at-lutece", "lutece", "lapsed", "lutece-lapsed"),
    _with("unknown-at-albion", "albion", "nobody", "aac-albion-nobody"),
    _with("of-another-tenant", "albion", "amelia", "aac-albion-amelia", "another-tenant"),
)
FAULTY = tuple(
    Consented(bank, bank, simulated, _TOKENS[simulated], _BANK_CONSENTS[simulated])
    for bank, simulated in {**PATIENT, "brittle-albion": "albion"}.items()
)
ALL_CONSENTS = (*CONSENTS, *REFUSED_BY_BANKS, *FAULTY)


def _routes(name: str) -> str:
    return (shipped() / "policies" / f"{name}.yaml").read_text()


FILES = {
    # Limits out of the way, and deadlines that a test can wait for.
    "policies/accounts.yaml": _routes("accounts")
    .replace("limit: 300", "limit: 100000")
    .replace("limit: 6000", "limit: 100000")
    .replace("timeout: 20s", "timeout: 3s"),
    "policies/banks.yaml": _routes("banks"),
    # The same catalogue behind a limit that is soon spent.
    "policies/limited.yaml": """\
extends: service.yaml
routes:
  - name: limited
    method: GET
    path: /limited/banks
    operation: banks.list
    filters: [{name: rate_limit, windows: [{name: few, key: [principal], limit: 2, window: 1h}]}]
""",
    # The catalogue for callers that sign, told in signed answers; the keys are some that the demo has anyway.
    "policies/signed.yaml": """\
extends: service.yaml
routes:
  - name: signed
    method: GET
    path: /signed/banks
    operation: banks.list
    filters:
      - name: signature
        origin: https://gateway.example
        callers:
          - identity: spiffe://demo.example/ledger
            keys: [{id: ledger-1, algorithm: ES256, key: "file:banks/client.pem"}]
        answers: {keys: [{id: gateway-1, algorithm: ES256, key: "file:server.key", certificate: "file:server.pem"}]}
""",
    **{
        f"adapters/banks/{bank}.yaml": f"extends: {simulated}-sandbox\ncircuit: {{failures: 1000}}\n"
        for bank, simulated in PATIENT.items()
    },
    "adapters/banks/brittle-albion.yaml": (
        "extends: albion-sandbox\ncircuit: {failures: 2, open_for: 5m}\nretry: {attempts: 1}\n"
    ),
}
_DEFINITIONS = "https://schemas.bank-gateway.example/v1/"
_PAGES = ("accounts", "balances", "transactions")


def _validators() -> dict[str, Any]:
    schemas = [json.loads(path.read_bytes()) for path in (shipped() / "mappings/canonical/v1").glob("*.json")]
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in schemas])
    named = {f"{plural}": f"page.schema.json#/$defs/{plural}_page" for plural in _PAGES}
    named |= {
        "banks": "page.schema.json#/$defs/catalogue",
        "bank": "bank.schema.json",
        "problem": "problem.schema.json",
    }
    return {
        name: jsonschema_rs.Draft202012Validator(
            {"$ref": _DEFINITIONS + reference}, registry=registry, validate_formats=True
        )
        for name, reference in named.items()
    }


VALIDATORS = _validators()


def check_answer(answer: Answer) -> Answer:
    """The answer, if it is what the contract says: a page, a bank, or a problem."""
    if answer.headers["content-type"] == "application/problem+json":
        kind = "problem"
        assert answer.json["status"] == answer.status
    else:
        assert answer.headers["content-type"] == "application/json", answer
        kind = next((plural for plural in (*_PAGES, "banks") if plural in answer.json), "bank")
    VALIDATORS[kind].validate(json.loads(answer.body))
    return answer


class Caller:
    """A calling service whose every answer is checked against the contract."""

    def __init__(self, stage: Stage, **credentials: Any) -> None:
        self._service = Service(stage, **credentials)

    def get(self, path: str, consent: str | None = None, **headers: str) -> Answer:
        return check_answer(self._service.get(path, consent, **headers))

    def accounts(self, consent: str) -> list[dict[str, Any]]:
        """The accounts of a consent; they stand on one page at every simulated bank."""
        answer = self.get("/v1/accounts", consent)
        assert answer.status == 200, answer
        assert answer.json["next"] is None
        found: list[dict[str, Any]] = answer.json["accounts"]
        return found

    def walk(self, path: str, consent: str) -> list[dict[str, Any]]:
        """All pages of a list from the first to the last, their bodies."""
        pages: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = self.get(f"{path}{('&' if '?' in path else '?') + 'cursor=' + cursor if cursor else ''}", consent)
            assert answer.status == 200, answer
            pages.append(answer.json)
            cursor = answer.json["next"]
            if cursor is None:
                return pages
            assert len(pages) < 100, "a list without an end"


class Faults:
    """Faults of the simulated banks, and what the banks have seen; forgotten after each test."""

    def __init__(self, stage: Stage) -> None:
        self._admin = stage.simulator_admin

    def set(self, bank: str, *faults: Mapping[str, Any]) -> None:
        """Sets the faults of a bank in the place of others."""
        assert ask("PUT", f"{self._admin}/banks/{bank}/faults", {"faults": faults}).status == 200

    def seen(self, bank: str) -> list[dict[str, Any]]:
        """The last requests that a bank has got."""
        found: list[dict[str, Any]] = ask("GET", f"{self._admin}/banks/{bank}/requests").json["requests"]
        return found

    def forget(self) -> None:
        """No faults, and no memory."""
        for bank in {one.simulated for one in ALL_CONSENTS}:
            ask("DELETE", f"{self._admin}/banks/{bank}/faults")
            ask("DELETE", f"{self._admin}/banks/{bank}/requests")
