"""The admin pages work from this process alone."""

import json
import re
from typing import Any

import pytest
import structlog

from gateway.web.admin import admin_pages
from gateway.web.pages import Page, Pages
from tests.web.conftest import Serve, Wire

STATE: dict[str, Any] = {
    "files": {"generation": 3, "hash": "cafe", "age_seconds": 1.5, "last_refusal": ["a.yaml:1:1 <b>wrong</b>"]},
    "workers": [{"worker": 1, "pid": 17, "in_flight": 2}, {"worker": 2, "pid": 18, "state": "starting"}],
}


async def status() -> dict[str, Any]:
    return STATE


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    return admin_pages(lambda: b'{"openapi":"3.1.0"}', status)


@pytest.fixture
async def wire(serve: Serve, pages: dict[str, Page]) -> Wire:
    return await (await serve(attendant=Pages(pages, structlog.get_logger()))).connect()


async def test_the_index_leads_to_pages_that_exist(wire: Wire):
    index = await wire.get("/")
    links = re.findall(rb'href="([^"]+)"', index.body)
    assert links
    for link in links:
        assert (await wire.get(link.decode())).status == 200


async def test_the_contract_and_the_state_are_json(wire: Wire):
    contract = await wire.get("/openapi.json")
    assert (contract.body, contract.headers["content-type"]) == (b'{"openapi":"3.1.0"}', "application/json")
    assert json.loads((await wire.get("/status")).body) == STATE


async def test_the_index_shows_the_files_and_every_worker(wire: Wire):
    shown = (await wire.get("/")).body.decode()
    assert "Generation 3, cafe" in shown
    assert "a.yaml:1:1 &lt;b&gt;wrong&lt;/b&gt;" in shown
    assert re.findall("<tr>(.*?)</tr>", shown) == [
        "<th>worker</th><th>pid</th><th>in flight</th><th>state</th>",
        "<td>1</td><td>17</td><td>2</td><td></td>",
        "<td>2</td><td>18</td><td></td><td>starting</td>",
    ]


async def test_everything_a_page_loads_comes_from_here(wire: Wire):
    page = await wire.get("/docs")
    for asset in re.findall(rb'(?:src|href)="([^"]+)"', page.body):
        assert asset.startswith(b"/docs/")
        loaded = await wire.get(asset.decode())
        assert loaded.status == 200
        assert len(loaded.body) > 100
        assert loaded.headers["x-content-type-options"] == "nosniff"
    begin = await wire.get("/docs/begin.js")
    assert b'url: "/openapi.json"' in begin.body
    assert b"validatorUrl: null" in begin.body


async def test_a_page_lets_nothing_else_in(wire: Wire):
    for path in ("/", "/docs", "/status"):
        headers = (await wire.get(path)).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "http" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"


async def test_the_page_can_show_openapi_3_1(wire: Wire):
    # Swagger UI reads OpenAPI 3.1 from its version 5 on.
    script = (await wire.get("/docs/swagger-ui-bundle.js")).body
    assert isinstance(script, bytes)
    assert b"isOAS31" in script
