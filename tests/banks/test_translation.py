import errno
import inspect
import ssl
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import client_exceptions, http_exceptions
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from gateway.banks.translation import AnswerLost, translate
from gateway.errors import BankError, BankNonsense, BankTimedOut, BankUnreachable, ConsentExpired, GatewayFault

KEY = ConnectionKey("bank.example", 443, True, True, None, None, None)
INFO = SimpleNamespace(real_url=URL("https://bank.example/?canary"), method="GET", headers={}, url=URL("/"))
HOW = {
    aiohttp.ClientResponseError: lambda kind: kind(INFO, ()),
    aiohttp.ClientConnectorCertificateError: lambda kind: kind(KEY, ssl.CertificateError("canary")),
    aiohttp.ClientConnectorError: lambda kind: kind(KEY, OSError(errno.ECONNREFUSED, "canary")),
    aiohttp.ServerFingerprintMismatch: lambda kind: kind(b"a", b"b", "bank.example", 443),
    http_exceptions.LineTooLong: lambda kind: kind("canary", 1, "2"),
    http_exceptions.BadHttpMessage: lambda kind: kind("canary"),
    http_exceptions.HttpProcessingError: lambda kind: kind(message="canary"),
    Exception: lambda kind: kind("canary"),
}


def make(kind: type[BaseException]) -> BaseException:
    if kind is client_exceptions.UnixClientConnectorError:
        return kind("/canary", KEY, OSError(1, "canary"))
    for base, build in HOW.items():
        if issubclass(kind, base):
            return build(kind)
    raise AssertionError(kind)


def kinds(module) -> list[type[BaseException]]:
    return [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__ == module.__name__
    ]


FOREIGN = [
    *kinds(client_exceptions),
    *kinds(http_exceptions),
    ConnectionResetError,
    TimeoutError,
    ssl.SSLError,
    EOFError,
]
URLS = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, aiohttp.RedirectClientError, aiohttp.WSMessageTypeError)


def test_the_walk_finds_them_all():
    assert len(kinds(client_exceptions)) > 25
    assert set(FOREIGN) >= {aiohttp.ServerDisconnectedError, aiohttp.SocketTimeoutError, http_exceptions.LineTooLong}


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("sent", [False, True])
def test_every_foreign_exception_becomes_one_of_ours(kind, sent):
    error = translate(make(kind), sent=sent)
    if issubclass(kind, URLS):
        assert type(error) is GatewayFault
    elif not sent:
        assert type(error) is BankUnreachable
        assert error.safe_to_repeat
    elif issubclass(kind, TimeoutError):
        assert type(error) is BankTimedOut
    elif issubclass(kind, (http_exceptions.HttpProcessingError, aiohttp.ClientResponseError)):
        assert type(error) is BankNonsense
    else:
        assert type(error) is AnswerLost
        assert not error.safe_to_repeat
    assert "canary" not in f"{error} {error.detail} {error.members} {error.headers}"


@pytest.mark.parametrize("sent", [False, True])
def test_a_mistake_of_ours_is_no_bank_s(sent):
    assert type(translate(KeyError("canary"), sent=sent)) is GatewayFault


def test_our_own_errors_are_themselves():
    error = ConsentExpired()
    assert translate(error, sent=True) is error


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (make(aiohttp.ClientConnectorCertificateError), "certificate"),
        (make(aiohttp.ClientConnectorDNSError), "name"),
        (make(aiohttp.ClientConnectorSSLError), "TLS"),
        (TimeoutError(), "time"),
    ],
)
def test_what_failed_before_sending_is_told(error, word):
    found = translate(error, sent=False)
    assert isinstance(found, BankError)
    assert word in str(found)
