"""One form for every log line of the process: JSON, redacted, whichever library it comes from.

Our own code logs through structlog; the standard library's root logger is bridged to the same chain. Loggers of others
speak from WARNING on, and those whose texts quote what was received (aiohttp's and asyncio's: header bytes, the repr of
a failed task) are reduced to the kind of what happened. An exception is told by `failures.describe`.
"""

import logging
import re
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from gateway.telemetry.failures import describe
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.redaction import redact_member, redact_text

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_OURS = ("gateway", "adapters")
# aiohttp logs the bytes it could not parse, asyncio the repr of futures and callbacks.
_QUOTING = ("aiohttp", "asyncio", "concurrent")
# The exporter's failures are told once per outage by the exporter's owner; calls by the access line.
_SILENT = ("opentelemetry", "aiohttp.access")
# What follows these words is the repr of a callback with its arguments.
_LEADING_WORDS = re.compile(r"Exception in callback|[A-Za-z][A-Za-z' ]*")
_UNWRITABLE = b'{"level":"error","event":"a log record could not be written"}\n'


def encode(event: dict[str, Any]) -> bytes:
    """One line: time first, every value redacted, `error` and `exc_info` described."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    line: dict[str, Any] = {"time": datetime.now(UTC)}
    for name, value in event.items():
        if isinstance(value, BaseException):
            line[name] = describe(value)
        else:
            line[redact_text(name)] = redact_member(name, value)
    if isinstance(error, BaseException):
        line["exception"] = describe(error)
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z, default=_name_of)


def as_text(line: bytes) -> bytes:
    """A line that `encode` made, for people: time, level, what happened, then `name=value` for all that is known."""
    known = orjson.loads(line)
    head = [str(known.pop(name, "")) for name in ("time", "level", "event")]
    values = [f"{name}={_spelt(value)}" for name, value in known.items() if value is not None]
    return f"{head[0]} {head[1]:<8} {_spelt(head[2], ' ')} {' '.join(values)}".rstrip().encode() + b"\n"


def _spelt(value: object, also: str = "") -> str:
    """A plain word as it is, anything else as JSON: no value can look like another line or field."""
    plain = isinstance(value, str) and all(one.isalnum() or one in "-_.:/@{}[]" + also for one in value)
    return str(value) if plain else orjson.dumps(value).decode()


def _name_of(value: object) -> str:
    return f"<{type(value).__qualname__}>"


class _LineLogger:
    """The end of structlog's chain: what was rendered goes to the writer."""

    def __init__(self, writer: LineWriter) -> None:
        self._put = writer.put

    def msg(self, line: bytes) -> None:
        self._put(line)

    debug = info = warning = warn = error = critical = exception = fatal = log = msg


class _Bridge(logging.Handler):
    """The standard library's records, in the same form."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._put = writer.put

    def emit(self, record: logging.LogRecord) -> None:
        # The library's own way with a record that cannot be written prints its arguments to standard error.
        try:
            self._put(encode(self._event(record)))
        except Exception:  # noqa: BLE001 - a log record must never fail its writer, whatever is wrong with it
            self._put(_UNWRITABLE)

    @staticmethod
    def _event(record: logging.LogRecord) -> dict[str, Any]:
        if record.name.partition(".")[0] in _QUOTING:
            words = _LEADING_WORDS.match(str(record.msg))
            message = words.group().strip() if words else "something happened"
        else:
            message = record.getMessage()
        return {
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": message,
            "exc_info": record.exc_info,
        }


class Logs:
    """The process's logging while it stands; `close` puts back what was there before."""

    def __init__(self, writer: LineWriter, level: str) -> None:
        if level not in LEVELS:
            raise ValueError(f"the log level must be one of {', '.join(LEVELS)}, not {level!r}")
        processors: list[Any] = [structlog.stdlib.add_log_level, _render]
        wrapper = structlog.make_filtering_bound_logger(LEVELS[level])
        # Loggers that a module gets by structlog.get_logger() are redacted too.
        structlog.configure(processors=processors, wrapper_class=wrapper, logger_factory=lambda *_: _LineLogger(writer))
        self.log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            _LineLogger(writer), processors=processors, wrapper_class=wrapper
        )
        self._restore: list[Callable[[], None]] = [structlog.reset_defaults]
        self._handler = _Bridge(writer)
        root = logging.getLogger()
        root.addHandler(self._handler)
        self._restore.append(lambda: root.removeHandler(self._handler))
        self._set_level(root, logging.WARNING)
        for name in _OURS:
            self._set_level(logging.getLogger(name), LEVELS[level])
        for name in _SILENT:
            self._set_level(logging.getLogger(name), logging.CRITICAL + 1)

    def report_uncaught(self) -> None:
        """Errors that nobody caught, in any thread or finalizer, are logged instead of printed."""
        before = (sys.excepthook, threading.excepthook, sys.unraisablehook)

        def uncaught(error: BaseException | None, where: str) -> None:
            self.log.critical("an error was not caught", where=where, exc_info=error)

        def in_main(kind: type[BaseException], error: BaseException, trace: Any) -> None:
            if issubclass(kind, KeyboardInterrupt):
                before[0](kind, error, trace)
            else:
                uncaught(error, "main thread")

        sys.excepthook = in_main
        threading.excepthook = lambda told: uncaught(told.exc_value, "thread")
        sys.unraisablehook = lambda told: uncaught(told.exc_value, "finalizer")

        def restore() -> None:
            sys.excepthook, threading.excepthook, sys.unraisablehook = before

        self._restore.append(restore)

    def close(self) -> None:
        """Undoes everything, latest first."""
        while self._restore:
            self._restore.pop()()

    def _set_level(self, logger: logging.Logger, level: int) -> None:
        before = logger.level
        logger.setLevel(level)
        self._restore.append(lambda: logger.setLevel(before))


def _render(_logger: object, _method: str, event: Any) -> bytes:
    try:
        return encode(event)
    except Exception:  # noqa: BLE001 - a log line must never fail the code that writes it
        return _UNWRITABLE
