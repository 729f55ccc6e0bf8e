"""Every exception of the library becomes one of few words, and none carries a text of the server."""

import ssl
from collections.abc import Iterator

import pytest
from redis import exceptions

from gateway.secrets import CertificateUnusable, SecretUnreadable
from gateway.store.redis.translation import FOREIGN, WORDS, word_for


def kinds(root: type[BaseException]) -> Iterator[type[BaseException]]:
    yield root
    for kind in root.__subclasses__():
        if kind.__module__.startswith("redis."):
            yield from kinds(kind)


LIBRARY = sorted(
    {*kinds(exceptions.RedisError), *kinds(exceptions.RedisClusterException)}, key=lambda kind: kind.__name__
)
SAID = {
    "AuthenticationError": "not_authenticated",
    "NoPermissionError": "not_permitted",
    "BusyLoadingError": "loading",
    "ReadOnlyError": "read_only",
    "OutOfMemoryError": "full",
    "MasterDownError": "cluster_down",
    "MovedError": "elsewhere",
    "MaxConnectionsError": "unreachable",
    "TimeoutError": "timed_out",
    "InvalidResponse": "no_redis",
    "ResponseError": "failed",
}


@pytest.mark.parametrize("kind", LIBRARY, ids=lambda kind: kind.__name__)
def test_every_kind_has_a_word(kind):
    error = kind.__new__(kind)
    error.args = ("canary: 10.0.0.1 said something",)
    word = word_for(error)
    assert word in WORDS
    assert word == SAID.get(kind.__name__, word)
    assert issubclass(kind, FOREIGN)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ConnectionRefusedError(), "unreachable"),
        (TimeoutError(), "timed_out"),
        (ssl.SSLCertVerificationError(), "tls_refused"),
        (ValueError("canary"), "no_redis"),
        (SecretUnreadable("canary"), "secret_unreadable"),
        (CertificateUnusable("canary"), "certificate_unusable"),
        (exceptions.ResponseError("NOAUTH Authentication required."), "not_authenticated"),
        (exceptions.ResponseError("WRONGPASS invalid username-password pair"), "not_authenticated"),
        (RuntimeError("canary"), "failed"),
    ],
)
def test_so_has_what_others_raise(error, word):
    assert word_for(error) == word


def test_what_tls_said_is_told_though_the_library_wraps_it():
    wrapped = exceptions.ConnectionError("canary")
    wrapped.__cause__ = ssl.SSLError("canary")
    assert word_for(wrapped) == "tls_refused"
