"""What probes and Prometheus ask: whether the process lives, whether it should get calls, and what it counted."""

from collections.abc import Callable

import orjson

from gateway.exchange import Headers, Response
from gateway.web.pages import Content, Page, page

_JSON: Headers = (("Content-Type", "application/json"),)
_METRICS: Headers = (("Content-Type", "text/plain; version=0.0.4; charset=utf-8"),)


def health_pages(waits_for: Callable[[], tuple[str, ...]], metrics_text: Content) -> dict[str, Page]:
    """`/livez`, `/readyz` and `/metrics`.

    `waits_for` names what the gateway lacks to take calls ("workers", "drained"), or nothing: then it is ready. Whoever
    asks is told the names. `metrics_text` is Prometheus' text exposition format 0.0.4.
    """

    def livez() -> Response:
        return Response(200, _JSON, b'{"live":true}')

    def readyz() -> Response:
        missing = waits_for()
        return Response(503 if missing else 200, _JSON, orjson.dumps({"ready": not missing, "waits_for": missing}))

    return {"/livez": livez, "/readyz": readyz, "/metrics": page(_METRICS, metrics_text)}
