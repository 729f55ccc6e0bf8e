"""The OpenAPI document that the gateway serves, tried on the gateway by schemathesis with generated calls."""

import json
from collections.abc import Iterator

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
)

from gateway.demo.calls import ask
from gateway.demo.stage import Stage
from tests.e2e.surroundings import Caller, check_answer

_BOUNDED = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="session")
def session(stage: Stage) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(stage.folder.authority)
        session.cert = (str(stage.folder.services / "ledger.pem"), str(stage.folder.services / "ledger.key"))
        yield session


@pytest.mark.parametrize("known", [False, True], ids=["ids that are made up", "ids that are there"])
@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_every_answer_is_as_the_document_says(
    stage: Stage, caller: Caller, session: requests.Session, mode: GenerationMode, *, known: bool
) -> None:
    account = caller.accounts("amelia-at-albion")[0]["id"]
    document = json.loads(ask("GET", f"{stage.admin}/openapi.json").body)
    served = schemathesis.openapi.from_dict(document)
    tls = {"verify": session.verify, "cert": session.cert}
    answered: set[tuple[str, int]] = set()

    def call(case: schemathesis.Case) -> None:
        if known:
            case.headers["Consent-Id"] = "amelia-at-albion"
            case.path_parameters |= {"account_id": account} if "{account_id}" in case.path else {}
        # Ids of consents, accounts and cursors that are generated name nothing: 404 and 410 are the right answers to
        # them, which `positive_data_acceptance` would call a rejection. With ids put in their place a call made to be
        # wrong may be right, which `negative_data_rejection` would call an acceptance.
        excluded = [positive_data_acceptance, *([negative_data_rejection, missing_required_header] if known else [])]
        headers = {"Authorization": stage.folder.token("ledger")}
        answer = case.call_and_validate(
            base_url=stage.service, session=session, headers=headers, excluded_checks=excluded, timeout=15, **tls
        )
        answered.add((case.operation.label, answer.status_code))

    operations = [found.ok() for found in served.include(path_regex="^/v1/").get_all_operations()]
    for operation in operations:
        _BOUNDED(given(case=operation.as_strategy(generation_mode=mode))(call))()
    assert {label for label, _ in answered} == {operation.label for operation in operations}
    assert any(status == 200 for _, status in answered) or not known


def test_the_example_of_each_answer_is_what_is_answered(stage: Stage, caller: Caller) -> None:
    """The members of the document's own examples are those of real answers."""
    document = json.loads(ask("GET", f"{stage.admin}/openapi.json").body)
    account = caller.accounts("amelia-at-albion")[0]["id"]
    for template, methods in document["paths"].items():
        if not template.startswith("/v1/"):
            continue
        example = methods["get"]["responses"]["200"]["content"]["application/json"]["example"]
        path = template.replace("{account_id}", account).replace("{bank}", "albion-sandbox")
        answer = check_answer(caller.get(path, "amelia-at-albion"))
        assert answer.status == 200, template
        assert set(answer.json) == set(example), template
