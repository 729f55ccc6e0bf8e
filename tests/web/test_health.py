"""What a probe is told: alive, ready or why not, and the counters."""

import json

import structlog

from gateway.web.health import health_pages
from gateway.web.pages import Pages
from tests.web.conftest import Serve


async def test_probes_and_prometheus_are_answered(serve: Serve):
    waits_for: tuple[str, ...] = ()
    pages = health_pages(lambda: waits_for, lambda: b"gateway_up 1\n")
    wire = await (await serve(attendant=Pages(pages, structlog.get_logger()))).connect()
    assert (await wire.get("/livez")).status == 200
    ready = await wire.get("/readyz")
    assert (ready.status, json.loads(ready.body)) == (200, {"ready": True, "waits_for": []})
    waits_for = ("files", "drained")
    unready = await wire.get("/readyz")
    assert (unready.status, json.loads(unready.body)) == (503, {"ready": False, "waits_for": ["files", "drained"]})
    metrics = await wire.get("/metrics")
    assert metrics.body == b"gateway_up 1\n"
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
