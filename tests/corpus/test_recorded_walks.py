"""Walks and what they take from a recording, on pairs written here; and how explanations are held against findings."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.corpus.recorded_walks import Conversation, Counts, read_walks, unexplained

LIST = {
    "url": "/v1/accounts",
    "headers": {"Authorization": {"equalTo": "Bearer abc"}, "Consent-ID": {"matches": "c-1"}},
}
ROWS = {
    "urlPath": "/v1/accounts/1/transactions",
    "headers": {"Authorization": {"contains": "Bearer abc"}, "PSU-IP-Address": {"matches": "^[0-9.]+$"}},
}


def conversation(folder: Path, *requests: dict[str, Any], **said: Any) -> Conversation:
    for number, request in enumerate(requests):
        path = folder / "recorded" / "bank" / "stet" / "flow" / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"request": {"method": "GET", **request}, "response": {"jsonBody": {}}}))
    walk = {"recorded": "bank/stet", "below": ["flow/"], "at_least": {}, **said}
    (folder / "walks.yaml").write_text(json.dumps({"bank": walk}))
    [one] = read_walks(folder, folder / "walks.yaml")
    return one


def test_what_a_recording_demands_is_taken_from_it(tmp_path: Path) -> None:
    one = conversation(tmp_path, LIST, ROWS)
    assert (one.token, one.consent, one.psu_address) == ("abc", "c-1", "127.0.0.1")
    assert [page.kind for page in one.pages] == ["accounts", "transactions"]


def test_what_it_leaves_open_is_said_by_the_walk(tmp_path: Path) -> None:
    anyone = {
        "url": "/v1/accounts",
        "headers": {"Authorization": {"matches": "Bearer .*"}, "PSU-ID": {"matches": ".+"}},
    }
    one = conversation(tmp_path, anyone, token="mine", consent="ours")
    assert (one.token, one.consent) == ("mine", "ours")
    assert conversation(tmp_path, LIST).psu_address is None


def test_two_tokens_in_one_conversation_are_a_question_to_the_walk(tmp_path: Path) -> None:
    other = {**ROWS, "headers": {"Authorization": {"equalTo": "Bearer other"}}}
    with pytest.raises(ValueError, match="bank: the recording wants several values of authorization"):
        _ = conversation(tmp_path, LIST, other).token
    assert conversation(tmp_path, LIST, other, token="abc").token == "abc"


def test_an_address_is_sent_as_recorded(tmp_path: Path) -> None:
    wanted = {**LIST, "headers": {"PSU-IP-Address": {"equalTo": "192.0.2.7"}}}
    assert conversation(tmp_path, wanted).psu_address == "192.0.2.7"


def test_the_banks_file_is_what_an_operator_would_write(tmp_path: Path) -> None:
    wanted = {**LIST, "headers": {"X-Client": {"equalTo": "us"}, "X-Hub": {"matches": ".+"}}}
    said = {"bank": "base", "base": {"default": "/v1", "balances": "/v2"}, "client_id": "X-Client"}
    one = conversation(tmp_path, wanted, headers={"X-Client": None, "X-Hub": "7"}, file={"zone": "UTC"}, **said)
    assert one.bank_file("https://localhost:1") == {
        "environment": "sandbox",
        "network": "private",
        "base_urls": {"default": "https://localhost:1/v1", "balances": "https://localhost:1/v2"},
        "headers": {"X-Client": "us", "X-Hub": "7"},
        "zone": "UTC",
        "extends": "base",
        "client_id": "us",
    }


def test_a_misspelt_key_of_a_walk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(msgspec.ValidationError, match="unmached"):
        conversation(tmp_path, LIST, unmached={})


def test_what_nobody_explains_and_what_explains_nothing() -> None:
    found = {"GET /v1/accounts/1?x=[a]": 1, "GET /v1/cards": 2}
    assert unexplained(found, {}) == (list(found), [])
    assert unexplained(found, {"GET /v1/accounts/*": "", "GET /v1/cards": ""}) == ([], [])
    assert unexplained(found, {"GET /v1/*": "", "GET /v2/*": ""}) == ([], ["GET /v2/*"])
    assert unexplained({"GET /v1/accounts/1?x=[a]": 1}, {"GET /v1/accounts/1?x=[a]": ""}) == ([], [])


def test_counts_are_a_minimum() -> None:
    seen = Counts(2, 4, 7, 3)
    assert seen.reaches(Counts(2, 4, 7, 3))
    assert seen.reaches(Counts(accounts=1))
    assert not seen.reaches(Counts(pages=4))
