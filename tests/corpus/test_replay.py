"""The replay server, over sockets, with conversations written here."""

import json
import ssl
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import pytest
import trustme
from yarl import URL

from tests.corpus.matchers import CONSTANT, ORDER, SIGNING
from tests.corpus.pairs import read_recording
from tests.corpus.replay import RecordedBank, describe, serve

Json: TypeAlias = dict[str, Any]


def write(folder: Path, file: str, request: Json, response: Json | None = None, **more: Any) -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    pair = {
        "request": {"method": "GET", **request},
        "response": response or {"status": 200, "jsonBody": {"file": file}},
    }
    path.write_text(json.dumps(pair | more))


async def ask(
    bank: RecordedBank, target: str, headers: dict[str, str] | None = None, method: str = "GET", body: bytes = b""
) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as client:
        url = URL(bank.base_url + target, encoded=True)
        async with client.request(method, url, headers=headers, data=body or None) as answer:
            return answer.status, await answer.read()


async def test_the_most_demanding_pair_answers(tmp_path: Path) -> None:
    write(tmp_path, "a-first-page.json", {"urlPath": "/rows"})
    write(tmp_path, "b-second-page.json", {"urlPath": "/rows", "queryParameters": {"page": {"equalTo": "2"}}})
    async with serve(read_recording(tmp_path)) as bank:
        assert json.loads((await ask(bank, "/rows"))[1]) == {"file": "a-first-page.json"}
        assert json.loads((await ask(bank, "/rows?page=2"))[1]) == {"file": "b-second-page.json"}


async def test_a_priority_goes_before_what_demands_more(tmp_path: Path) -> None:
    write(tmp_path, "usual.json", {"urlPath": "/rows", "queryParameters": {"page": {"equalTo": "2"}}})
    write(tmp_path, "maintenance.json", {"urlPathPattern": "/r.*"}, {"status": 503}, priority=1)
    async with serve(read_recording(tmp_path)) as bank:
        assert (await ask(bank, "/rows?page=2"))[0] == 503


async def test_a_request_that_matches_nothing_names_the_nearest_pair_and_what_failed(tmp_path: Path) -> None:
    demands = {
        "queryParameters": {"dateFrom": {"matches": r"\d{4}-\d{2}-\d{2}"}},
        "headers": {"Consent-ID": {"equalTo": "c1"}, "X-Request-ID": {"matches": ".+"}},
    }
    write(tmp_path, "rows.json", {"urlPath": "/v1/rows", **demands})
    write(tmp_path, "other.json", {"urlPath": "/v2/else"})
    async with serve(read_recording(tmp_path)) as bank:
        status, _ = await ask(bank, "/v1/rows?dateFrom=2024-1-1", {"X-Request-ID": "r"})
    assert status == 404
    (exchange,) = bank.unmatched
    assert exchange.nearest == "rows.json"
    assert [finding.about.split(" ", 2)[:2] for finding in exchange.missed] == [
        ["query", "dateFrom"],
        ["header", "Consent-ID"],
    ]
    assert "got '2024-1-1'" in describe(bank.journal)


@pytest.mark.parametrize(
    ("matcher", "passes", "fails"),
    [
        ({"equalTo": "both"}, "both", "booth"),
        ({"equalTo": "Both", "caseInsensitive": True}, "bOTH", "booth"),
        ({"contains": "oo"}, "booked", "bocked"),
        ({"doesNotContain": "oo"}, "bocked", "booked"),
        ({"matches": "bo.*"}, "booked", "unbooked"),
        ({"doesNotMatch": "bo.*"}, "unbooked", "booked"),
    ],
)
async def test_each_kind_of_matcher_takes_and_refuses(
    tmp_path: Path, matcher: dict[str, object], passes: str, fails: str
) -> None:
    write(tmp_path, "rows.json", {"urlPath": "/rows", "queryParameters": {"status": matcher}})
    async with serve(read_recording(tmp_path)) as bank:
        assert (await ask(bank, f"/rows?status={passes}"))[0] == 200
        assert (await ask(bank, f"/rows?status={fails}"))[0] == 404


@pytest.mark.parametrize("truth", [True, ""])
async def test_absent_means_absent_whatever_its_value_says(tmp_path: Path, truth: object) -> None:
    write(tmp_path, "rows.json", {"urlPath": "/rows", "queryParameters": {"page": {"absent": truth}}})
    async with serve(read_recording(tmp_path)) as bank:
        assert (await ask(bank, "/rows"))[0] == 200
        assert (await ask(bank, "/rows?page="))[0] == 404


async def test_a_query_is_compared_decoded(tmp_path: Path) -> None:
    write(tmp_path, "rows.json", {"urlPath": "/rows", "queryParameters": {"token": {"equalTo": "a+b="}}})
    async with serve(read_recording(tmp_path)) as bank:
        assert (await ask(bank, "/rows?token=a%2Bb%3D"))[0] == 200


async def test_the_order_of_the_query_is_waived_and_counted_but_nothing_may_be_added(tmp_path: Path) -> None:
    write(tmp_path, "rows.json", {"url": "/rows?a=1&b=2"})
    async with serve(read_recording(tmp_path)) as bank:
        assert (await ask(bank, "/rows?b=2&a=1"))[0] == 200
        assert (await ask(bank, "/rows?b=2&a=1&c=3"))[0] == 404
    assert bank.not_enforced() == {("url", ORDER): 1}


async def test_signing_is_waived_and_a_call_id_needs_any_value(tmp_path: Path) -> None:
    demands = {"Signature": {"matches": "keyId=.+"}, "X-Request-ID": {"equalTo": "12345"}}
    write(tmp_path, "rows.json", {"urlPath": "/rows", "headers": demands})
    async with serve(read_recording(tmp_path)) as bank:
        assert (await ask(bank, "/rows", {"x-request-id": "fresh"}))[0] == 200
        assert (await ask(bank, "/rows"))[0] == 404
    assert bank.not_enforced() == {("header Signature", SIGNING): 1, ("header X-Request-ID", CONSTANT): 1}


async def test_a_pattern_of_a_call_id_is_no_constant(tmp_path: Path) -> None:
    write(tmp_path, "rows.json", {"urlPath": "/rows", "headers": {"X-Request-ID": {"matches": "^[0-9a-f]{8}$"}}})
    async with serve(read_recording(tmp_path)) as bank:
        assert (await ask(bank, "/rows", {"X-Request-ID": "0123abcd"}))[0] == 200
        assert (await ask(bank, "/rows", {"X-Request-ID": "fresh"}))[0] == 404


async def test_a_scenario_moves_on(tmp_path: Path) -> None:
    states: Json = {"scenarioName": "consent", "requiredScenarioState": "Started", "newScenarioState": "done"}
    write(tmp_path, "pending.json", {"urlPath": "/status"}, None, **states)
    write(tmp_path, "valid.json", {"urlPath": "/status"}, scenarioName="consent", requiredScenarioState="done")
    async with serve(read_recording(tmp_path)) as bank:
        answers = [json.loads((await ask(bank, "/status"))[1])["file"] for _ in range(3)]
    assert answers == ["pending.json", "valid.json", "valid.json"]


async def test_a_number_leaves_as_it_was_written(tmp_path: Path) -> None:
    response = '{"jsonBody": {"amount": 12.340000000000000000001}}'
    pair = '{"request": {"method": "GET", "urlPath": "/rows"}, "response": ' + response + "}"
    (tmp_path / "rows.json").write_text(pair)
    async with serve(read_recording(tmp_path)) as bank:
        assert b"12.340000000000000000001" in (await ask(bank, "/rows"))[1]


async def test_links_name_the_server_itself_and_bodies_come_from_files(tmp_path: Path) -> None:
    links = "{{request.requestLine.baseUrl}}/next https://localhost:{{request.requestLine.port}}/next {{unknown}}"
    (tmp_path / "__files").mkdir()
    (tmp_path / "__files" / "rows.txt").write_text(links)
    headers = {"x-fapi-interaction-id": "{{request.headers.x-fapi-interaction-id}}", "Transfer-Encoding": "chunked"}
    write(tmp_path, "rows.json", {"urlPath": "/rows"}, {"bodyFileName": "rows.txt", "headers": headers})
    async with serve(read_recording(tmp_path)) as bank, aiohttp.ClientSession() as client:
        async with client.get(f"{bank.base_url}/rows", headers={"X-FAPI-Interaction-Id": "i1"}) as answer:
            text = await answer.text()
        assert answer.headers["x-fapi-interaction-id"] == "i1"
        assert text == f"{bank.base_url}/next https://localhost:{bank.port}/next {{{{unknown}}}}"


async def test_bodies_and_basic_credentials_are_matched(tmp_path: Path) -> None:
    patterns = [{"contains": "grant_type=client_credentials"}, {"matches": ".*scope=\\w+"}]
    request = {"method": "POST", "url": "/token", "bodyPatterns": patterns}
    write(tmp_path, "token.json", request | {"basicAuthCredentials": {"username": "u", "password": "p"}})
    form = b"grant_type=client_credentials&scope=accounts"
    right = {"Authorization": aiohttp.encode_basic_auth("u", "p")}
    async with serve(read_recording(tmp_path)) as bank:
        assert (await ask(bank, "/token", right, "POST", form))[0] == 200
        assert (await ask(bank, "/token", right, "POST", b"grant_type=other"))[0] == 404
        assert (await ask(bank, "/token", {}, "POST", form))[0] == 404


@pytest.mark.parametrize(
    ("fault", "seen"),
    [("EMPTY_RESPONSE", aiohttp.ServerDisconnectedError), ("CONNECTION_RESET_BY_PEER", aiohttp.ClientOSError)],
)
async def test_a_fault_ends_the_connection(tmp_path: Path, fault: str, seen: type[Exception]) -> None:
    write(tmp_path, "rows.json", {"urlPath": "/rows"}, {"fault": fault})
    async with serve(read_recording(tmp_path)) as bank:
        with pytest.raises(seen):
            await ask(bank, "/rows")
        assert {exchange.file for exchange in bank.journal} == {"rows.json"}


async def test_it_speaks_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    write(tmp_path, "rows.json", {"urlPath": "/rows"})
    async with serve(read_recording(tmp_path), server) as bank, aiohttp.ClientSession() as session:
        async with session.get(f"{bank.base_url}/rows", ssl=client) as answer:
            assert answer.status == 200
        assert bank.base_url.startswith("https://localhost:")


def test_a_folder_is_read_in_part_and_what_can_not_be_served_is_named(tmp_path: Path) -> None:
    write(tmp_path, "happy/rows.json", {"urlPath": "/rows"})
    write(tmp_path, "happy/left/rows.json", {"urlPath": "/rows"})
    write(tmp_path, "sad/rows.json", {"urlPath": "/rows"})
    write(tmp_path, "happy/xml.json", {"urlPath": "/rows", "bodyPatterns": [{"equalToXml": "<a/>"}]})
    (tmp_path / "happy" / "broken.json").write_text("{")
    recording = read_recording(tmp_path, ("happy/",), ("happy/left/",))
    assert [pair.file for pair in recording.pairs] == ["happy/rows.json"]
    assert [file for file, _ in recording.unserved] == ["happy/broken.json", "happy/xml.json"]
