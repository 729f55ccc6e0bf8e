"""What operators and service developers look at: the contract as a page and as OpenAPI, and the gateway's state.

All scripts and styles come from this process; the pages' Content-Security-Policy lets nothing else in.
"""

from collections.abc import Callable
from pathlib import Path

from swagger_ui_bundle import swagger_ui_path

from gateway.exchange import Headers, Response
from gateway.web.pages import Page

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
_INDEX = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Bank integration gateway</title></head>
<body><h1>Bank integration gateway</h1>
<ul>
<li><a href="/docs">The contract, to read</a></li>
<li><a href="/openapi.json">The contract as OpenAPI 3.1</a></li>
<li><a href="/status">State: files, circuits, certificates, key sets</a></li>
</ul></body></html>
"""
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


def admin_pages(openapi: Callable[[], bytes], status: Callable[[], bytes]) -> dict[str, Page]:
    """`/`, `/docs` and what it loads, `/openapi.json` and `/status`; both callables give JSON.

    Reads the assets from the disk: call it before the loop serves.
    """
    pages: dict[str, Page] = {
        "/": _fixed(_HTML, _INDEX),
        "/docs": _fixed(_HTML, _DOCS),
        "/docs/begin.js": _fixed((("Content-Type", "text/javascript; charset=utf-8"), *_PROTECTED), _BEGIN),
        "/openapi.json": lambda: Response(200, _JSON, openapi()),
        "/status": lambda: Response(200, _JSON, status()),
    }
    for name, kind in _ASSETS.items():
        content = Path(str(swagger_ui_path)).joinpath(name).read_bytes()
        pages[f"/docs/{name}"] = _fixed((("Content-Type", kind), *_PROTECTED), content)
    return pages


def _fixed(headers: Headers, content: bytes) -> Page:
    response = Response(200, headers, content)
    return lambda: response
