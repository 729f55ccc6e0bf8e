"""Tells which of the files that secrets were read from hold something else now.

Folders are watched, never files, and contents compared, never names or times: a mounted Secret or ConfigMap changes by
a symlink that is swapped. A look is also taken now and then unasked, since not every file system tells of changes.
"""

import asyncio
import hashlib
import pathlib
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger
from watchfiles import awatch

from gateway.secrets import Secrets

_SETTLE_MILLISECONDS = 100
_LOOK_SECONDS = 15

Changed = Callable[[frozenset[pathlib.Path]], Awaitable[None]]


async def watch_secrets(secrets: Secrets, changed: Changed, log: FilteringBoundLogger) -> None:
    """Awaits `changed` with each set of files that changed, until it is cancelled.

    What is compared with at first is what was read, so that no change is lost between the reading and the watching.
    """
    seen: dict[pathlib.Path, bytes] = {}
    while True:
        try:
            folders = await asyncio.to_thread(_folders, secrets)
            await _look(secrets, seen, changed)
            quiet = 0
            watch = awatch(
                *folders, step=_SETTLE_MILLISECONDS, recursive=False, rust_timeout=1000, yield_on_timeout=True
            )
            async for happened in watch:
                quiet = 0 if happened else (quiet + 1) % _LOOK_SECONDS
                if not quiet:
                    await _look(secrets, seen, changed)
                if await asyncio.to_thread(_folders, secrets) != folders:
                    break  # files were loaded that refer to more
        except Exception:  # a folder that goes while it is watched: it may come back
            log.exception("secrets can not be watched or loaded; trying again")
            await asyncio.sleep(1)


def _folders(secrets: Secrets) -> frozenset[pathlib.Path]:
    return frozenset(path.parent for path in list(secrets.followed) if path.parent.is_dir())


async def _look(secrets: Secrets, seen: dict[pathlib.Path, bytes], changed: Changed) -> None:
    for path, digest in list(secrets.followed.items()):
        seen.setdefault(path, digest)
    present = await asyncio.to_thread(lambda: {path: _digest(path) for path in seen})
    differing = frozenset(path for path, digest in present.items() if digest != seen[path])
    if differing:
        seen.update(present)
        await changed(differing)


def _digest(path: pathlib.Path) -> bytes:
    """The SHA-256 of a file as it stands; of one that can not be read, none."""
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return b""
