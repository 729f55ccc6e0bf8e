"""Durations and sizes as people write them in policies: `250ms`, `5s`, `1m`; `0B`, `64KiB`, `1MiB`."""

import re
from typing import Any

import msgspec

_DURATION = re.compile(r"([1-9][0-9]{0,6})(ms|s|m|h|d)")
_SIZE = re.compile(r"(0|[1-9][0-9]{0,8})(B|KiB|MiB)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024 * 1024}


class Seconds(float):
    """A duration, decoded from its written form."""

    __slots__ = ()


class Size(int):
    """A number of bytes, decoded from its written form."""

    __slots__ = ()


def settings(kind: type[msgspec.Struct], value: dict[str, Any]) -> Any:
    """Decodes one filter's or upstream's settings, which its schema has already accepted.

    Raises msgspec.ValidationError where schema and struct disagree, which would be a fault of ours.
    """
    return msgspec.convert(value, kind, dec_hook=_decode)


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


def _decode(kind: type, value: Any) -> Any:
    if kind is Seconds:
        return duration(value)
    if kind is Size:
        return size(value)
    raise NotImplementedError(kind)
