import pytest

from gateway.errors import BankNonsense
from tests.adapters.berlin_group.dialogues import BASE, answer, make_call

STATEMENT = (
    b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>'
    b'<Ntry><Amt Ccy="EUR">1.50</Amt></Ntry></Stmt></BkToCstmrStmt></Document>'
)


def test_a_success_goes_on_unread():
    body = b'{"accounts": [not read here'
    document = answer(make_call("accounts.list"), body, Content_Type="application/json")
    assert (document.body, document.form, document.next) == (body, "", None)
    assert (document.url, document.request_id) == (f"{BASE}/accounts", "r-1")
    assert document.headers.get("content-type") == "application/json"


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (200, b" \n"), (204, b"gone")])
def test_nothing_is_a_page_without_records(status, body):
    assert answer(make_call("transactions.list"), body, status).body == b""


def test_a_byte_order_mark_is_no_part_of_the_document():
    assert answer(make_call("accounts.list"), b"\xef\xbb\xbf{}").body == b"{}"


def test_xml_becomes_a_document_of_its_own_form():
    document = answer(make_call("transactions.list"), STATEMENT, Content_Type="application/json")
    assert document.form == "camt"
    assert document.body == b'{"Ntry": [{"Amt": {"value": "1.50", "Ccy": "EUR"}}]}'


@pytest.mark.parametrize("operation", ["accounts.list", "accounts.get", "balances.list"])
def test_xml_is_read_as_a_report_only(operation):
    with pytest.raises(BankNonsense):
        answer(make_call(operation), STATEMENT)


@pytest.mark.parametrize("body", [b":20:STARTUMS\n:25:DE", b"<html><body>busy</body></html>", b"busy", b"<a"])
def test_what_is_no_document_is_nonsense(body):
    with pytest.raises(BankNonsense):
        answer(make_call("transactions.list"), body)
