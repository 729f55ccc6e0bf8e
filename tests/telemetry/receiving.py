"""The OTLP receiver's process, started, asked and ended by a test."""

import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RECEIVER = Path(__file__).with_name("otlp_receiver.py")


class OtlpReceiver:
    """The other process, as a test speaks with it."""

    def __init__(self, endpoint: str, authority: str | None) -> None:
        self.endpoint = endpoint
        self._tls = ssl.create_default_context(cafile=authority)

    def spans(self, count: int, seconds: float = 10) -> list[dict[str, Any]]:
        """Waits for at least so many spans and gives all."""
        found: list[dict[str, Any]] = json.loads(self._ask("GET", f"/spans?count={count}&seconds={seconds}"))
        return found

    def raw(self) -> bytes:
        return self._ask("GET", "/raw")

    def answer_with(self, status: int) -> None:
        self._ask("PUT", f"/answer?status={status}")

    def forget(self) -> None:
        self._ask("DELETE", "/spans")

    def _ask(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(self.endpoint + path, method=method)
        with urllib.request.urlopen(request, timeout=20, context=self._tls) as answer:
            body: bytes = answer.read()
        return body


@contextmanager
def receiving(*, certificate: Path | None = None, authority: Path | None = None) -> Iterator[OtlpReceiver]:
    """A receiver while the block lasts; over TLS with a certificate (its key in the same file)."""
    options = ["--certificate", str(certificate), "--key", str(certificate)] if certificate else []
    process = subprocess.Popen([sys.executable, str(RECEIVER), *options], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = process.stdout.readline().rpartition(" ")[2].strip()
        scheme = "https" if certificate else "http"
        yield OtlpReceiver(f"{scheme}://localhost:{port}", str(authority) if authority else None)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
