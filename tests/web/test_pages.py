"""Listeners of fixed pages: exact paths, GET and HEAD, and problems for all else."""

import pytest
import structlog

from gateway.exchange import Response
from gateway.web.pages import Pages
from tests.web.conftest import Log, Serve, Wire, request


def fine() -> Response:
    return Response(200, (("Content-Type", "text/plain"),), b"fine")


def broken() -> Response:
    raise ValueError("canary")


@pytest.fixture
async def wire(serve: Serve, telemetry) -> Wire:
    pages = Pages({"/fine": fine, "/broken": broken}, telemetry.log)
    return await (await serve(attendant=pages)).connect()


async def test_a_page_is_answered_to_get_and_head(wire: Wire):
    answer = await wire.get("/fine?x=1")
    assert (answer.status, answer.body, answer.headers["cache-control"]) == (200, b"fine", "no-store")
    wire.say(request("HEAD", "/fine"))
    assert (await wire.answer(to_head=True)).headers["content-length"] == "4"


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/fine/", 404, "not_found"),
        ("GET", "/fine/../fine", 400, "path_refused"),
        ("POST", "/fine", 405, "method_not_allowed"),
        ("FROBNICATE", "/fine", 501, "method_unknown"),
        ("GET", "/broken", 500, "gateway_fault"),
    ],
)
async def test_all_else_is_a_problem(method: str, target: str, status: int, code: str, wire: Wire):
    answer = await wire.ask(request(method, target))
    assert (answer.status, answer.problem["code"]) == (status, code)
    assert answer.headers.get("allow") == ("GET, HEAD" if status == 405 else None)
    assert b"canary" not in answer.body


async def test_a_page_that_fails_is_logged(wire: Wire, log: Log):
    await wire.get("/broken")
    assert (await log.line(event="a page failed"))["level"] == "error"


async def test_a_listener_without_pages_answers_404_to_everything(serve: Serve):
    wire = await (await serve(attendant=Pages({}, structlog.get_logger()))).connect()
    for target in ("/", "/callback", "/v1/accounts"):
        assert (await wire.get(target)).status == 404
