"""The document of what is served: valid OpenAPI 3.1, true to the routes, usable by tools that read nothing else."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import jsonschema
import orjson
import pytest
import schemathesis
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from gateway import errors, filters, routes
from gateway.contract import Operation
from gateway.files import shipped
from gateway.openapi import Served, document, openapi_bytes
from gateway.openapi.operations import FILTERS, OPERATIONS

FULL = ("headers", "mtls", "jwt", "scopes", "consent", "rate_limit", "timeout", "cache")
ROWS = (
    Served("GET", "/v1/banks", "banks.list", ("headers", "mtls", "jwt", "scopes"), ("banks:read",)),
    Served("GET", "/v1/banks/{bank}", "banks.get", ("headers", "mtls", "jwt", "scopes"), ("banks:read",)),
    Served("GET", "/v1/accounts", "accounts.list", FULL, ("accounts:read",)),
    Served("GET", "/v1/accounts/{account_id}", "accounts.get", FULL, ("accounts:read",)),
    Served("GET", "/v1/accounts/{account_id}/balances", "balances.list", FULL, ("balances:read",)),
    Served("GET", "/v1/accounts/{account_id}/transactions", "transactions.list", FULL, ("transactions:read",)),
)


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    folder = shipped() / "mappings" / "canonical" / "v1"
    return {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}


@pytest.fixture(scope="module")
def whole(schemas) -> dict[str, Any]:
    return document(ROWS, schemas)


def responses(whole: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for template, item in whole["paths"].items():
        for status, response in item["get"]["responses"].items():
            yield template, status, response


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from references(child)


def resolved(whole: dict[str, Any], reference: str) -> Any:
    assert reference.startswith("#/")
    value: Any = whole
    for key in reference.removeprefix("#/").split("/"):
        value = value[key]
    return value


def body_validator(whole: dict[str, Any], schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    registry: Registry[Any] = Registry().with_resource("urn:document", DRAFT202012.create_resource(whole))
    turned = json.loads(json.dumps(schema).replace('"#/components', '"urn:document#/components'))
    return jsonschema.Draft202012Validator(turned, registry=registry)


def test_it_is_valid_by_the_standard_s_own_schema(whole):
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(whole)] == []
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors({**whole, "paths": []})] != []


def test_every_reference_leads_somewhere_and_every_schema_and_example_is_referred_to(whole):
    used = set(references(whole))
    for reference in used:
        assert resolved(whole, reference)
    for kind in ("schemas", "examples"):
        assert {f"#/components/{kind}/{name}" for name in whole["components"][kind]} <= used


def test_component_schemas_are_schemas(whole):
    for schema in whole["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_only_what_is_served_is_told(schemas):
    plain = Served("GET", "/internal/rates", None, ("headers", "mtls"))
    told = document((ROWS[0], plain), schemas)
    assert list(told["paths"]) == ["/v1/banks"]
    assert "transaction" not in told["components"]["schemas"]


def test_every_operation_and_every_filter_that_a_policy_may_name_is_described():
    assert set(get_args(Operation)) <= set(OPERATIONS)
    assert set(OPERATIONS) == set(routes.OPERATIONS)
    assert set(FILTERS) == set(filters.FILTERS)


def test_every_answer_has_an_example_and_every_example_is_valid(whole):
    for template, status, response in responses(whole):
        for media in response["content"].values():
            shown = [resolved(whole, example["$ref"])["value"] for example in media.get("examples", {}).values()]
            examples = shown or [media["example"]]
            for example in examples:
                body_validator(whole, media["schema"]).validate(example)
                assert status == "200" or example["status"] == int(status), template


def test_a_list_s_example_holds_records(whole):
    media = whole["paths"]["/v1/accounts/{account_id}/transactions"]["get"]["responses"]["200"]["content"]
    example = media["application/json"]["example"]
    assert [record["status"] for record in example["transactions"]] == ["booked", "pending"]
    assert example["incomplete"] is None
    assert example["next"] is None


def test_a_schema_of_an_answer_refuses_another_answer(whole):
    ok = whole["paths"]["/v1/accounts"]["get"]["responses"]["200"]["content"]["application/json"]
    late = whole["paths"]["/v1/accounts"]["get"]["responses"]["504"]["content"]["application/problem+json"]
    assert not body_validator(whole, ok["schema"]).is_valid({**ok["example"], "more": True})
    example = resolved(whole, late["examples"]["bank_timed_out"]["$ref"])["value"]
    assert not body_validator(whole, late["schema"]).is_valid({**example, "code": "not_found"})
    assert not body_validator(whole, late["schema"]).is_valid({**example, "payload": "…"})


def test_every_problem_of_a_status_is_told_with_its_code(whole):
    for template, status, response in responses(whole):
        if status != "200":
            media = response["content"]["application/problem+json"]
            codes = media["schema"]["properties"]["code"]["enum"]
            assert codes == list(media["examples"]), template
            assert {kind.status for kind in errors.kinds() if kind.code in codes} == {int(status)}


def test_a_read_may_always_be_repeated_and_a_write_only_where_nothing_can_happen_twice(schemas):
    told = document((ROWS[2], Served("POST", "/v1/accounts", "accounts.list", FULL)), schemas)
    item = told["paths"]["/v1/accounts"]

    def safe(method: str, status: str, code: str) -> bool:
        shown = item[method]["responses"][status]["content"]["application/problem+json"]["examples"][code]
        return bool(resolved(told, shown["$ref"])["value"]["safe_to_repeat"])

    assert safe("get", "504", "bank_timed_out")
    assert not safe("post", "504", "bank_timed_out")
    assert safe("post", "503", "bank_unreachable")


def test_what_a_caller_may_meet_depends_on_the_operation_and_its_filters(whole):
    banks = set(whole["paths"]["/v1/banks"]["get"]["responses"])
    transactions = set(whole["paths"]["/v1/accounts/{account_id}/transactions"]["get"]["responses"])
    assert banks == {"200", "400", "401", "403", "417", "431", "500", "503", "504"}
    assert transactions - banks == {"404", "410", "422", "429", "502"}


def test_parameters_are_those_of_the_path_the_operation_and_the_filters(whole):
    def told(template: str) -> list[tuple[str, str, bool]]:
        return [(one["in"], one["name"], one["required"]) for one in whole["paths"][template]["get"]["parameters"]]

    ids = [("header", "x-fapi-interaction-id", False), ("header", "x-request-id", False)]
    assert told("/v1/banks/{bank}") == [("path", "bank", True), *ids]
    assert told("/v1/accounts/{account_id}/transactions") == [
        ("path", "account_id", True),
        ("query", "from", False),
        ("query", "to", False),
        ("query", "status", False),
        ("query", "cursor", False),
        *ids,
        ("header", "Consent-Id", True),
        ("header", "PSU-IP-Address", False),
        ("header", "PSU-User-Agent", False),
        ("header", "Cache-Control", False),
    ]


def test_parameter_examples_are_valid(whole):
    for item in whole["paths"].values():
        for parameter in item["get"]["parameters"]:
            body_validator(whole, parameter["schema"]).validate(parameter["example"])


def test_security_is_what_the_filters_ask_for(whole, schemas):
    assert whole["paths"]["/v1/accounts"]["get"]["security"] == [{"mutual_tls": [], "bearer": ["accounts:read"]}]
    public = document((Served("GET", "/v1/banks", "banks.list", ("headers",)),), schemas)
    assert public["paths"]["/v1/banks"]["get"]["security"] == []


def test_an_operation_on_two_routes_is_named_once(schemas):
    twice = document((ROWS[0], Served("GET", "/v1/catalogue", "banks.list", ())), schemas)
    assert [item["get"].get("operationId") for item in twice["paths"].values()] == ["banks.list", None]


@pytest.mark.parametrize(
    "row",
    [
        Served("GET", "/v1/x", "accounts.lst", ()),
        Served("GET", "/v1/x", "banks.list", ("mtsl",)),
        Served("GET", "/v1/{other}", "banks.get", ()),
    ],
)
def test_what_has_no_description_is_not_passed_over(row, schemas):
    with pytest.raises(KeyError):
        document((row,), schemas)


def test_the_bytes_are_the_document(schemas, whole):
    assert orjson.loads(openapi_bytes(ROWS, schemas)) == whole


def test_schemathesis_finds_every_operation_and_makes_calls_from_it(whole):
    loaded = schemathesis.openapi.from_dict(whole)
    found = {result.ok().label: result.ok() for result in loaded.get_all_operations()}
    assert set(found) == {f"GET {row.template}" for row in ROWS}
    case = found["GET /v1/accounts/{account_id}/transactions"].Case(path_parameters={"account_id": "acc_1"})
    assert case.formatted_path == "/v1/accounts/acc_1/transactions"
