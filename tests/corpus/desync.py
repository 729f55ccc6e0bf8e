"""The corpus' cases of requests that two readers read differently, as bytes with the body that tells readings apart.

A case says of a head how bad it is: `Compliant`, `Acceptable` (odd but harmless), `Ambiguous` (readers differ) or
`Severe` (an attack). What follows the head is ours: where a length is declared, a body of that length which holds a
request of its own, so that a reader who passes over the length is found out.
"""

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from tests.corpus import CORPUS
from tests.e2e.conversations import SMUGGLED, line

_MOST_BODY = 65536
_LENGTH = re.compile(r"(\d+)(, *\1)*")
HERE = pathlib.Path(__file__).parent


class Case(msgspec.Struct, frozen=True):
    """`name` has its file before it; `tier` is the corpus' word."""

    name: str
    tier: str
    method: str
    uri: str
    version: str
    headers: tuple[tuple[str, str], ...]

    def request(self, called: str) -> bytes:
        """The bytes, in a talk that is called so."""
        head = self.head(called)
        length = self._length
        chunked = any(_letters(name) == "transferencoding" and "chunk" in value for name, value in self.headers)
        body = b"0\r\n\r\n" if chunked else b""
        if 0 < length < _MOST_BODY:
            hidden = f"POST {SMUGGLED} HTTP/1.1\r\nHost: gateway.example\r\n".encode() + line(called)
            room = length - len(body) - len(hidden) - len(b"X: \r\n\r\n")
            body += hidden + b"X: " + b"a" * room + b"\r\n\r\n" if room > 0 else b"x" * (length - len(body))
        return head + body

    @property
    def _length(self) -> int:
        lengths = [value.strip() for name, value in self.headers if _letters(name) == "contentlength"]
        return int(lengths[-1].partition(",")[0]) if lengths and _LENGTH.fullmatch(lengths[-1]) else 0

    def head(self, called: str) -> bytes:
        """The head as the corpus has it, with a host where it has none, and the talk's name."""
        fields = [f"{name}: {value}\r\n".encode() for name, value in self.headers]
        hosted = any(name.strip().lower() == "host" for name, _ in self.headers)
        first = f"{self.method} {self.uri} {self.version}".encode()
        host = b"" if hosted else b"Host: gateway.example\r\n"
        # Between the fields that name host and talk: a line that begins with a space is read as the one before goes on.
        return first + b"\r\n" + host + b"Accept: */*\r\n" + b"".join(fields) + line(called) + b"\r\n"

    @property
    def place(self) -> str:
        """FILE/INDEX."""
        return self.name.partition(":")[0]

    @property
    def targets(self) -> list[str]:
        """What it asks for; more than one where a line break is in the URI."""
        return re.findall(r"/[^\s\0]*", self.uri) or [self.uri]

    @property
    def nameless(self) -> bool:
        """Whether readers may take it for a request without fields: its talk is then known by its time alone."""
        return not self.version or "\n" in self.uri or any(value.endswith("\n") for _, value in self.headers)

    @property
    def endless(self) -> bool:
        """Whether its body is longer than what is sent: a proxy waits for all of it, whatever was answered."""
        return self._length >= _MOST_BODY


def cases() -> Iterator[Case]:
    """All of them. The corpus must be here."""
    assert CORPUS is not None
    for file in sorted((CORPUS / "vectors/http-desync").glob("*.yaml")):
        for number, one in enumerate(yaml.safe_load(file.read_text())):
            headers = tuple((str(each["name"]), str(each["value"])) for each in one.get("headers") or ())
            name = f"{file.stem}/{number}: {one['name']}"
            version = str(one.get("version") or "")
            yield Case(name, one["expected"]["tier"], one["method"], one["uri"] or "", version, headers)


def stricter() -> dict[str, str]:
    """Cases that are refused here though the corpus' tier would let them through: FILE/INDEX -> reason."""
    listed: list[dict[str, Any]] = yaml.safe_load((HERE / "desync.yaml").read_text())
    return {place: one["reason"] for one in listed for place in one["cases"]}


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isascii() and letter.isalpha())
