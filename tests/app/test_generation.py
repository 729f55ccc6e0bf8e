"""What a set of files becomes for each bank: its own mappings before those of its dialect, its health as it is."""

import asyncio
import gc
import pathlib

import msgspec
import pytest

from gateway import settings
from gateway.app import serving as serving_module
from gateway.app.files import read_files
from gateway.app.generation import Lasting, Ready, prepare
from gateway.app.serving import Serving
from gateway.files import Layers, Refused
from gateway.mapping.records import BoundMapping
from gateway.telemetry.calls import Telemetry, TelemetrySettings
from tests.app.house import OVERLAY, build, write
from tests.signatures.pems import public_pem

pytestmark = pytest.mark.usefixtures("few_files")
FORM = """
mapping: uk_openbanking/one/accounts.list.csv
version: 5
extends: uk_openbanking/accounts.list
"""


@pytest.fixture
async def serving(tmp_path: pathlib.Path):
    telemetry = Telemetry(TelemetrySettings())
    yield Serving(settings.load({}, build(tmp_path)), telemetry)
    telemetry.close()


def layers(serving: Serving) -> Layers:
    return Layers.over_shipped(serving.settings.files)


def prepared(serving: Serving) -> tuple[Ready, Lasting]:
    lasting = serving.lasting
    return prepare(read_files(layers(serving)), lasting), lasting


async def test_a_bank_reads_by_its_own_mapping_and_the_others_by_their_dialects(serving):
    ready, _ = prepared(serving)
    names = {
        bank: {operation: mapping.name for operation, mapping in ready.mappings[bank].items()}
        for bank in ready.mappings
    }
    assert names["one"]["accounts.list"] == "uk_openbanking/one/accounts.list@1"
    assert names["two"]["accounts.list"].startswith("uk_openbanking/accounts.list@")
    assert names["one"]["transactions.list"] == names["two"]["transactions.list"]
    assert (
        set(names["one"])
        == set(names["two"])
        >= {"accounts.list", "accounts.get", "balances.list", "transactions.list"}
    )


async def test_a_base_of_a_bank_lends_its_mapping(serving, tmp_path):
    write(tmp_path, "adapters/banks/two.yaml", "extends: one\ntitle: Two\n")
    ready, _ = prepared(serving)
    assert ready.mappings["two"]["accounts.list"].name == "uk_openbanking/one/accounts.list@1"


async def test_a_mapping_for_another_form_is_its_own(serving, tmp_path):
    write(tmp_path, "mappings/uk_openbanking/one/accounts.list.csv.yaml", FORM)
    ready, _ = prepared(serving)
    assert ready.mappings["one"]["accounts.list.csv"].name == "uk_openbanking/one/accounts.list.csv@5"
    assert "accounts.list.csv" not in ready.mappings["two"]


async def test_every_bank_that_is_not_there_is_told(serving):
    files = read_files(layers(serving))
    lasting = serving.lasting
    wanted = msgspec.structs.replace(lasting.settings, banks=("one", "tow", "albion"))
    with pytest.raises(Refused) as caught:
        prepare(files, msgspec.structs.replace(lasting, settings=wanted))
    assert [problem.message.partition(" (")[0] for problem in caught.value.problems] == [
        "'albion' is not a bank that can be served",
        "'tow' is not a bank that can be served",
    ]


async def test_a_consent_is_known_to_telemetry_by_a_keyed_hash(serving):
    _, lasting = prepared(serving)
    shown = lasting.hash_consent("consent-1")
    assert shown == lasting.hash_consent("consent-1") != lasting.hash_consent("consent-2")
    assert len(shown) == 16
    assert shown != msgspec.structs.replace(lasting, hash_key=b"other").hash_consent("consent-1")


SIGNED = """
routes:
  - name: signed-banks
    method: GET
    path: /signed/banks
    operation: banks.list
    filters:
      - {name: mtls}
      - name: signature
        origin: https://gateway.example
        callers: [{identity: spiffe://test/one, keys: [{id: one, algorithm: EdDSA, key: "file:one.pem"}]}]
"""


async def test_keys_of_filters_are_read_before_a_set_serves(serving, tmp_path):
    write(tmp_path, "policies/signed.yaml", SIGNED)
    with pytest.raises(Refused) as caught:
        prepared(serving)
    [problem] = caught.value.problems
    assert problem.file.endswith("policies/signed.yaml")
    assert (problem.line, problem.where) == (10, "routes[signed-banks].filters[signature].callers[0].keys[0].key")
    (tmp_path / "secrets" / "one.pem").write_bytes(public_pem("Ed25519"))
    serving.take(prepared(serving)[0], 1)
    assert "signed-banks" in {row.name for row in serving.generation.table.rows()}


async def test_sets_that_are_replaced_leave_no_memory_behind(serving, tmp_path, monkeypatch):
    monkeypatch.setattr(serving_module, "_OLDEST_REQUEST_SECONDS", 0.0)
    serving.take(await serving.prepare(layers(serving)), 1)
    held = []
    gc.disable()  # as good as off is what a process that takes calls sets it to
    try:
        for number in range(2, 7):
            write(tmp_path, "mappings/uk_openbanking/one/accounts.list.yaml", OVERLAY % (number, "label"))
            serving.take(await serving.prepare(layers(serving)), number)
            await asyncio.sleep(0.05)
            held.append(sum(isinstance(one, BoundMapping) for one in gc.get_objects()))
    finally:
        gc.enable()
    # The first set is frozen; of the others one serves, and the one before it waits for the next to be prepared.
    assert held[-1] == held[1], held
