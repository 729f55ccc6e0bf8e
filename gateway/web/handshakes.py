"""TLS handshakes that fail: the other side is told why, and each is counted once, by a reason out of few.

What a caller sends never becomes a reason: OpenSSL's codes are looked up, and what is not listed is `other`.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import ClassVar

Observe = Callable[[str], None]

# X509_V_ERR_* of OpenSSL 3 (openssl/x509_vfy.h).
_CERTIFICATE = {
    3: "revocation_unknown",
    9: "not_yet_valid",
    10: "expired",
    11: "revocation_unknown",
    12: "revocation_unknown",
    18: "untrusted",
    19: "untrusted",
    2: "untrusted",
    20: "untrusted",
    21: "untrusted",
    22: "chain",
    23: "revoked",
    24: "chain",
    25: "chain",
    26: "purpose",
    47: "names",
    48: "names",
    79: "chain",
}
_REASONS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no_certificate",
    "UNSUPPORTED_PROTOCOL": "version",
    "VERSION_TOO_LOW": "version",
    "NO_SHARED_CIPHER": "cipher",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "cipher",
    "NO_SUITABLE_KEY_SHARE": "cipher",
    "HTTP_REQUEST": "not_tls",
    "HTTPS_PROXY_REQUEST": "not_tls",
    "WRONG_VERSION_NUMBER": "not_tls",
}
FAILURES = frozenset(
    {*_CERTIFICATE.values(), *_REASONS.values(), "certificate", "refused_by_caller", "unfinished", "other"}
)
"""Every reason there is. `unfinished`: the time was over, or the caller had gone before it was."""


def reason_of(error: ssl.SSLError) -> str:
    """The reason under which a failed handshake is counted; one of `FAILURES`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(error.verify_code, "certificate")
    reason = error.reason or ""
    if "_ALERT_" in reason:
        return "refused_by_caller"
    return _REASONS.get(reason, "other")


class Handshake(ssl.SSLObject):
    """A handshake whose alert reaches the other side (RFC 8446 section 6.2), and whose failure is counted.

    The loop drops what waits to be sent when a handshake fails, and the caller would see a closed connection. So the
    failure is told as a need for more to read, on which the loop sends; the next time it is told as what it is.
    """

    seconds: ClassVar[float]
    _failure: ssl.SSLError | None = None
    _begun: asyncio.TimerHandle | None = None

    @staticmethod
    def observe(reason: str) -> None:
        """Is told of a failure; `watch` puts its own in this place."""

    def do_handshake(self) -> None:
        """Goes on with the handshake as far as what was received allows."""
        if self._failure is not None:
            raise self._failure
        if self._begun is None:
            # The loop tells nobody of a handshake that never ends; the timer holds nothing of the connection.
            self._begun = asyncio.get_running_loop().call_later(self.seconds, self.observe, "unfinished")
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self._begun.cancel()
            self.observe(reason_of(error))
            self._failure = error
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the alert goes out first") from None
        self._begun.cancel()


def watch(context: ssl.SSLContext, observe: Observe, seconds: float) -> None:
    """From now on failures of the context's handshakes are told, those too that take longer than `seconds`."""
    told = {"observe": staticmethod(observe), "seconds": seconds}
    context.sslobject_class = type("Handshake", (Handshake,), told)
