"""Every failure that a caller is told becomes one `application/problem+json` (RFC 9457), here and nowhere else."""

import orjson

from gateway.errors import GatewayError, Unauthenticated
from gateway.exchange import Headers, Response

INTERACTION = "x-fapi-interaction-id"
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_HEADERS: Headers = (("Content-Type", "application/problem+json"), ("Cache-Control", "no-store"))


def problem(error: GatewayError, *, method: str = "", trace_id: str = "", interaction_id: str = "") -> Response:
    """The answer that a failure becomes; `detail`, `instance` and `trace_id` are left out where there are none.

    `safe_to_repeat` is true for GET and HEAD whatever happened (RFC 9110 section 9.2.1).
    """
    body = {"type": error.type_uri, "title": error.title, "status": error.status}
    if error.detail is not None:
        body["detail"] = error.detail
    if interaction_id:
        body["instance"] = f"urn:uuid:{interaction_id}"
    body |= {
        "code": error.code,
        "origin": error.origin,
        "safe_to_repeat": error.safe_to_repeat or method in _SAFE_METHODS,
    }
    if trace_id:
        body["trace_id"] = trace_id
    given = {name.lower() for name, _ in error.headers}
    added: Headers = ()
    if interaction_id and INTERACTION not in given:
        added += ((INTERACTION, interaction_id),)
    if isinstance(error, Unauthenticated) and "www-authenticate" not in given:
        # RFC 6750 section 3: no error code where the request carried no usable credentials.
        added += (("WWW-Authenticate", "Bearer"),)
    # A member can not take the place of what the standard, or we, say above.
    content = orjson.dumps({**error.members, **body})
    if error.seal is not None:
        added += error.seal(error.status, content)
    return Response(error.status, (*_HEADERS, *error.headers, *added), content)
