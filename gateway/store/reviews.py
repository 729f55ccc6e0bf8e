"""Answers that were not read because nothing proves that the bank gave them, kept sealed until an operator decides.

One file each in one folder, sealed as a whole and bound to its own name, so that none can be read, changed or passed
off as another without the keys. The folder is bounded, by files and by bytes: when it is full the newest is not kept,
since what came first shows how it began and a flood must not wash it away. Several processes may share the folder; each
may then exceed the bounds by the one that it writes.
"""

import asyncio
import contextlib
import os
import pathlib
import re
import secrets
import threading
from collections.abc import Iterator
from datetime import datetime

import msgspec

from gateway.secrets import Sealer

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{12}")
_SUFFIX = ".sealed"


class ReviewUnknown(Exception):
    """There is no such review, or it can not be opened; the message says which, and nothing of its content."""


class Review(msgspec.Struct, frozen=True):
    """An answer as it arrived, byte for byte, why it was not read, and what it was an answer to."""

    kept_at: datetime
    bank: str
    operation: str
    reason: str
    method: str
    url: str
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Reviews:
    """The folder of reviews: at most `most`, of `size` bytes in all, sealed under the first of the sealer's keys."""

    def __init__(self, folder: pathlib.Path, sealer: Sealer, most: int, size: int) -> None:
        self._folder = folder
        self._sealer = sealer
        self._most = most
        self._size = size
        # Many at once would each find the place that only one of them can have.
        self._keeping = threading.Lock()

    async def keep(self, review: Review) -> str | None:
        """The id of what is kept now, None where the folder is full or can not be written to."""
        return await asyncio.to_thread(self._keep_in_turn, review)

    def ids(self) -> tuple[str, ...]:
        """All that is kept, the oldest first."""
        found = (path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))
        return tuple(sorted(name for name in found if _NAME.fullmatch(name)))

    def all(self) -> Iterator[tuple[str, Review | None]]:
        """Each id with its review, None for one that can not be opened."""
        for name in self.ids():
            try:
                yield name, self.open(name)
            except ReviewUnknown:
                yield name, None

    def open(self, name: str) -> Review:
        """What is kept under an id. Raises ReviewUnknown."""
        try:
            content = self._path(name).read_text("ascii")
        except (OSError, ValueError):
            raise ReviewUnknown(f"there is no review {name!r}") from None
        try:
            return msgspec.json.decode(self._sealer.unseal(content, _bound(name)), type=Review)
        except ValueError as error:
            raise ReviewUnknown(f"the review {name} can not be opened: {error}") from None

    def remove(self, name: str) -> None:
        """Forgets what was decided. Raises ReviewUnknown."""
        try:
            self._path(name).unlink()
        except OSError:
            raise ReviewUnknown(f"there is no review {name!r}") from None

    def _keep_in_turn(self, review: Review) -> str | None:
        with self._keeping:
            try:
                return self._keep(review)
            except OSError:
                return None

    def _keep(self, review: Review) -> str | None:
        if len(self.ids()) >= self._most:
            return None
        name = f"{review.kept_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(6)}"
        sealed = self._sealer.seal(msgspec.json.encode(review), _bound(name))
        if self._taken() + len(sealed) > self._size:
            return None
        path = self._path(name)
        new = path.with_suffix(".new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(sealed)
            new.replace(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        return name

    def _taken(self) -> int:
        """Bytes of all that lies there: what a process that died left half written takes its room too."""
        taken = 0
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process is done with it
                taken += path.stat().st_size
        return taken

    def _path(self, name: str) -> pathlib.Path:
        if not _NAME.fullmatch(name):
            raise ReviewUnknown(f"there is no review {name!r}")
        return self._folder / f"{name}{_SUFFIX}"


def _bound(name: str) -> bytes:
    return b"review\0" + name.encode()
