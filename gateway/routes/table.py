"""The compiled table: method and raw path lead to a route's facts, its parameters and its ready chain of filters."""

from collections.abc import Awaitable, Mapping

import msgspec

from gateway.errors import CallerError, MethodNotAllowed, MethodUnknown, NotFound
from gateway.exchange import CallNext, Exchange, Filter, Handler, Response, RouteFacts
from gateway.files import Layers, Problem, Refused
from gateway.filters import FILTERS, Building
from gateway.routes.checks import check, place
from gateway.routes.policies import Listed, Reading, RoutePolicy
from gateway.routes.template import Template
from gateway.routes.tree import Tree
from gateway.secrets import CertificateUnusable, SecretUnreadable

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""What the gateway knows (RFC 9110 section 9); TRACE and CONNECT it does not."""


class Match(msgspec.Struct, frozen=True):
    """What a request leads to; parameters are raw segments, never decoded."""

    route: RouteFacts
    parameters: Mapping[str, str]
    handler: Handler


class Row(msgspec.Struct, frozen=True):
    """A route as people are shown it; `place` is `file:line`, `scopes` what its tokens must have."""

    name: str
    method: str
    template: str
    operation: str | None
    upstream: str | None
    public: bool
    filters: tuple[str, ...]
    scopes: tuple[str, ...]
    place: str


class _End(msgspec.Struct, frozen=True):
    facts: RouteFacts
    template: Template
    handler: Handler
    fixed: Match | None


class RouteTable:
    """All routes of one set of files.

    Building one raises Refused where secrets of upstreams or filters can not be used: that is known only when they are
    read.
    """

    def __init__(self, policies: tuple[RoutePolicy, ...], building: Building) -> None:
        self._rows = rows(policies)
        self._trees: dict[str, Tree[_End]] = {}
        problems: list[Problem] = []
        filters = _Filters(building, problems)
        for policy in policies:
            try:
                innermost = _innermost(policy, building)
            except (SecretUnreadable, CertificateUnusable) as error:
                problems.append(policy.problem(str(error), "upstream", "tls"))
                continue
            handler = filters.chain(policy.filters, innermost)
            for method in policy.methods:
                self._trees.setdefault(method, Tree()).add(policy.template, _end(policy, method, handler))
        if problems:
            raise Refused(problems)
        if "GET" in self._trees:
            # HEAD is answered wherever GET is (RFC 9110 section 9.3.2), by the same route.
            self._trees["HEAD"] = self._trees["GET"]

    def match(self, method: str, path: str) -> Match:
        """The route of a request. Raises NotFound, MethodNotAllowed (with `Allow`) or MethodUnknown."""
        tree = self._trees.get(method)
        parts = path.split("/")
        end = tree.find(parts) if tree is not None else None
        if end is None:
            raise self._refusal(method, parts)
        return end.fixed or Match(end.facts, end.template.read(parts), end.handler)

    def rows(self) -> tuple[Row, ...]:
        """The table as people are shown it."""
        return self._rows

    def _refusal(self, method: str, parts: list[str]) -> CallerError:
        if method not in METHODS:
            return MethodUnknown()
        allowed = [known for known in METHODS if known in self._trees and self._trees[known].find(parts) is not None]
        if not allowed:
            return NotFound("There is no such route.")
        return MethodNotAllowed(f"Use {' or '.join(allowed)}.", headers=(("Allow", ", ".join(allowed)),))


def read(layers: Layers) -> tuple[RoutePolicy, ...]:
    """All routes of all files, checked. Raises Refused with every problem of every file."""
    reading = Reading(layers)
    policies = tuple(reading.routes())
    problems = [*reading.problems, *check(policies)]
    if problems:
        raise Refused(problems)
    return policies


def rows(policies: tuple[RoutePolicy, ...]) -> tuple[Row, ...]:
    """The routes as people are shown them, by path and method."""
    shown = [_row(policy, method) for policy in policies for method in policy.methods]
    return tuple(sorted(shown, key=lambda row: (row.template, METHODS.index(row.method))))


def load(layers: Layers, building: Building) -> RouteTable:
    """Reads, checks and compiles. Raises Refused."""
    return RouteTable(read(layers), building)


class _Filters:
    """Builds each distinct filter once: routes with equal settings share what it remembers."""

    def __init__(self, building: Building, problems: list[Problem]) -> None:
        self._building = building
        self._problems = problems
        self._built: dict[tuple[str, object], Filter] = {}

    def chain(self, listed: tuple[Listed, ...], handler: Handler) -> Handler:
        for one in reversed(listed):
            handler = _around(self._filter(one), handler)
        return handler

    def _filter(self, listed: Listed) -> Filter:
        key = (listed.name, listed.settings)
        if key not in self._built:
            self._built[key] = self._build(listed)
        return self._built[key]

    def _build(self, listed: Listed) -> Filter:
        kind, settings = FILTERS[listed.name], listed.settings
        if kind.prepare is not None:
            settings = kind.prepare(settings, listed.loaded, listed.path, self._building.secrets, self._problems)
            if settings is None:
                return _refused
        return kind.build(settings, self._building)


async def _refused(_exchange: Exchange, _call_next: CallNext) -> Response:
    """Stands where a filter could not be built; the table that it would serve in is refused."""
    raise AssertionError


def _around(one: Filter, call_next: CallNext) -> Handler:
    def step(exchange: Exchange) -> Awaitable[Response]:
        return one(exchange, call_next)

    return step


def _innermost(policy: RoutePolicy, building: Building) -> Handler:
    if policy.upstream is not None:
        return building.upstream(policy.upstream)
    assert policy.operation is not None
    return building.operations[policy.operation]


def _end(policy: RoutePolicy, method: str, handler: Handler) -> _End:
    facts = RouteFacts(
        name=policy.name,
        method=method,
        template=policy.template.text,
        operation=policy.operation,
        timeout=policy.timeout,
        body_limit=policy.body_limit,
    )
    fixed = None if policy.template.parameters else Match(facts, {}, handler)
    return _End(facts, policy.template, handler, fixed)


def _row(policy: RoutePolicy, method: str) -> Row:
    scopes = policy.listed("scopes")
    return Row(
        name=policy.name,
        method=method,
        template=policy.template.text,
        operation=policy.operation,
        upstream=policy.upstream.url if policy.upstream is not None else None,
        public=policy.public,
        filters=tuple(listed.name for listed in policy.filters),
        scopes=tuple(scopes.settings.all) if scopes is not None else (),
        place=place(policy),
    )
