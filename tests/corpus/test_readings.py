"""The harness's own reading, on pages written here."""

import json
from typing import Any

from tests.corpus.readings import read_embedded_balances, read_page


def test_a_page_is_read_in_the_places_that_the_dialects_know() -> None:
    def ids(kind: Any, document: Any) -> list[str | None]:
        return [record.bank_id for record in read_page(kind, json.dumps(document).encode())]

    assert ids("accounts", {"Data": {"Account": [{"AccountId": "1"}]}}) == ["1"]
    assert ids("accounts", {"accounts": [{"resourceId": "2"}, {}]}) == ["2", None]
    buckets = {
        "pending": [{"transactionId": "p"}],
        "booked": [{"transactionId": ""}, {"entryReference": "e"}],
        "info": [{}],
    }
    assert ids("transactions", {"transactions": buckets}) == [None, "e", "p", None]
    assert ids("transactions", {"cardTransactions": {"booked": [{"cardTransactionId": 7}]}}) == ["7"]
    assert ids("transactions", {"transactions": [{"entryReference": "s", "resourceId": "1"}]}) == ["s"]
    assert ids("transactions", {"transactions": {"booked": None}}) == []
    assert read_page("transactions", b"") == ()


def test_a_statement_in_xml_is_counted_by_its_entries() -> None:
    entries = "<Ntry><AcctSvcrRef>77</AcctSvcrRef></Ntry><Ntry><AcctSvcrRef>NONREF</AcctSvcrRef></Ntry>"
    body = f'<?xml version="1.0"?><Document xmlns="urn:x"><Rpt>{entries}</Rpt></Document>'.encode()
    assert [record.bank_id for record in read_page("transactions", body)] == ["77", None]


def test_balances_inside_an_account_are_counted_for_that_account() -> None:
    accounts = [{"resourceId": "1", "balances": [{}, {}]}, {"resourceId": "2", "balance": [{}]}, {"resourceId": "3"}]
    body = json.dumps({"accounts": accounts}).encode()
    assert [read_embedded_balances(body, account) for account in ("1", "2", "3", None)] == [2, 1, 0, 0]
    assert read_embedded_balances(b"", "1") == 0
