"""Every failure of aiohttp's parser becomes ours, and none of them quotes what was received."""

import inspect

import pytest
from aiohttp import http_exceptions
from aiohttp.http_exceptions import BadHttpMessage, BadHttpMethod, HttpProcessingError, LineTooLong

from gateway.errors import CallerError
from gateway.web.refusals import TARGET_BYTES, refusal_of

KINDS = [
    kind
    for _, kind in inspect.getmembers(http_exceptions, inspect.isclass)
    if issubclass(kind, HttpProcessingError) and kind is not HttpProcessingError
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_is_the_callers_and_shows_nothing(kind: type[BadHttpMessage]):
    refusal = refusal_of(kind("canary"), b"canary canary")
    assert isinstance(refusal, CallerError)
    assert "canary" not in f"{refusal} {refusal.detail} {refusal.members}"


@pytest.mark.parametrize(
    ("error", "received", "code"),
    [
        (LineTooLong(b"canary", TARGET_BYTES), b"", "path_refused"),
        (LineTooLong(b"canary", 16384), b"", "headers_too_large"),
        (BadHttpMessage("Too many headers received"), b"", "headers_too_large"),
        (BadHttpMethod("canary"), b"BREW /pot HTTP/1.1\r\n", "method_unknown"),
        (BadHttpMethod("canary"), b"GET /no-version\r\n", "request_invalid"),
        (BadHttpMethod("canary"), b"\x16\x03\x01", "request_invalid"),
        (BadHttpMessage("canary"), b"GET / HTTP/1.1\r\n", "request_invalid"),
    ],
)
def test_a_kind_with_a_status_of_its_own_gets_it(error: BadHttpMessage, received: bytes, code: str):
    assert refusal_of(error, received).code == code
