"""A certificate chain and its key, as bytes from wherever they came, into an `ssl.SSLContext`.

Python's ssl reads files only. The bytes go through a file in memory where the system has one (Linux), else through a
file that only we can read and that is gone when this returns.
"""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


class CertificateUnusable(Exception):
    """Certificate and key can not be used together; the message holds nothing of either."""


def load_chain(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Gives a context its certificate (PEM, leaf first, then intermediates) and key (PEM, without a passphrase).

    Raises CertificateUnusable. Reads and writes files: call it when files are loaded, not in a request.
    """
    with _readable(certificate.rstrip() + b"\n" + key.rstrip() + b"\n") as path:
        try:
            # A key with a passphrase would make OpenSSL ask at the terminal.
            context.load_cert_chain(path, password=lambda: "")
        except ssl.SSLError as error:
            raise CertificateUnusable(_told(error)) from None


def _told(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    if error.reason in {"BAD_DECRYPT", "BAD_PASSWORD_READ"} or "password" in str(error).lower():
        return "the key has a passphrase: give it without one"
    return "certificate and key must be in PEM form"


@contextmanager
def _readable(content: bytes) -> Iterator[str]:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("chain", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile(prefix="chain-") as file:
        file.write(content)
        file.flush()
        yield file.name
