import asyncio
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog
from aiohttp import web

from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import Logs, as_text, encode

TOKEN = "eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiJDYW5hcnkifQ.Q2FuYXJ5U2lnbmF0dXJl"


class Written:
    """A process's logging with what it wrote."""

    def __init__(self, level: str) -> None:
        self.stream = io.BytesIO()
        self.writer = LineWriter(self.stream)
        self.logs = Logs(self.writer, level)

    def lines(self) -> list[dict[str, object]]:
        assert self.writer.flush()
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def written() -> Iterator[Written]:
    made = Written("info")
    yield made
    made.logs.close()
    made.writer.close()


def test_a_line_has_time_level_event_and_its_values(written: Written):
    written.logs.log.info("files taken", generation=3, files=["a.yaml"])
    (line,) = written.lines()
    assert str(line.pop("time")).endswith("Z")
    assert line == {"level": "info", "event": "files taken", "generation": 3, "files": ["a.yaml"]}


def test_bound_values_stay_and_the_level_filters(written: Written):
    log = written.logs.log.bind(bank="albion")
    log.debug("hidden")
    log.warning("shown", seconds=1.5)
    (line,) = written.lines()
    assert (line["event"], line["bank"], line["seconds"]) == ("shown", "albion", 1.5)


def test_a_logger_that_any_module_gets_is_redacted_too(written: Written):
    structlog.get_logger("anywhere").warning(f"got Bearer {TOKEN}", password="Canary")
    logging.getLogger("gateway.somewhere").info("Authorization: Basic %s", "Canary")
    logging.getLogger("a.library").warning({"client_secret": "Canary"})
    lines = written.lines()
    assert len(lines) == 3
    assert "Canary" not in str(lines)
    assert TOKEN not in str(lines)
    assert lines[1]["logger"] == "gateway.somewhere"


def test_libraries_speak_from_warning_on_and_the_exporter_not_at_all(written: Written):
    logging.getLogger("a.library").info("chatter")
    logging.getLogger("a.library").warning("heard")
    logging.getLogger("opentelemetry.exporter").error("unheard")
    logging.getLogger("aiohttp.access").critical("unheard")
    assert [line["event"] for line in written.lines()] == ["heard"]


def test_an_exception_is_told_without_its_text_from_either_kind_of_logger(written: Written):
    try:
        raise ValueError("Canary")
    except ValueError as error:
        written.logs.log.exception("failed")
        written.logs.log.critical("failed", exc_info=error)
        written.logs.log.critical("failed", error=error)
        logging.getLogger("gateway.x").exception("failed")
    lines = written.lines()
    assert "Canary" not in str(lines)
    assert [(line.get("exception") or line["error"])[0]["type"] for line in lines] == ["ValueError"] * 4


def test_a_record_that_cannot_be_written_is_told_without_its_arguments(
    written: Written, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    # pytest's own handlers would raise.
    ours = [one for one in logging.getLogger().handlers if type(one).__module__.startswith("gateway.")]
    monkeypatch.setattr(logging.getLogger(), "handlers", ours)

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("Canary")

    logging.getLogger("gateway.x").error("%d", "Canary")
    logging.getLogger("gateway.x").error("%s", Broken())
    written.logs.log.error("kept", odd=Broken(), number=2**80, surrogate="\ud800")
    lines = written.lines()
    assert [line["event"] for line in lines] == [*["a log record could not be written"] * 2, "kept"]
    assert (lines[2]["odd"], lines[2]["number"]) == (f"<{Broken.__qualname__}>", "a huge number")
    assert "Canary" not in str(lines) + capsys.readouterr().err


async def test_aiohttps_report_of_unreadable_bytes_is_reduced_to_its_kind(written: Written):
    async def handler(_: web.BaseRequest) -> web.Response:
        return web.Response()

    server = web.Server(handler)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization : Opaque CanaryCanary\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    await runner.cleanup()
    assert answer.startswith(b"HTTP/1.0 400")
    lines = written.lines()
    assert [line["logger"] for line in lines] == ["aiohttp.server"]
    assert lines[0]["event"] == "Error handling request from"
    assert "BadHttpMessage" in str(lines) or "BadHeader" in str(lines) or "BadHttp" in str(lines)
    assert "Canary" not in str(lines)


async def test_asyncios_report_of_a_failed_callback_is_reduced_to_its_kind(written: Written):
    def fails(_: str) -> None:
        raise ValueError("Canary")

    loop = asyncio.get_running_loop()
    loop.call_soon(fails, "Canary")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    (line,) = written.lines()
    assert (line["logger"], line["event"]) == ("asyncio", "Exception in callback")
    assert "Canary" not in str(line)


def test_an_error_that_nobody_caught_is_logged_and_not_printed(written: Written, capsys: pytest.CaptureFixture[str]):
    written.logs.report_uncaught()

    def fails() -> None:
        raise ValueError("Canary")

    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    try:
        fails()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    lines = written.lines()
    assert [(line["event"], line["where"]) for line in lines] == [
        ("an error was not caught", "thread"),
        ("an error was not caught", "main thread"),
    ]
    printed = capsys.readouterr()
    assert "Canary" not in str(lines) + printed.err + printed.out


def test_close_puts_back_what_was_there():
    before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    root = logging.getLogger()
    handlers = len(root.handlers)
    another = Written("debug")
    another.logs.report_uncaught()
    another.logs.close()
    another.writer.close()
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before
    assert len(root.handlers) == handlers


def test_as_text_a_line_is_for_people_and_stays_one_line():
    line = encode(
        {"level": "info", "event": "files taken", "hash": "ab12", "none": None, "why": "a\nlevel=critical b=1"}
    )
    time, _, rest = as_text(line).decode().partition(" ")
    assert time.endswith("Z")
    assert rest == 'info     files taken hash=ab12 why="a\\nlevel=critical b=1"\n'
    odd = as_text(encode({"level": "error", "event": "x\ny", "inner": {"a": [1, None]}})).decode()
    assert odd.partition(" ")[2] == 'error    "x\\ny" inner={"a":[1,null]}\n'


def test_a_level_that_does_not_exist_is_refused():
    writer = LineWriter(io.BytesIO())
    with pytest.raises(ValueError, match="debug, info, warning, error, critical, not 'loud'"):
        Logs(writer, "loud")
    writer.close()
