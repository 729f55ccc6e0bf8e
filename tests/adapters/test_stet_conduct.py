import pytest

from gateway.errors import BankMisconfigured, BankResourceUnknown, BankTimedOut
from tests.adapters.stet_dialogues import answer, bank, begin, call, response

NAAC = b'{"timestamp":"2026-01-05T10:00:00Z","status":404,"message":"NAAC","path":"/accounts"}'


@pytest.mark.parametrize("operation", ["accounts.list", "accounts.get", "balances.list", "transactions.list"])
def test_a_success_is_handed_on_unread(operation):
    answered = response(200, b"not even JSON", {"Content-Type": "application/hal+json"})
    document = answer(call(operation), answered)
    assert (document.body, document.url, document.request_id) == (b"not even JSON", answered.url, "attempt")
    assert document.headers["content-type"] == "application/hal+json"
    assert (document.form, document.next) == ("", None)


@pytest.mark.parametrize("answered", [response(204), response(200), response(204, b"  ")])
def test_nothing_is_an_empty_page(answered):
    assert answer(call("transactions.list"), answered).body == b""


@pytest.mark.parametrize("operation", ["accounts.list", "accounts.get"])
def test_a_code_of_the_bank_s_file_says_that_there_are_no_accounts(operation):
    assert answer(call(operation, bank(no_accounts=("NAAC",))), response(404, NAAC)).body == b""


def test_the_code_says_so_where_balances_stand_inside_the_list_too():
    profile = bank(no_accounts=("NAAC",), balances="accounts")
    assert answer(call("balances.list", profile), response(404, NAAC)).body == b""


def test_the_code_means_nothing_elsewhere():
    with pytest.raises(BankMisconfigured):
        answer(call("accounts.list"), response(404, NAAC))
    with pytest.raises(BankMisconfigured):
        answer(call("accounts.list", bank(no_accounts=("NAAC",))), response(404, b'{"message":"NAACX"}'))
    with pytest.raises(BankResourceUnknown):
        answer(call("transactions.list", bank(no_accounts=("NAAC",))), response(404, NAAC))


def test_a_failure_of_the_way_to_the_bank_goes_through():
    dialogue, _ = begin(call())
    with pytest.raises(BankTimedOut):
        dialogue.throw(BankTimedOut())
