import pytest

from adapters.berlin_group import next_url
from tests.adapters.berlin_group.dialogues import BASE, answer, make_call, profile

PAGE = f"{BASE}/accounts/1/transactions?dateFrom=2026-03-01&bookingStatus=booked"
HUB = "https://hub.example/ourbank/v1/accounts/1/transactions"


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("https://bank.example/pages/v1/2", "https://bank.example/pages/v1/2"),
        ("https://bank.example", "https://bank.example/"),
        ("/psd2/v1/accounts/1/transactions?page=1", f"{BASE}/accounts/1/transactions?page=1"),
        ("?page=2", f"{BASE}/accounts/1/transactions?page=2"),
        ("transactions?page=2", f"{BASE}/accounts/1/transactions?page=2"),
        ("//other.example/x", "https://other.example/x"),
        # What is encoded stays so, what is not becomes so; a fragment is nothing to a server.
        ("/x?edge=Ab%3D&name=ü#end", "https://bank.example/x?edge=Ab%3D&name=%C3%BC"),
        ("  /x  ", "https://bank.example/x"),
    ],
)
def test_a_link_is_relative_to_the_page_it_stands_in(link, url):
    assert next_url(profile(), link, PAGE) == url


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("/v1/accounts/1/transactions?link=a", f"{HUB}?link=a"),
        ("/ourbank/v1/accounts/1/transactions?link=a", f"{HUB}?link=a"),
        # Nothing of it is in the page's path: then it is what it says.
        ("/elsewhere/2", "https://hub.example/elsewhere/2"),
        ("https://hub.example/v1/x", "https://hub.example/v1/x"),
        ("?link=a", f"{HUB}?link=a"),
    ],
)
def test_a_hub_cuts_its_own_part_off_the_path(link, url):
    assert next_url(profile(links="prefixed"), link, f"{HUB}?dateFrom=2026-03-01") == url


@pytest.mark.parametrize(
    "link", ["", "   ", "....\\bad", "a b", "ftp://bank.example/x", "https:///x", "https://[bad/", "x\ny"]
)
def test_a_link_that_can_not_be_read_is_refused(link):
    with pytest.raises(ValueError, match=r"link|IPv6"):
        next_url(profile(), link, PAGE)


def test_pages_are_counted_in_a_header():
    bank = profile(counted_pages={"size": 20})
    call = make_call("transactions.list", bank=bank)
    following = answer(call, cpaas_total_pages="3").next
    assert following == f"{BASE}/accounts/acc-1/transactions?dateFrom=2025-12-11&bookingStatus=booked&offset=2&limit=20"
    last = make_call("transactions.list", bank=bank, next_url=following.replace("offset=2", "offset=3"))
    assert answer(last, cpaas_total_pages="3").next is None


@pytest.mark.parametrize(
    "header", [{}, {"cpaas_total_pages": "many"}, {"cpaas_total_pages": "-2"}, {"cpaas_total_pages": "1"}]
)
def test_a_count_that_says_nothing_ends_the_list(header):
    assert answer(make_call("accounts.list", bank=profile(counted_pages={})), **header).next is None


def test_balances_have_no_pages():
    call = make_call("balances.list", bank=profile(counted_pages={}))
    assert answer(call, cpaas_total_pages="2").next is None


def test_card_accounts_come_after_the_accounts():
    bank = profile(card_accounts="also")
    first = answer(make_call("accounts.list", bank=bank))
    assert first.next == f"{BASE}/card-accounts"
    assert answer(make_call("accounts.list", bank=bank, next_url=first.next)).next is None


def test_card_accounts_come_after_the_last_counted_page():
    bank = profile(card_accounts="also", counted_pages={})
    second = answer(make_call("accounts.list", bank=bank), cpaas_total_pages="2").next
    assert second == f"{BASE}/accounts?offset=2&limit=100"
    cards = answer(make_call("accounts.list", bank=bank, next_url=second), cpaas_total_pages="2").next
    assert cards == f"{BASE}/card-accounts?offset=1&limit=100"
    assert answer(make_call("accounts.list", bank=bank, next_url=cards), cpaas_total_pages="1").next is None


def test_a_bank_without_cards_costs_no_account():
    bank = profile(card_accounts="also")
    document = answer(make_call("accounts.list", bank=bank, next_url=f"{BASE}/card-accounts"), b"nothing", 404)
    assert (document.body, document.next) == (b"", None)
