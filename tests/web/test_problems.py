"""Every kind of failure becomes one problem of RFC 9457, in one shape."""

import json

import pytest

from gateway.errors import BankTimedOut, GatewayError, RequestInvalid, kinds
from gateway.web.problems import problem

TRACE, INTERACTION = "0af7651916cd43dd8448eb211c80319c", "6f1c2b1e-0f6e-4a55-9ef1-0123456789ab"


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_every_kind_says_who_must_act_and_whether_to_repeat(kind: type[GatewayError]):
    response = problem(kind("A sentence."), method="POST", trace_id=TRACE, interaction_id=INTERACTION)
    body = json.loads(response.body)  # type: ignore[arg-type]
    assert response.status == body["status"] == kind.status
    assert dict(response.headers)["Content-Type"] == "application/problem+json"
    assert dict(response.headers)["Cache-Control"] == "no-store"
    assert dict(response.headers)["x-fapi-interaction-id"] == INTERACTION
    assert body == {
        "type": kind("x").type_uri,
        "title": kind.title,
        "status": kind.status,
        "detail": "A sentence.",
        "instance": f"urn:uuid:{INTERACTION}",
        "code": kind.code,
        "origin": kind.origin,
        "safe_to_repeat": kind.safe_to_repeat,
        "trace_id": TRACE,
    }


def test_reading_again_does_nothing_twice():
    for method, safe in (("GET", True), ("HEAD", True), ("POST", False), ("DELETE", False)):
        assert json.loads(problem(BankTimedOut(), method=method).body)["safe_to_repeat"] is safe  # type: ignore[arg-type]


def test_members_extend_and_never_replace():
    error = RequestInvalid(errors=[{"name": "from", "in": "query", "message": "is not a date"}], status=200, code="x")
    body = json.loads(problem(error).body)  # type: ignore[arg-type]
    assert (body["status"], body["code"]) == (400, "request_invalid")
    assert body["errors"] == [{"name": "from", "in": "query", "message": "is not a date"}]
    assert not {"detail", "instance", "trace_id"} & body.keys()


def test_an_echoed_id_is_not_added_twice():
    error = RequestInvalid(headers=(("X-FAPI-Interaction-ID", "theirs"),))
    names = [name.lower() for name, _ in problem(error, interaction_id=INTERACTION).headers]
    assert names.count("x-fapi-interaction-id") == 1
