"""The head of an answer says each thing once, and nothing that would end it early."""

import email.utils
import time

import pytest

from gateway.errors import GatewayFault
from gateway.web.answers import answer_head


def lines(head: bytes) -> list[str]:
    assert head.endswith(b"\r\n\r\n")
    return head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")


def test_the_door_alone_decides_framing_connection_and_date():
    given = (("Content-Length", "9"), ("transfer-encoding", "chunked"), ("CONNECTION", "x"), ("Date", "then"))
    first, *rest = lines(answer_head(200, given, "Content-Length: 3", close=True, private=False))
    assert first == "HTTP/1.1 200 OK"
    date = rest.pop()
    assert rest == ["X-Content-Type-Options: nosniff", "Content-Length: 3", "Connection: close"]
    written = email.utils.parsedate_to_datetime(date.removeprefix("Date: "))
    assert abs(written.timestamp() - time.time()) < 5


def test_what_the_handler_says_of_caching_and_sniffing_stands():
    given = (("cache-control", "private"), ("X-Content-Type-Options", "nosniff"))
    head = lines(answer_head(200, given, "", close=False, private=True))
    assert [line for line in head if "ache" in line or "niff" in line] == [f"{name}: {value}" for name, value in given]


def test_a_status_without_a_name_is_written_without_one():
    assert lines(answer_head(299, (), "", close=False, private=False))[0] == "HTTP/1.1 299 "


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\x00b"])
def test_a_field_that_would_break_the_head_is_never_written(value: str):
    with pytest.raises(GatewayFault):
        answer_head(200, (("X-A", value),), "", close=False, private=False)
    with pytest.raises(GatewayFault):
        answer_head(200, ((value, "a"),), "", close=False, private=False)


def test_an_upstreams_bytes_go_on_as_they_came():
    came = b"caf\xe9 \xc3\xa9".decode("utf-8", "surrogateescape")
    assert b"X-A: caf\xe9 \xc3\xa9\r\n" in answer_head(200, (("X-A", came),), "", close=False, private=False)
