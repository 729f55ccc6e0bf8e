"""The filters that a route may list: what they are called, where in a chain they belong, and what builds them.

A filter is `async (exchange, call_next) -> Response`. Filters do not know each other; the chain's order is the
policy's, within the order of the phases. Adding one means a module here, a line below and its settings in
`policies/policy.schema.json`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from gateway.exchange import Filter
from gateway.files import Loaded, Path, Problem
from gateway.filters import cache, consent, headers, json_body, jwt, mtls, rate_limit, scopes, signature, timeout
from gateway.filters.building import Building
from gateway.secrets import Secrets

Phase = Literal["edge", "authenticate", "authorise", "limit"]
PHASES: tuple[Phase, ...] = ("edge", "authenticate", "authorise", "limit")


class Kind(msgspec.Struct, frozen=True):
    """One kind of filter: its phase, its settings, and the factory that makes a filter of them.

    Where settings refer to secrets, `prepare` reads them before and the factory is given what it answers: None where it
    added problems, each at its place in the file (settings, file, path in it, secrets, problems).
    """

    phase: Phase
    settings: type[msgspec.Struct]
    build: Callable[[Any, Building], Filter]
    prepare: Callable[[Any, Loaded, Path, Secrets, list[Problem]], Any] | None = None


FILTERS: Mapping[str, Kind] = {
    "headers": Kind("edge", headers.HeadersSettings, headers.build),
    "timeout": Kind("edge", timeout.TimeoutSettings, timeout.build),
    "mtls": Kind("authenticate", mtls.MtlsSettings, mtls.build),
    "jwt": Kind("authenticate", jwt.JwtSettings, jwt.build),
    "signature": Kind("authenticate", signature.SignatureSettings, signature.build, signature.prepare),
    "scopes": Kind("authorise", scopes.ScopesSettings, scopes.build),
    "consent": Kind("authorise", consent.ConsentSettings, consent.build),
    "rate_limit": Kind("limit", rate_limit.RateLimitSettings, rate_limit.build),
    "json_body": Kind("limit", json_body.JsonBodySettings, json_body.build),
    "cache": Kind("limit", cache.CacheSettings, cache.build),
}

__all__ = ["FILTERS", "PHASES", "Building", "Kind", "Phase"]
