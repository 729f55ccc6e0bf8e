"""A certificate chain and its key, or revocation lists, as bytes from wherever they came, into an `ssl.SSLContext`.

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
    asked = False

    def passphrase() -> str:
        # Without an answer OpenSSL would ask at the terminal.
        nonlocal asked
        asked = True
        return ""

    with _readable(certificate.rstrip() + b"\n" + key.rstrip() + b"\n") as path:
        try:
            context.load_cert_chain(path, password=passphrase)
        except ssl.SSLError as error:
            if asked:
                raise CertificateUnusable("the key has a passphrase: give it without one") from None
            if error.reason == "KEY_VALUES_MISMATCH":
                raise CertificateUnusable("the key does not belong to the certificate") from None
            raise CertificateUnusable("certificate and key must be in PEM form") from None


def load_lists(context: ssl.SSLContext, lists: bytes) -> None:
    """Gives a context certificate revocation lists (PEM). Raises CertificateUnusable. Reads and writes files."""
    with _readable(lists) as path:
        try:
            context.load_verify_locations(cafile=path)
        except ssl.SSLError:
            raise CertificateUnusable("revocation lists must be in PEM form") from None


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
