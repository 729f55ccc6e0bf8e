"""A gateway, the simulated banks and a trace receiver as processes of their own, once for all end-to-end tests."""

from collections.abc import Iterator

import pytest

from gateway.demo.stage import Stage, put_up
from tests.e2e.surroundings import ALL_CONSENTS, FILES, Caller, Faults
from tests.telemetry.receiving import OtlpReceiver, receiving


@pytest.fixture(scope="session")
def receiver() -> Iterator[OtlpReceiver]:
    with receiving() as process:
        yield process


@pytest.fixture(scope="session")
def stage(receiver: OtlpReceiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    root = tmp_path_factory.mktemp("e2e") / "gateway"
    with put_up(root, consents=ALL_CONSENTS, files=FILES, receiver=receiver.endpoint) as stage:
        yield stage


@pytest.fixture
def caller(stage: Stage) -> Caller:
    return Caller(stage)


@pytest.fixture
def faults(stage: Stage) -> Iterator[Faults]:
    faults = Faults(stage)
    faults.forget()
    yield faults
    faults.forget()
