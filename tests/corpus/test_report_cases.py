"""The second project's reports as cases, from one written here."""

import json
from pathlib import Path

from tests.corpus.report_cases import read_report_cases


def test_a_report_becomes_a_case_and_what_has_no_place_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "expected" / "xs2a-bank" / "ais"
    folder.mkdir(parents=True)
    accounts = {"accounts": [{"resourceId": "1", "iban": "XX1", "usage": "PRIV", "_links": {}}]}
    (folder / "get-accounts.json").write_text(json.dumps({"response": {"body": accounts}}))
    row = {
        "transactionId": "t",
        "transactionAmount": {"amount": -12.50, "currency": "EUR"},
        "bookingDate": "2024-01-02",
    }
    pending = {
        "transactionAmount": {"amount": "3", "currency": "EUR"},
        "creditorAccount": {"bban": "9"},
        "mood": "good",
    }
    report = {"transactions": {"booked": [row], "pending": [pending]}, "balances": []}
    (folder / "get-transactions.json").write_text(json.dumps({"response": {"body": report}}))
    (case,) = read_report_cases(tmp_path)
    (account,) = case.accounts
    assert account["accountId"] == "1"
    assert account["detail"] == {"usage": "PRIV"}
    assert account["document._links"] == ""
    assert account["document"] == "balances of the report"
    first, second = account["transactions"]
    assert (first["amount"], first["direction"], first["externalId"], first["status"]) == (
        "-12.5",
        "DEBIT",
        "t",
        "BOOKED",
    )
    assert "direction" not in second
    assert second["detail"]["creditorAccount.value"] == "9"
    assert second["document.mood"] == ""
