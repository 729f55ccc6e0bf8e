"""Body matchers, asked through the journal's own finding."""

import json

import pytest

from tests.corpus.bodies import Unservable, build_body_conditions
from tests.corpus.matchers import Received

CONSENT = {
    "access": {"accounts": [{"iban": "XX1"}], "balances": []},
    "frequencyPerDay": 4,
    "validUntil": "2030-01-31",
    "recurringIndicator": True,
    "kinds": ["b", "a"],
}


def holds(pattern: dict[str, object], body: object = CONSENT) -> bool:
    (condition,) = build_body_conditions([pattern])
    text = body if isinstance(body, str) else json.dumps(body)
    return condition.examine(Received("POST", "/", (), text.encode())).holds


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$[?(@.frequencyPerDay == 4)]", True),
        ("$.[?(@.frequencyPerDay == 4)]", True),
        ("[?(@.frequencyPerDay == 3)]", False),
        ("$[?(@.frequencyPerDay == '4')]", False),
        ("$[?(@.recurringIndicator == true && @.frequencyPerDay == 4)]", True),
        ("$[?(@.recurringIndicator == true && @.frequencyPerDay == 5)]", False),
        ("$[?(@.validUntil =~ /[0-9]{4}-[0-9]{2}-[0-9]{2}/i)]", True),
        ("$[?(@.validUntil =~ /^2029.*$/)]", False),
        ("$.access.accounts[0][?(@.iban == 'XX1')]", True),
        ("$.access.accounts.[0].iban", True),
        ("$.access.accounts[1].iban", False),
        ("$.access[?(@.balances.size() == 0)]", True),
        ("$.[?(@.access size 2)]", True),
        ("$.[?(@.kinds subsetof ['a', 'b', 'c'])]", True),
        ("$.[?(@.kinds subsetof ['a'])]", False),
        ("$.absent[?(@.iban == 'XX1')]", False),
    ],
)
def test_the_json_paths_that_recordings_use(expression: str, *, expected: bool) -> None:
    assert holds({"matchesJsonPath": expression}) is expected


def test_a_path_may_carry_a_matcher_of_what_it_finds() -> None:
    accounts = {"expression": "$.access", "equalToJson": '{"accounts": [{"iban": "XX1"}], "balances": []}'}
    assert holds({"matchesJsonPath": accounts})
    assert holds({"matchesJsonPath": {"expression": "$.frequencyPerDay", "equalTo": "4"}})
    assert not holds({"matchesJsonPath": {"expression": "$.frequencyPerDay", "equalTo": "5"}})


@pytest.mark.parametrize("expression", ["$..iban", "$[?(@.a > 3)]"])
def test_a_path_that_is_not_understood_is_refused_when_read(expression: str) -> None:
    with pytest.raises(Unservable, match="not understood"):
        holds({"matchesJsonPath": expression})


def test_json_is_compared_with_placeholders() -> None:
    wanted = {"id": "${json-unit.any-string}", "day": r"${json-unit.regex}\d{4}-\d\d", "amount": 1.0, "rows": [1, 2]}
    got = {"id": "x", "day": "2030-01", "amount": 1.0, "rows": [1, 2]}
    assert holds({"equalToJson": wanted}, got)
    assert holds({"equalToJson": json.dumps(wanted)}, got)
    assert not holds({"equalToJson": wanted}, got | {"day": "2030"})
    assert not holds({"equalToJson": wanted}, got | {"id": 7})
    assert not holds({"equalToJson": wanted}, got | {"more": 1})
    assert holds({"equalToJson": wanted, "ignoreExtraElements": True}, got | {"more": 1})
    assert not holds({"equalToJson": wanted}, got | {"rows": [2, 1]})
    assert holds({"equalToJson": wanted, "ignoreArrayOrder": True}, got | {"rows": [2, 1]})
    assert not holds({"equalToJson": wanted, "ignoreArrayOrder": True}, got | {"rows": [2, 2]})


def test_a_body_that_is_no_json_does_not_hold() -> None:
    assert not holds({"equalToJson": {}}, "no JSON")
