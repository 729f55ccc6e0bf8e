"""The one place that knows the exceptions of redis-py: each becomes one word for operators, none a text of the server.

The words are labels of metrics and stand in logs, so there are few, and none can hold a password or a key.
"""

import ssl

from redis import exceptions

from gateway.secrets import CertificateUnusable, SecretUnreadable

_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (SecretUnreadable, "secret_unreadable"),
    (CertificateUnusable, "certificate_unusable"),
    (ssl.SSLError, "tls_refused"),
    (exceptions.TimeoutError, "timed_out"),
    (TimeoutError, "timed_out"),
    (exceptions.AuthenticationError, "not_authenticated"),
    (exceptions.AuthenticationWrongNumberOfArgsError, "not_authenticated"),
    (exceptions.ExternalAuthProviderError, "not_authenticated"),
    (exceptions.AuthorizationError, "not_permitted"),
    (exceptions.NoPermissionError, "not_permitted"),
    (exceptions.BusyLoadingError, "loading"),
    (exceptions.ReadOnlyError, "read_only"),
    (exceptions.OutOfMemoryError, "full"),
    (exceptions.ClusterDownError, "cluster_down"),
    (exceptions.TryAgainError, "cluster_down"),
    (exceptions.AskError, "elsewhere"),
    (exceptions.ConnectionError, "unreachable"),
    (exceptions.InvalidResponse, "no_redis"),
    (exceptions.RedisError, "failed"),
    (OSError, "unreachable"),
    (ValueError, "no_redis"),
)
WORDS = frozenset(word for _, word in _WORDS)
FOREIGN = (exceptions.RedisError, exceptions.RedisClusterException, OSError, EOFError, ValueError)
"""What talking to a Redis, or to what is none, may raise."""


def word_for(error: BaseException) -> str:
    """Why a Redis is away, as one word."""
    if isinstance(error, exceptions.RedisError):
        # The library wraps what TLS says.
        under = (error.__cause__, error.__context__)
        error = next((one for one in under if isinstance(one, ssl.SSLError)), error)
    if isinstance(error, exceptions.ResponseError) and str(error).startswith(("NOAUTH", "WRONGPASS")):
        return "not_authenticated"
    return next((word for kind, word in _WORDS if isinstance(error, kind)), "failed")
