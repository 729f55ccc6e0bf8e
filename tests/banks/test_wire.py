import pytest

from gateway.banks.origins import origin_of
from gateway.banks.wire import write
from gateway.contract import BankRequest
from gateway.errors import GatewayFault

BANK = origin_of("https://api.albion.example:8443")


def test_a_whole_message():
    request = BankRequest(method="POST", url="", headers=(("Content-Type", "application/json"),), body=b"{}")
    assert write(BANK, "/consents?a=b", request, "00-a-b-01") == (
        b"POST /consents?a=b HTTP/1.1\r\n"
        b"Host: api.albion.example:8443\r\n"
        b"Accept-Encoding: gzip, deflate\r\n"
        b"User-Agent: bank-integration-gateway\r\n"
        b"traceparent: 00-a-b-01\r\n"
        b"Content-Type: application/json\r\n"
        b"Content-Length: 2\r\n"
        b"\r\n"
        b"{}"
    )


@pytest.mark.parametrize(
    ("method", "told"), [("GET", False), ("HEAD", False), ("DELETE", False), ("POST", True), ("PUT", True)]
)
def test_an_empty_body_is_told_where_the_method_takes_one(method, told):
    message = write(BANK, "/", BankRequest(method=method, url=""), "t")
    assert (b"Content-Length: 0\r\n" in message) == told


def test_bytes_beside_ascii_go_on_as_they_came():
    agent = b"Caf\xc3\xa9 \xff".decode("utf-8", "surrogateescape")
    message = write(BANK, "/", BankRequest(method="GET", url="", headers=(("PSU-User-Agent", agent),)), "t")
    assert b"PSU-User-Agent: Caf\xc3\xa9 \xff\r\n" in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nY: b"),
        ("X", "a\nb"),
        ("X", "a\rb"),
        ("X", "a\0"),
        ("X: a\r\nY", "b"),
        ("X", "a\r\n\r\nGET / HTTP/1.1"),
    ],
)
def test_a_header_can_not_begin_another_line(name, value):
    with pytest.raises(GatewayFault):
        write(BANK, "/", BankRequest(method="GET", url="", headers=((name, value),)), "t")


@pytest.mark.parametrize("method", ["get", "", "GET /evil HTTP/1.1\r\nX:", "G T"])
def test_a_method_is_a_word(method):
    with pytest.raises(GatewayFault):
        write(BANK, "/", BankRequest(method=method, url=""), "t")
