"""`json_body`: a request's body is strict JSON within bounds before anything behind this filter sees it.

The body is read whole, up to the route's `body_limit`, and handed on byte for byte. A content coding is not undone but
refused (RFC 9110 section 15.5.16): what nobody inflates can not be a bomb.
"""

import re

import msgspec
from msgspec.structs import replace
from multidict import istr

from gateway.errors import MediaTypeUnsupported, RequestInvalid
from gateway.exchange import CallNext, Exchange, Filter, Response
from gateway.files.quantities import Size
from gateway.filters.bounded_json import Bounds, check
from gateway.filters.building import Building
from gateway.filters.kept_body import holding

_CONTENT_TYPE, _CONTENT_CODING = istr("Content-Type"), istr("Content-Encoding")
_UTF_8 = re.compile(r'\s*charset\s*=\s*"?utf-8"?\s*', re.IGNORECASE)


class JsonBodySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`values` counts keys and values; `text` is the bytes of one text, `digits` the characters of one number."""

    media_types: tuple[str, ...] = ("application/json",)
    depth: int = 32
    values: int = 10_000
    text: Size = Size(64 * 1024)
    digits: int = 40


def build(settings: JsonBodySettings, _building: Building) -> Filter:
    """Builds the filter. It raises MediaTypeUnsupported, BodyTooLarge, and RequestInvalid for what is not taken.

    A request without a body goes on as it is: whether one is needed is for what stands behind.
    """
    media_types = frozenset(settings.media_types)
    bounds = Bounds(settings.depth, settings.values, settings.text, settings.digits)

    async def json_body(exchange: Exchange, call_next: CallNext) -> Response:
        request = exchange.request
        if not request.has_body:
            return await call_next(exchange)
        _check_form(request.headers.get(_CONTENT_TYPE), request.headers.get(_CONTENT_CODING), media_types)
        content = await request.read(exchange.route.body_limit)
        try:
            check(content, bounds)
        except ValueError as error:
            wrong = {"name": "body", "in": "body", "message": str(error)}
            raise RequestInvalid(f"The body {error}.", errors=[wrong]) from None
        return await call_next(replace(exchange, request=holding(request, content)))

    return json_body


def _check_form(content_type: str | None, coding: str | None, media_types: frozenset[str]) -> None:
    if coding is not None and coding.strip().lower() != "identity":
        raise MediaTypeUnsupported(
            "Send the body without a content coding.", headers=(("Accept-Encoding", "identity"),)
        )
    named, *parameters = (content_type or "").split(";")
    if named.strip().lower() not in media_types or not all(_UTF_8.fullmatch(one) for one in parameters):
        raise MediaTypeUnsupported(f"Send the body as {' or '.join(sorted(media_types))}, in UTF-8.")
