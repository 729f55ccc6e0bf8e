"""What is measured inside one Python process, without sockets: inside.py SHARED_FILE; prints one object of JSON.

Microseconds of processor a page for the compiled mapping and for Python by hand (bytes in, the contract's bytes out),
for finding a route among few and among many, and seconds of wall time for loading mappings.
"""

import json
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from gateway.exchange import Exchange, Response
from gateway.files import Layers
from gateway.filters import Building
from gateway.mapping.identity import Identities
from gateway.mapping.library import read_library
from gateway.mapping.pages import MappingCall, instant
from gateway.mapping.records import BoundMapping
from gateway.routes import RouteTable, read
from tests.bench import pages
from tests.bench.agreement import compare, settled
from tests.bench.installation import ROOT
from tests.bench.references import handwritten

_MAPPING, _ZONE = "uk_openbanking/transactions.list", "Europe/London"
_RUNS, _SECONDS = 5, 0.3
_MAPPINGS = 1000


def shared_for_trials() -> dict[str, Any]:
    """What the bench would tell the references, with a key that is nobody's."""
    file = read_library(Layers.over_shipped(())).mappings[_MAPPING].file
    return {"id_key": "00" * 32, "bank": "bench", "mapping": f"{file.name}@{file.version}"}


def mapping_alone(shared: dict[str, Any], rows: int) -> dict[str, float]:
    """The compiled mapping and Python by hand over the same pages; raises Disagreement where their answers differ."""
    library = read_library(Layers.over_shipped(()))
    keys = Identities(bytes.fromhex(shared["id_key"]))
    bound = BoundMapping(library.mappings[_MAPPING], library.contract.records, _ZONE, keys)
    reference = handwritten.Reference(shared, handwritten.contract_validator(ROOT / "mappings/canonical/v1"))
    bodies = [(json.dumps(pages.page(rows, number)).encode(), f"acc_{number}") for number in range(pages.PAGES)]

    def compiled(body: bytes, account_id: str) -> bytes:
        call = MappingCall(
            tenant="bench",
            bank=shared["bank"],
            bank_title="Bench",
            bank_bic=None,
            fetched_at=instant(datetime.now(UTC)),
            raw_ref="bench",
            account_id=account_id,
            resource_id="bench",
        )
        return bound.run(body, {}, call).render(None)

    for body, account_id in bodies:
        compare(settled(compiled(body, account_id)), settled(reference.answer(body, account_id)))
    return _side_by_side({f"mapping-alone/{rows}": compiled, f"python-hand/{rows}": reference.answer}, bodies)


def matching() -> dict[str, float]:
    """Finding the same route in a table of ten and in one of ten thousand."""
    tables = {f"match/{count}": _table(count).match for count in (10, 10_000)}
    return _side_by_side(tables, [("GET", f"/area-{number % 10}/things/{number}") for number in range(64)])


def loading() -> dict[str, float]:
    """A thousand banks' own mappings, read, checked and compiled over what ships; seconds of wall time.

    Those that say the same, as banks of one platform do, share their code; the second thousand says a thousand things.
    """
    read_library(Layers.over_shipped(()))
    return {"load-1000-mappings": _load("$.TransactionReference"), "load-1000-different": _load("{{const: own-{}}}")}


def _load(end_to_end: str) -> float:
    with tempfile.TemporaryDirectory() as name:
        for number in range(_MAPPINGS):
            path = pathlib.Path(name, f"mappings/uk_openbanking/bank{number:04d}/transactions.list.yaml")
            path.parent.mkdir(parents=True)
            path.write_text(
                f"mapping: uk_openbanking/bank{number:04d}/transactions.list\nversion: 1\nextends: {_MAPPING}\n"
                f"fields:\n  references: {{servicer: null, end_to_end: {end_to_end.format(number)}}}\n"
            )
        layers = Layers.over_shipped((pathlib.Path(name),))
        return round(_wall(lambda: read_library(layers)), 2)


def _table(count: int) -> RouteTable:
    same = "method: GET, upstream: {url: 'http://bank.test'}, public: true"
    areas = [f"{{name: r{number}, path: '/area-{number}/things/{{thing}}', {same}}}" for number in range(count)]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name, "policies")
        folder.mkdir()
        (folder / "many.yaml").write_text("routes:\n" + "".join(f"  - {one}\n" for one in areas))
        policies = read(Layers((pathlib.Path(name),)))
    parts: dict[str, Any] = dict.fromkeys(Building.__struct_fields__)
    return RouteTable(policies, Building(**{**parts, "upstream": lambda _settings: _answer}), {})


async def _answer(_exchange: Exchange) -> Response:
    return Response(204, (), b"")


def _side_by_side(works: dict[str, Callable[..., object]], inputs: list[tuple[Any, ...]]) -> dict[str, float]:
    """Microseconds of processor a call, the median of interleaved runs."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(_RUNS):
        for name, work in works.items():
            calls, began = 0, time.process_time()
            while time.process_time() - began < _SECONDS:
                for values in inputs:
                    work(*values)
                calls += len(inputs)
            taken[name].append((time.process_time() - began) * 1e6 / calls)
    return {name: round(statistics.median(values), 2) for name, values in taken.items()}


def _wall(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    told = json.loads(pathlib.Path(sys.argv[1]).read_text())
    figures = {**mapping_alone(told, 1), **mapping_alone(told, 100), **matching(), **loading()}
    sys.stdout.write(json.dumps(figures))
