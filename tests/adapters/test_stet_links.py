import pytest

from adapters.stet import next_url
from tests.adapters.stet_dialogues import BASE, bank

DOCUMENT = f"{BASE}/accounts/A1/transactions?dateFrom=2026-01-01"
HOST = "https://api.bank.example"


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        (
            f"{HOST}/stet/psd2/v1/accounts/A1/transactions?page=2",
            f"{HOST}/stet/psd2/v1/accounts/A1/transactions?page=2",
        ),
        ("/stet/psd2/v1/accounts/A1/transactions?page=2", f"{BASE}/accounts/A1/transactions?page=2"),
        ("?page=2", f"{BASE}/accounts/A1/transactions?page=2"),
        ("transactions/page/2#top", f"{BASE}/accounts/A1/transactions/page/2"),
        ("https://elsewhere.example/x", "https://elsewhere.example/x"),
        # What the bank has encoded stays as it is, the rest is encoded.
        ("?index=2%7C2026|é", f"{BASE}/accounts/A1/transactions?index=2%7C2026%7C%C3%A9"),
        # A template's expressions have no values here.
        ("?page=2{&dateFrom,dateTo}", f"{BASE}/accounts/A1/transactions?page=2"),
        (f"{HOST}", f"{HOST}/"),
    ],
)
def test_a_link_is_read_from_the_page_it_stands_in(link, wanted):
    assert next_url(bank(), link, DOCUMENT) == wanted


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        (
            "/accounts/A1/transactions?index=2%7C9&dateFrom=2026-01-01",
            f"{BASE}/accounts/A1/transactions?index=2%7C9&dateFrom=2026-01-01",
        ),
        ("accounts/A1/transactions?page=2", f"{BASE}/accounts/A1/transactions?page=2"),
        ("/stet/psd2/v1/accounts/A1/transactions?page=2", f"{BASE}/accounts/A1/transactions?page=2"),
        (f"{HOST}/accounts/A1/transactions?page=2", f"{HOST}/accounts/A1/transactions?page=2"),
    ],
)
def test_a_bank_s_file_may_say_that_paths_begin_at_its_base_url(link, wanted):
    assert next_url(bank(links="rebased"), link, DOCUMENT) == wanted


@pytest.mark.parametrize(
    "link", ["", " ", "{?page}", "....\\Somewhere", "/a b", "/a\nb", "mailto:x@y.example", "http:/x", "https://[::1/x"]
)
@pytest.mark.parametrize("links", ["resolved", "rebased"])
def test_what_is_no_link_is_refused(link, links):
    with pytest.raises(ValueError, match=r"link|URL"):
        next_url(bank(links=links), link, DOCUMENT)
