"""The admin pages work from this process alone."""

import re

import pytest
import structlog

from gateway.web.admin import admin_pages
from gateway.web.pages import Page, Pages
from tests.web.conftest import Serve, Wire


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    return admin_pages(lambda: b'{"openapi":"3.1.0"}', lambda: b'{"generation":1}')


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
    assert (await wire.get("/status")).body == b'{"generation":1}'


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


async def test_the_page_can_show_openapi_3_1(pages: dict[str, Page]):
    # Swagger UI reads OpenAPI 3.1 from its version 5 on.
    script = pages["/docs/swagger-ui-bundle.js"]().body
    assert isinstance(script, bytes)
    assert b"isOAS31" in script
