import hashlib
from typing import Any

import pytest


async def test_faults_are_set_read_and_taken_back(caller: Any) -> None:
    wanted = {"faults": [{"kind": "latency", "milliseconds": 5, "operation": "accounts.list", "count": 3}]}
    for method, document in (("PUT", wanted), ("GET", None)):
        reply = await caller.admin(method, "/banks/albion/faults", document)
        (fault,) = reply.json["faults"]
        assert (fault["kind"], fault["milliseconds"], fault["operation"], fault["count"]) == (
            "latency",
            5,
            "accounts.list",
            3,
        )
    await caller.get("albion", "/accounts")
    assert (await caller.admin("GET", "/banks/albion/faults")).json["faults"][0]["count"] == 2
    assert (await caller.admin("GET", "/banks/havel/faults")).json == {"faults": []}
    assert (await caller.admin("DELETE", "/banks/albion/faults")).json == {"faults": []}


@pytest.mark.parametrize(
    "document",
    [
        {"faults": [{"kind": "earthquake"}]},
        {"faults": [{"kind": "429", "operation": "payments.create"}]},
        {"faults": [{"kind": "429", "count": 0}]},
        {"faults": [{"kind": "429", "sometimes": True}]},
        {"fault": []},
        ["429"],
    ],
)
async def test_wrong_faults_are_refused_and_change_nothing(caller: Any, document: object) -> None:
    await caller.admin("PUT", "/banks/albion/faults", {"faults": [{"kind": "500"}]})
    reply = await caller.admin("PUT", "/banks/albion/faults", document)
    assert reply.status == 400
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert "The faults can not be set" in reply.json["detail"]
    assert [one["kind"] for one in (await caller.admin("GET", "/banks/albion/faults")).json["faults"]] == ["500"]


async def test_an_unknown_bank_is_told_with_those_that_there_are(caller: Any) -> None:
    for method, resource in (("GET", "faults"), ("PUT", "faults"), ("GET", "requests")):
        reply = await caller.admin(method, f"/banks/alboin/{resource}", {"faults": []})
        assert reply.status == 404
        assert reply.json["detail"] == "There is no bank 'alboin'; there are: albion, havel, lutece, pennine"


async def test_requests_are_shown_with_headers_and_hashed_tokens(caller: Any) -> None:
    await caller.get("havel", "/accounts?withBalance=true", headers={"traceparent": "00-1-2-01"})
    reply = await caller.admin("GET", "/banks/havel/requests")
    (seen,) = reply.json["requests"]
    headers = dict(seen["headers"])
    token = "simulator-only.havel.blanka"
    assert headers["authorization"] == f"Bearer sha256:{hashlib.sha256(token.encode()).hexdigest()}"
    assert token.encode() not in reply.body
    assert headers["traceparent"] == "00-1-2-01"
    assert (seen["path"], seen["query"]) == ("/psd2/v1/accounts", "withBalance=true")
    assert (seen["operation"], seen["status"]) == ("accounts.list", 200)
    assert seen["certificate"]["common_name"] == "tpp.gateway.example"
    assert seen["certificate"]["organisation"] == "Example Gateway Ltd"
    assert (await caller.admin("DELETE", "/banks/havel/requests")).json == {"requests": []}


async def test_banks_are_listed_with_their_counters(caller: Any) -> None:
    await caller.get("albion", "/accounts")
    await caller.get("albion", "/accounts/none")
    await caller.get("albion", "/balances")
    banks = {bank["name"]: bank for bank in (await caller.admin("GET", "/banks")).json["banks"]}
    assert set(banks) == {"albion", "pennine", "havel", "lutece"}
    albion = banks["albion"]
    assert albion["base_url"] == caller.simulation.banks["albion"].base_url
    assert (albion["received"], albion["answered"]) == (3, 3)
    assert albion["statuses"] == {"200": 1, "400": 1, "404": 1}
    assert albion["operations"] == {"accounts.list": 1, "accounts.get": 1, "none": 1}
    assert banks["pennine"]["received"] == 0
