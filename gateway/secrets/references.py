"""From a reference to the bytes it names."""

import base64
import binascii
import hashlib
import pathlib
from collections.abc import Mapping

import msgspec

KEY_BYTES = 32
_MOST_BYTES = 1024 * 1024
_NEW_KEY = "make one with: openssl rand -base64 32"


class SecretUnreadable(Exception):
    """A reference that can not be followed; the message names the reference and the remedy, never a value."""


class Secret:
    """A value that shows itself to nobody who prints, logs or compares what it stands in."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    def reveal(self) -> bytes:
        """The value; keep it no longer than it is used."""
        return self._content

    def __repr__(self) -> str:
        return "Secret(not shown)"


class Secrets(msgspec.Struct, frozen=True):
    """Where references lead: a folder of files (absolute, or None where only absolute paths are used) and variables.

    `followed` keeps of each file that was read the SHA-256 of what was found there first, so that changes can be told.
    """

    folder: pathlib.Path | None
    environment: Mapping[str, str]
    followed: dict[pathlib.Path, bytes] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Secrets({self.folder})"  # the environment holds secrets

    def read(self, reference: str) -> bytes:
        """The bytes that a reference names, as they stand there. Raises SecretUnreadable."""
        scheme, _, name = reference.partition(":")
        if scheme == "env" and name:
            content = self.environment.get(name, "").encode()
            if not content:
                raise SecretUnreadable(f"{reference}: the variable {name} is not set")
            return content
        if scheme == "file" and name:
            return self._file(reference, name)
        raise SecretUnreadable("not a reference (it is not shown, it may be a secret): write file:NAME or env:NAME")

    def path(self, reference: str) -> pathlib.Path | None:
        """The file that a reference names; None for one that names no file, or none that may be read."""
        scheme, _, name = reference.partition(":")
        try:
            return self._path(reference, name) if scheme == "file" and name else None
        except SecretUnreadable:
            return None

    def text(self, reference: str) -> str:
        """A token or password: what stands there as UTF-8, without the newline that editors add."""
        try:
            return self.read(reference).decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise SecretUnreadable(f"{reference}: what stands there is not text") from None

    def key(self, reference: str) -> Secret:
        """A key of 32 bytes, written in base64 (either alphabet). Raises SecretUnreadable."""
        written = self.text(reference).strip().replace("-", "+").replace("_", "/")
        try:
            key = base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise SecretUnreadable(f"{reference}: not base64; {_NEW_KEY}") from None
        if len(key) != KEY_BYTES:
            raise SecretUnreadable(f"{reference}: a key of {KEY_BYTES} bytes is needed; {_NEW_KEY}")
        return Secret(key)

    def _path(self, reference: str, name: str) -> pathlib.Path:
        path = pathlib.Path(name)
        if not path.is_absolute():
            if self.folder is None:
                raise SecretUnreadable(f"{reference}: no folder of secrets is configured: set 'secrets'")
            if ".." in path.parts:
                raise SecretUnreadable(f"{reference}: leaves the folder of secrets; write an absolute path")
            path = self.folder / path
        return path

    def _file(self, reference: str, name: str) -> bytes:
        path = self._path(reference, name)
        try:
            with path.open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except OSError as error:
            self.followed.setdefault(path, b"")
            raise SecretUnreadable(f"{reference}: {path} can not be read: {error.strerror}") from None
        self.followed.setdefault(path, hashlib.sha256(content).digest())
        if not content:
            raise SecretUnreadable(f"{reference}: {path} is empty")
        if len(content) > _MOST_BYTES:
            raise SecretUnreadable(f"{reference}: {path} is larger than 1 MiB")
        return content
