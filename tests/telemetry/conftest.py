"""What telemetry's tests share: an OTLP receiver in a process of its own, and telemetry with the log that it writes."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.telemetry.calls import Telemetry, TelemetrySettings
from tests.telemetry.receiving import OtlpReceiver, receiving


@pytest.fixture(scope="session")
def receiver_process() -> Iterator[OtlpReceiver]:
    with receiving() as process:
        yield process


@pytest.fixture
def receiver(receiver_process: OtlpReceiver) -> OtlpReceiver:
    receiver_process.answer_with(200)
    receiver_process.forget()
    return receiver_process


class Log(io.BytesIO):
    """A stream that remembers what was written."""

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def build_telemetry(log: Log) -> Iterator[Callable[..., Telemetry]]:
    """Builds telemetry with chosen settings; whatever was built is closed in the end."""
    built: list[Telemetry] = []

    def build(**settings: Any) -> Telemetry:
        telemetry = Telemetry(TelemetrySettings(**{"log_stream": log, "ratio": 1.0, **settings}))
        built.append(telemetry)
        return telemetry

    yield build
    for telemetry in built:
        telemetry.close()
