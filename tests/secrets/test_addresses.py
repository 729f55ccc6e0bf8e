"""Where a Redis is: written plainly without a password, or with one where only a reference leads."""

import pytest

from gateway.secrets import Secrets, SecretUnreadable, read_redis_address


def read(url: str):
    return read_redis_address("env:URL", Secrets(None, {"URL": url}))


def test_what_is_left_out_has_the_usual_values():
    address = read_redis_address("redis://cache.internal", Secrets(None, {}))
    assert (address.host, address.port, address.database, address.tls) == ("cache.internal", 6379, 0, False)
    assert (address.username, address.password) == (None, None)


def test_everything_can_be_said():
    address = read("rediss://gate%40way:p%3Ass@[::1]:6390/3\n")
    assert (address.host, address.port, address.database, address.tls) == ("::1", 6390, 3, True)
    assert address.username == "gate@way"
    assert address.password is not None
    assert address.password.reveal() == b"p:ss"


def test_a_password_without_a_user():
    address = read("redis://:word@cache/")
    assert address.username is None
    assert address.password is not None
    assert address.password.reveal() == b"word"


def test_an_address_shows_no_password():
    assert "canary" not in repr(read("redis://:canary@cache"))


@pytest.mark.parametrize(
    "url",
    [
        "http://canary@cache",
        "redis://",
        "redis://canary@cache:1",
        "redis://cache:port",
        "redis://cache:0",
        "redis://cache:65536",
        "redis://cache/canary",
        "redis://cache/0?ssl_cert_reqs=none",
        "redis://cache/0#canary",
        "unix:///canary.sock",
        "redis://a:canary@b@cache",
    ],
)
def test_what_is_no_such_url_is_refused_unseen(url):
    with pytest.raises(ValueError, match=r"URL such as redis://|the port must be") as caught:
        read(url)
    assert "canary" not in str(caught.value)


def test_a_reference_that_leads_nowhere():
    with pytest.raises(SecretUnreadable):
        read_redis_address("env:ABSENT", Secrets(None, {}))
