import pytest

from gateway.banks.origins import Origins, UrlRefused, origin_of

BANK = Origins(["https://api.albion.example/open-banking", "https://[2001:db8::1]:8443/x", "http://localhost:9001"])


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("https://api.albion.example/accounts?x=%2F", "api.albion.example", "/accounts?x=%2F"),
        ("https://api.albion.example", "api.albion.example", "/"),
        ("https://api.albion.example?page=2", "api.albion.example", "/?page=2"),
        ("https://[2001:db8::1]:8443/a", "[2001:db8::1]:8443", "/a"),
        ("http://localhost:9001//a//b", "localhost:9001", "//a//b"),
    ],
)
def test_what_is_within_the_bank_is_sent_as_it_is(url, authority, target):
    origin, split = BANK.split(url)
    assert (origin.authority, split) == (authority, target)


OUTSIDE = [
    "https://api.albion.example.evil.example/accounts",
    "https://api.albion.example@evil.example/accounts",
    "https://api.albion.example:8443/accounts",
    "https://api.albion.example:443@evil.example/",
    "http://api.albion.example/accounts",
    "https://evil.example/https://api.albion.example/",
    "https://localhost:9001/",
    "http://localhost:90011/",
    "http://127.0.0.1:9001/",
    "//api.albion.example/accounts",
    "/accounts",
    "",
    "file:///etc/passwd",
    "ftp://api.albion.example/",
    "https:///accounts",
    "https://[::1/",
]


@pytest.mark.parametrize("url", OUTSIDE)
def test_what_is_outside_is_refused(url):
    with pytest.raises(UrlRefused):
        BANK.split(url)
    with pytest.raises(UrlRefused):
        BANK.normalise(url)


@pytest.mark.parametrize("stray", [" ", "\r\n", "\n", "\0", "\\", "é", "\u2028"])
def test_what_no_url_holds_is_refused(stray):
    for url in (f"https://api.albion.example/a{stray}b", f"https://api.albion.example{stray}/a"):
        with pytest.raises(UrlRefused):
            BANK.split(url)
        with pytest.raises(UrlRefused):
            BANK.normalise(url)


@pytest.mark.parametrize("stray", ["#x", "|", '"', "<", "{", "^", "`"])
def test_only_the_strict_form_is_sent(stray):
    with pytest.raises(UrlRefused):
        BANK.split(f"https://api.albion.example/a{stray}b")


@pytest.mark.parametrize(
    ("link", "strict"),
    [
        ("https://API.Albion.example:443/a?b=c", "https://api.albion.example/a?b=c"),
        ("HTTPS://api.albion.example/next?index=2|2009", "https://api.albion.example/next?index=2%7C2009"),
        ("https://api.albion.example/next?index=2%7C2009", "https://api.albion.example/next?index=2%7C2009"),
        ("https://api.albion.example/a{b}#there", "https://api.albion.example/a%7Bb%7D"),
        ("https://api.albion.example", "https://api.albion.example/"),
        ("https://[2001:DB8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
    ],
)
def test_a_link_is_brought_into_the_strict_form(link, strict):
    assert BANK.normalise(link) == strict
    BANK.split(strict)


def test_a_port_that_is_no_number_is_refused():
    with pytest.raises(UrlRefused):
        origin_of("https://api.albion.example:x/")
