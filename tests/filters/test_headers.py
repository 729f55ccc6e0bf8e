import uuid

import pytest

from gateway.errors import BankFailed, RequestInvalid, ScopeMissing
from gateway.exchange import Response
from tests.filters.calling import CALLER, ROUTE, a_record

EDGE = "defaults: {filters: [{name: headers}]}\n"
PUBLIC = EDGE + ROUTE.replace("operation: accounts.list", "operation: banks.list\n    public: true").replace(
    "    filters: [{name: consent}]\n", ""
).replace("/v1/accounts", "/v1/banks")
PLAIN = EDGE + ROUTE.replace(
    "operation: accounts.list", "upstream: {url: 'http://reports.test'}\n    public: true"
).replace("    filters: [{name: consent}]\n", "")
ONE, TWO = "0b2f7c56-3c1e-4a55-9a7e-52d1f0c9e6aa", str(uuid.uuid4())


async def test_ids_are_created_and_echoed(gateway_of):
    gateway, record = gateway_of(PUBLIC), a_record()
    headers = dict((await gateway.call("/v1/banks", record=record)).headers)
    assert uuid.UUID(headers["x-fapi-interaction-id"])
    assert uuid.UUID(headers["x-request-id"])
    assert record.interaction_id == headers["x-fapi-interaction-id"]


async def test_ids_of_the_caller_are_echoed_as_they_came(gateway_of):
    gateway, record = gateway_of(PUBLIC), a_record()
    sent = {"X-FAPI-Interaction-ID": ONE.upper(), "X-Request-ID": TWO}
    headers = dict((await gateway.call("/v1/banks", sent, record=record)).headers)
    assert headers["x-fapi-interaction-id"] == ONE.upper() == record.interaction_id
    assert headers["x-request-id"] == TWO


@pytest.mark.parametrize("name", ["x-fapi-interaction-id", "x-request-id"])
@pytest.mark.parametrize(
    "value", ["", "1", ONE[:-1], ONE + "0", f" {ONE}", f"{{{ONE}}}", ONE.replace("-", ""), "x" * 36]
)
async def test_an_id_that_is_no_uuid_is_refused_and_a_new_one_answers(gateway_of, name, value):
    gateway, record = gateway_of(PUBLIC), a_record()
    with pytest.raises(RequestInvalid) as caught:
        await gateway.call("/v1/banks", {name: value}, record=record)
    assert caught.value.members["errors"] == [{"name": name, "in": "header", "message": "must be one UUID"}]
    echoed = dict(caught.value.headers)
    assert uuid.UUID(echoed["x-fapi-interaction-id"])
    assert record.interaction_id == echoed["x-fapi-interaction-id"]


async def test_both_ids_are_told_when_both_are_wrong(gateway_of):
    with pytest.raises(RequestInvalid) as caught:
        await gateway_of(PUBLIC).call(
            "/v1/banks", [("x-request-id", "a"), ("x-fapi-interaction-id", ONE), ("x-fapi-interaction-id", TWO)]
        )
    assert [error["name"] for error in caught.value.members["errors"]] == ["x-fapi-interaction-id", "x-request-id"]


async def test_ids_are_on_every_problem_that_comes_from_within(gateway_of):
    gateway = gateway_of()
    gateway.innermost.answer = BankFailed(headers=(("Retry-After", "3"),))
    sent = {**gateway.authorised(), "x-fapi-interaction-id": ONE, "x-request-id": TWO}
    with pytest.raises(BankFailed) as caught:
        await gateway.call(headers=sent)
    assert dict(caught.value.headers) == {"Retry-After": "3", "x-fapi-interaction-id": ONE, "x-request-id": TWO}


async def test_an_unforeseen_failure_passes_and_the_record_holds_the_id(gateway_of):
    gateway, record = gateway_of(PUBLIC), a_record()
    gateway.innermost.answer = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await gateway.call("/v1/banks", {"x-fapi-interaction-id": ONE}, record=record)
    assert record.interaction_id == ONE


async def test_a_failure_that_two_calls_share_never_happens(gateway_of):
    gateway = gateway_of()
    sent = gateway.authorised(scope="other")
    for ids in (ONE, TWO):
        gateway.innermost.answer = ScopeMissing()
        with pytest.raises(ScopeMissing) as caught:
            await gateway.call(headers={**sent, "x-fapi-interaction-id": ids})
        assert [value for name, value in caught.value.headers if name == "x-fapi-interaction-id"] == [ids]


async def test_a_plain_upstream_is_told_the_ids_that_were_created(gateway_of):
    gateway = gateway_of(PLAIN)
    gateway.innermost.answer = Response(204, (), b"")
    answered = dict((await gateway.call(headers={"Accept": "text/csv", "X-Request-ID": ONE})).headers)
    forwarded = gateway.innermost.exchanges[0].request
    assert forwarded.headers.getall("x-fapi-interaction-id") == [answered["x-fapi-interaction-id"]]
    assert forwarded.headers.getall("X-Request-Id") == [ONE]
    assert forwarded.headers.get("accept") == "text/csv"
    assert forwarded.peer == CALLER
