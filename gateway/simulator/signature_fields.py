"""`Signature-Input`, `Signature` and `Content-Digest` as a bank reads them: RFC 9651 dictionaries, the strict way.

Only what RFC 9421 section 4 and RFC 9530 section 2 write in these fields is read: inner lists of strings, byte
sequences, and parameters that are strings, whole numbers or flags. Anything else is malformed, and so is what stands
twice. For the simulated banks alone.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import TypeAlias, TypeVar

import msgspec

from gateway.simulator.received import Received
from gateway.simulator.refusal import Refusal

_T = TypeVar("_T")
_KEY = r"[a-z*][a-z0-9_.*-]*"
_STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
_NUMBER = r"-?(?:0|[1-9][0-9]{0,14})(?![0-9.])"
_LABEL = re.compile(rf"({_KEY})=")
_ITEM = re.compile(_STRING)
_PARAMETER = re.compile(rf"; *({_KEY})(?:=({_STRING}|{_NUMBER}))?")
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_BLANKS = re.compile(r" *")
_COMMA = re.compile(r"[ \t]*,[ \t]*(?=.)")

Parameters: TypeAlias = dict[str, str]
"""Values as they are written: a string in its quotes, a number in its digits, a flag as nothing."""


class Listed(msgspec.Struct, frozen=True):
    """A member of `Signature-Input`. `covered` are identifiers as they are written; `written` is the whole member."""

    covered: tuple[str, ...]
    parameters: Parameters
    written: str

    def word(self, name: str) -> str | None:
        """The value of a parameter that is a string; None where it is absent, or none."""
        value = self.parameters.get(name, "")
        return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else None

    def instant(self, name: str) -> int | None:
        """The value of a parameter that is a number (epoch seconds); None where it is absent, or none."""
        value = self.parameters.get(name, "")
        return int(value) if value and not value.startswith('"') else None


def read_inputs(received: Received) -> dict[str, Listed]:
    """`Signature-Input` by label. Raises Refusal."""
    return _read(received, "Signature-Input", _listed)


def read_signatures(received: Received) -> dict[str, bytes]:
    """`Signature` by label. Raises Refusal."""
    return _read(received, "Signature", _bytes)


def read_digests(received: Received) -> dict[str, bytes]:
    """`Content-Digest` by algorithm. Raises Refusal."""
    return _read(received, "Content-Digest", _bytes)


class _Malformed(Exception):
    pass


class _Text:
    """A field's value, taken piece by piece."""

    def __init__(self, value: str) -> None:
        self._value = value
        self._at = 0

    @property
    def left(self) -> bool:
        return self._at < len(self._value)

    def found(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._value, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = self.found(pattern)
        if match is None:
            raise _Malformed
        return match

    def skip(self, sign: str) -> bool:
        if not self._value.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True


def _read(received: Received, name: str, member: Callable[[_Text], _T]) -> dict[str, _T]:
    value = received.header(name.lower())
    if value is None:
        raise Refusal("signature_missing", name)
    text, members = _Text(value.strip(" \t")), dict[str, _T]()
    try:
        while True:
            label = text.take(_LABEL)[1]
            if label in members:
                raise _Malformed
            members[label] = member(text)
            if not text.left:
                return members
            text.take(_COMMA)
    except _Malformed:
        raise Refusal("signature_malformed", name) from None


def _listed(text: _Text) -> Listed:
    if not text.skip("("):
        raise _Malformed
    covered: list[str] = []
    text.found(_BLANKS)
    while not text.skip(")"):
        item = text.take(_ITEM)[0]
        covered.append(item + _written(_parameters(text)))
        blanks = text.take(_BLANKS)[0]
        if not blanks and not text.skip(")"):
            raise _Malformed
        if not blanks:
            break
    parameters = _parameters(text)
    return Listed(tuple(covered), parameters, f"({' '.join(covered)}){_written(parameters)}")


def _parameters(text: _Text) -> Parameters:
    parameters: Parameters = {}
    while found := text.found(_PARAMETER):
        if found[1] in parameters:
            raise _Malformed
        parameters[found[1]] = found[2] or ""
    return parameters


def _written(parameters: Parameters) -> str:
    return "".join(f";{name}={value}" if value else f";{name}" for name, value in parameters.items())


def _bytes(text: _Text) -> bytes:
    written = text.take(_BYTES)[1]
    try:
        content = base64.b64decode(written, validate=True)
    except binascii.Error:
        raise _Malformed from None
    # Bits that stand for nothing must be zero: one content has one spelling (RFC 9651 lets a strict reader ask so).
    if base64.b64encode(content).decode() != written:
        raise _Malformed
    return content
