"""What operators and service developers look at: the contract as a page and as OpenAPI, and the gateway's state.

All scripts and styles come from this process; the pages' Content-Security-Policy lets nothing else in.
"""

from collections.abc import Awaitable, Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any, TypeAlias

import orjson
from swagger_ui_bundle import swagger_ui_path

from gateway.exchange import Headers, Response
from gateway.web.pages import Page, page

Status: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PROTECTED: Headers = (
    ("Content-Security-Policy", _POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
)
_HTML: Headers = (("Content-Type", "text/html; charset=utf-8"), *_PROTECTED)
_JSON: Headers = (("Content-Type", "application/json"), *_PROTECTED)
_ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Bank integration gateway</title>
<link rel="stylesheet" href="/index.css"></head>
<body><h1>Bank integration gateway</h1>
<ul>
<li><a href="/docs">The contract, to read</a></li>
<li><a href="/openapi.json">The contract as OpenAPI 3.1</a></li>
<li><a href="/status">State: files, workers, circuits, certificates, key sets</a></li>
</ul>
{state}</body></html>
"""
_STYLE = b"body{font-family:sans-serif}table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left}"
_DOCS = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The contract</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon-32x32.png"></head>
<body><div id="contract"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/begin.js"></script></body></html>
"""
# Without `validatorUrl: null` the page would ask a server of others to judge the document.
_BEGIN = b"""SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#contract", validatorUrl: null, deepLinking: true, docExpansion: "list",
  supportedSubmitMethods: []
});
"""


def admin_pages(openapi: Callable[[], bytes], status: Status) -> dict[str, Page]:
    """`/` with the state in short, `/docs` and what it loads, `/openapi.json` and `/status`.

    `openapi` gives JSON; `status` the gateway's state, of which `files` and `workers` are shown.

    Reads the assets from the disk: call it before the loop serves.
    """

    async def index() -> bytes:
        return _INDEX.format(state=_shown(await status())).encode()

    async def state() -> bytes:
        return orjson.dumps(await status(), option=orjson.OPT_INDENT_2)

    pages: dict[str, Page] = {
        "/": page(_HTML, index),
        "/index.css": _fixed((("Content-Type", "text/css; charset=utf-8"), *_PROTECTED), _STYLE),
        "/docs": _fixed(_HTML, _DOCS),
        "/docs/begin.js": _fixed((("Content-Type", "text/javascript; charset=utf-8"), *_PROTECTED), _BEGIN),
        "/openapi.json": page(_JSON, openapi),
        "/status": page(_JSON, state),
    }
    for name, kind in _ASSETS.items():
        content = Path(str(swagger_ui_path)).joinpath(name).read_bytes()
        pages[f"/docs/{name}"] = _fixed((("Content-Type", kind), *_PROTECTED), content)
    return pages


def _shown(state: Mapping[str, Any]) -> str:
    """The files that serve, and a row for each worker."""
    files, workers = state["files"], state["workers"]
    refused = "".join(f"<li>{escape(problem)}</li>" for problem in files["last_refusal"])
    told = f"<p>Changed files were refused, these go on serving:</p><ul>{refused}</ul>" if refused else ""
    columns = list(dict.fromkeys(name for worker in workers for name in worker))
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in columns)
    rows = ("".join(f"<td>{escape(str(worker.get(name, '')))}</td>" for name in columns) for worker in workers)
    table = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f"<h2>Files</h2><p>Generation {files['generation']}, {escape(files['hash'])}, "
        f"for {files['age_seconds']} seconds.</p>{told}"
        f"<h2>Workers</h2><table><tr>{head}</tr>{table}</table>"
    )


def _fixed(headers: Headers, content: bytes) -> Page:
    response = Response(200, headers, content)
    return lambda: response
