"""Durations and sizes as people write them in every file: `250ms`, `5s`, `1m`; `0B`, `64KiB`, `1MiB`.

What a setting may be (zero or not, days or not) is its schema's to say; here stands only what the words mean.
"""

import re
from typing import Any

_DURATION = re.compile(r"(0|[1-9][0-9]{0,8})(ms|s|m|h|d)")
_SIZE = re.compile(r"(0|[1-9][0-9]{0,8})(B|KiB|MiB)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024 * 1024}


class Seconds(float):
    """A duration, written `250ms`, `5s` or `1m`."""

    __slots__ = ()


class Size(int):
    """A number of bytes, written `512B`, `64KiB` or `1MiB`."""

    __slots__ = ()


def duration(text: str) -> Seconds:
    """Seconds of `250ms`, `5s`, `2m`, `1h` or `1d`. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("not a duration such as 250ms, 5s or 1m")
    return Seconds(int(match[1]) * _SECONDS[match[2]])


def size(text: str) -> Size:
    """Bytes of `0B`, `64KiB` or `1MiB`. Raises ValueError for anything else."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("not a size such as 0B, 64KiB or 1MiB")
    return Size(int(match[1]) * _BYTES[match[2]])


def decode_quantity(kind: type, written: Any) -> Any:
    """What msgspec calls (`dec_hook`) for a field that is `Seconds` or `Size`. Raises ValueError."""
    if kind is Seconds:
        return duration(written)
    if kind is Size:
        return size(written)
    raise NotImplementedError(kind)
