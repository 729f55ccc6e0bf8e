"""The next page's link, in the forms that banks write it."""

import pytest

from adapters.uk_openbanking import Deviations, next_url
from gateway.contract import BankProfile

PAGE = "https://api.larch.example/open-banking/v3.1/aisp/accounts/1/transactions?page=1"


def bank(**settings: str) -> BankProfile:
    return BankProfile(
        name="larch",
        title="Larch Bank",
        dialect="uk_openbanking",
        version="3.1.11",
        zone="Europe/London",
        base_urls={"default": "https://api.larch.example/open-banking/v3.1/aisp"},
        deviations=Deviations(**settings),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("https://api.larch.example/x/accounts?page=2", "https://api.larch.example/x/accounts?page=2"),
        ("/open-banking/v3.1/aisp/accounts?page=2", "https://api.larch.example/open-banking/v3.1/aisp/accounts?page=2"),
        ("/elsewhere/accounts?page=2", "https://api.larch.example/elsewhere/accounts?page=2"),
        ("?page=2", "https://api.larch.example/open-banking/v3.1/aisp/accounts/1/transactions?page=2"),
        ("next", "https://api.larch.example/open-banking/v3.1/aisp/accounts/1/next"),
        ("//ais.larch.example/accounts", "https://ais.larch.example/accounts"),
        (" /accounts?key=a|b&c=%2F#top ", "https://api.larch.example/accounts?key=a%7Cb&c=%2F"),
        ("https://api.larch.example", "https://api.larch.example/"),
    ],
)
def test_a_link_is_read_as_relative_to_its_page(link: str, url: str) -> None:
    assert next_url(bank(), link, PAGE) == url


@pytest.mark.parametrize("link", ["", "  ", "/a b", "javascript:alert(1)", "https:/accounts", "http://[::1/x", "/a\\b"])
def test_a_link_that_can_not_be_read_is_refused(link: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        next_url(bank(), link, PAGE)


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/inner/v2/accounts/1/transactions?page=2", "/accounts/1/transactions?page=2"),
        ("/accounts-api/v2/accounts", "/accounts"),
        ("accounts/next", None),
    ],
)
def test_a_path_from_behind_the_banks_gateway_is_brought_below_its_base(link: str, path: str | None) -> None:
    rebasing = bank(links="rebased")
    if path is None:
        with pytest.raises(ValueError, match="names no accounts"):
            next_url(rebasing, link, PAGE)
    else:
        assert next_url(rebasing, link, PAGE) == f"https://api.larch.example/open-banking/v3.1/aisp{path}"
    absolute = "https://api.larch.example/inner/accounts?page=2"
    assert next_url(rebasing, absolute, PAGE) == absolute
