"""One line per call, written when it ends, made of what the gateway decided and never of what a caller sent.

It bypasses the general chain because every field is known beforehand: names from files, ids that were checked, numbers.
"""

from datetime import UTC, datetime

import orjson

from gateway.exchange import CallRecord
from gateway.telemetry.endings import Ending
from gateway.telemetry.redaction import kind, redact, redact_path

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


def access_line(record: CallRecord, ending: Ending) -> bytes:
    """The line, newline included. The path is told only where no route matched, and of it only plain words."""
    route, principal, peer = record.route, record.principal, ending.peer
    line = {
        "time": datetime.fromtimestamp(ending.at / 1e9, UTC),
        "level": "info",
        "event": "call",
        "method": ending.method,
        "route": route.name if route is not None else None,
        "status": ending.status,
        "duration_ms": round((ending.at - record.started) / 1e6, 3),
        "sent": ending.sent,
        "bank": record.bank or None,
        "operation": route.operation if route is not None else None,
        "client": principal.client_id if principal is not None else None,
        "tenant": principal.tenant if principal is not None else None,
        "peer": peer.address if peer is not None else None,
        "identity": peer.identity if peer is not None else None,
        "problem": kind(record.problem),
        "attempts": len(record.attempts),
        "trace_id": record.trace_id,
        "interaction_id": record.interaction_id or None,
    }
    if route is None:
        line["path"] = redact_path(ending.path)
    if ending.error is not None:
        line["error"] = kind(ending.error)
    if record.cached:
        line["cached"] = True
    if record.limited_by is not None:
        line["limited_by"] = record.limited_by
    if record.limits_unshared is not None:
        line["limits_unshared"] = record.limits_unshared
    left_out = 0
    for mapping in record.mappings:
        left_out += mapping.left_out
    if left_out:
        line["left_out"] = left_out
    try:
        return orjson.dumps(line, option=_OPTIONS)
    except TypeError:
        # A token's claim may hold half a surrogate pair, which JSON allows and UTF-8 does not.
        return orjson.dumps(redact(line), option=_OPTIONS)
