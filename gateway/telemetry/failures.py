"""An exception as a log may show it: its kinds, where it was raised, and a message only where messages are safe.

The text of a foreign exception often quotes the value it choked on (a payload, a header, a token), and no shape tells
an opaque one. So only our own errors, whose messages are written for problems, and the operating system's keep theirs.
"""

import os
import traceback
from collections.abc import Iterator
from typing import Any

from gateway.errors import GatewayError
from gateway.telemetry.redaction import redact_text

_FRAMES = 20
_CHAIN = 8


def describe(error: BaseException) -> list[dict[str, Any]]:
    """The error and what led to it, outermost first: `type`, `message` where it is safe, `at` as file:line function.

    At most eight errors of a chain or group, each with its innermost twenty frames.
    """
    return [_one(link) for link, _ in zip(_chain(error, set()), range(_CHAIN), strict=False)]


def _one(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    described: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")}
    if isinstance(error, GatewayError | OSError):
        described["message"] = redact_text(str(error))
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    described["at"] = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    return described


def _short(filename: str) -> str:
    """The path below the folder that modules are imported from."""
    for root in ("site-packages", "gateway", "adapters"):
        _, found, below = filename.rpartition(f"{os.sep}{root}{os.sep}")
        if found:
            return below if root == "site-packages" else f"{root}{os.sep}{below}"
    return filename.rpartition(os.sep)[2]


def _chain(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for link in (*members, *((cause,) if cause is not None else ())):
        yield from _chain(link, seen)
