"""A gateway in this process, its doors open: what it tells of itself, how it takes new files, how it ends."""

import asyncio
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gateway import settings
from gateway.app import watching
from gateway.app.files import content_hash
from gateway.app.process import Gateway
from gateway.files import Layers, Refused
from gateway.telemetry.calls import Telemetry, TelemetrySettings
from tests.app.house import BANK, OVERLAY, ROUTES, build, write

pytestmark = pytest.mark.usefixtures("few_files")
MAPPING = "mappings/uk_openbanking/one/accounts.list.yaml"


class Log:
    """A stream whose lines can be awaited: they are written by a thread."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def write(self, written: bytes) -> int:
        for line in written.splitlines():
            self._lines.put(line)
        return len(written)

    def flush(self) -> None:
        """Nothing is held back."""

    async def line(self, event: str) -> dict[str, Any]:
        """The next line of an event."""
        while True:
            line: dict[str, Any] = json.loads(await asyncio.to_thread(self._lines.get, timeout=10))
            if line["event"] == event:
                return line


class House:
    """A gateway over a folder; each reload, whoever asked for it, is told."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.log = Log()
        self.telemetry = Telemetry(TelemetrySettings(log_stream=self.log))
        self.gateway = Watched(settings.load({}, root / "gateway.yaml"), self.telemetry)
        self.session = aiohttp.ClientSession()

    async def get(self, listener: str, path: str) -> tuple[int, Any]:
        scheme = "https" if listener == "service" else "http"
        port = self.gateway.ports()[listener]
        async with self.session.get(f"{scheme}://127.0.0.1:{port}{path}", ssl=False) as response:
            body = await response.read()
        return response.status, json.loads(body) if response.content_type.endswith("json") else body.decode()

    async def files(self) -> dict[str, Any]:
        _, state = await self.get("admin", "/status")
        files: dict[str, Any] = state["files"]
        return files

    async def close(self) -> None:
        await self.session.close()
        await self.gateway.close()
        await asyncio.to_thread(self.telemetry.close)


class Watched(Gateway):
    """A gateway of which a test can await the reloads."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.reloads: asyncio.Queue[bool] = asyncio.Queue()

    async def judge(self, held: Layers) -> bool:
        done = await super().judge(held)
        self.reloads.put_nowait(done)
        return done


class Looked:
    """The hash of the files, and each time that it was taken."""

    def __init__(self) -> None:
        self.times: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __call__(self, layers: Layers) -> str:
        found = content_hash(layers)
        self.times.put(found)
        return found


@pytest.fixture
def looked() -> Looked:
    return Looked()


@pytest.fixture
async def house(tmp_path: pathlib.Path) -> AsyncIterator[House]:
    build(tmp_path)
    made = House(tmp_path)
    await made.gateway.open()
    yield made
    await made.close()


async def test_all_doors_are_open_and_tell_who_is_served(house: House) -> None:
    status, catalogue = await house.get("service", "/open/banks")
    assert status == 200
    assert [(bank["id"], bank["health"]["status"]) for bank in catalogue["banks"]] == [("one", "up"), ("two", "up")]
    status, problem = await house.get("service", "/v1/accounts")
    assert (status, problem["code"]) == (401, "unauthenticated")
    assert (await house.get("health", "/livez"))[0] == 200
    assert (await house.get("health", "/readyz"))[0] == 200
    assert (await house.get("admin", "/openapi.json"))[1]["openapi"].startswith("3.1")
    line = await house.log.line("serving")
    assert (line["generation"], line["banks"]) == (1, ["one", "two"])
    assert set(line["ports"]) == {"service", "admin", "health"}


async def test_the_state_holds_files_banks_and_certificates(house: House) -> None:
    _, state = await house.get("admin", "/status")
    assert set(state) == {*("files", "workers", "banks", "key_sets", "redis", "certificates", "certificates_refusal")}
    assert state["files"]["generation"] == 1
    assert len(state["files"]["hash"]) == 64
    assert state["files"]["last_refusal"] == []
    (worker,) = state["workers"]
    assert (worker["worker"], worker["state"], worker["pid"], worker["in_flight"]) == (1, "serving", os.getpid(), 0)
    assert (worker["generation"], worker["hash"]) == (1, state["files"]["hash"])
    assert state["banks"] == {name: {"circuit": "closed", "under_way": 0} for name in ("one", "two")}
    assert set(state["certificates"]) == {"service"}


async def test_good_files_are_served_at_once_and_broken_ones_never(house: House) -> None:
    first = await house.files()
    write(house.root, MAPPING, OVERLAY % (2, "second"))
    assert await house.gateway.reloads.get() is True
    second = await house.files()
    assert (second["generation"], second["last_refusal"]) == (2, [])
    assert second["hash"] != first["hash"]

    write(house.root, MAPPING, (OVERLAY % (3, "third")).replace("label", "lable"))
    assert await house.gateway.reloads.get() is False
    third = await house.files()
    assert (third["generation"], third["hash"]) == (2, second["hash"])
    (told,) = third["last_refusal"]
    assert told.startswith(f"{house.root}/files/{MAPPING}:4:10 fields.lable: ")
    assert told.endswith("(did you mean 'label'?)")
    assert (await house.get("service", "/open/banks"))[0] == 200
    line = await house.log.line("files refused, the old ones go on serving")
    assert line["problems"] == [told]
    _, metrics = await house.get("health", "/metrics")
    assert "\ngateway_files_refused_total 1" in metrics

    write(house.root, MAPPING, OVERLAY % (3, "third"))
    assert await house.gateway.reloads.get() is True
    assert (await house.files())["generation"] == 3
    assert (await house.files())["last_refusal"] == []


async def test_routes_and_banks_change_as_one(house: House) -> None:
    write(house.root, "adapters/banks/two.yaml", (BANK % ("of Two", "two")))
    write(house.root, "policies/open.yaml", ROUTES.replace("/open/banks", "/opened/banks"))
    served = False
    while not served:
        assert await house.gateway.reloads.get() is True
        served = (await house.get("service", "/opened/banks"))[0] == 200
    _, catalogue = await house.get("service", "/opened/banks")
    assert [bank["title"] for bank in catalogue["banks"]] == ["Bank one", "Bank of Two"]
    assert (await house.get("service", "/open/banks"))[0] == 404


async def test_a_config_map_that_is_swapped_is_seen(house: House) -> None:
    folder = house.root / "files" / "policies"
    (folder / "open.yaml").unlink()
    for version, path in (("..1", "/first/banks"), ("..2", "/second/banks")):
        (folder / version).mkdir()
        (folder / version / "open.yaml").write_text(ROUTES.replace("/open/banks", path))
    (folder / "..data").symlink_to("..1")
    (folder / "open.yaml").symlink_to("..data/open.yaml")
    while (await house.get("service", "/first/banks"))[0] != 200:
        await house.gateway.reloads.get()
    (folder / "..new").symlink_to("..2")
    (folder / "..new").rename(folder / "..data")
    while (await house.get("service", "/second/banks"))[0] != 200:
        assert await house.gateway.reloads.get() is True
    assert (await house.get("service", "/first/banks"))[0] == 404


async def test_files_that_are_only_touched_change_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, looked: Looked
) -> None:
    monkeypatch.setattr(watching, "content_hash", looked)
    path = house.root / "files" / "policies" / "open.yaml"
    for _ in range(3):  # the first look may be that of the beginning; once the third is taken, the second is over
        path.write_text(path.read_text())
        await asyncio.to_thread(looked.times.get, timeout=10)
    assert house.gateway.reloads.empty()
    assert (await house.files())["generation"] == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("[one, two]", "[one, tow]"), "banks: 'tow' is not a bank that can be served"),
        (("'file:server.key'", "'file:ca.pem'"), "listeners.service.tls: "),
    ],
)
async def test_what_can_not_be_served_is_refused_before_a_door_opens(tmp_path: pathlib.Path, change, told) -> None:
    path = build(tmp_path)
    path.write_text(path.read_text().replace(*change))
    made = House(tmp_path)
    with pytest.raises(Refused, match=told):
        await made.gateway.open()
    assert made.gateway.listeners == {}
    assert made.gateway.crew.ports() == {}
    await made.close()


def test_sigterm_ends_it_in_order(tmp_path: pathlib.Path) -> None:
    build(tmp_path)
    command = [sys.executable, "-m", "gateway", "serve", "--settings", "gateway.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            events = []
            for line in process.stdout:
                events.append(json.loads(line)["event"])
                if events[-1] == "serving":
                    process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert events[-1] == "stopped"
