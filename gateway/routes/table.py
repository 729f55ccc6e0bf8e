"""The compiled table: method and raw path lead to a route's facts, its parameters and its ready chain of filters."""

from collections.abc import Awaitable, Mapping
from typing import Any, TypeAlias

import msgspec

from gateway.errors import CallerError, MethodNotAllowed, MethodUnknown, NotFound
from gateway.exchange import CallNext, Exchange, Filter, Handler, Response, RouteFacts
from gateway.files import Layers, Problem, Refused
from gateway.filters import FILTERS, Building
from gateway.routes.checks import check, place
from gateway.routes.policies import Listed, Reading, RoutePolicy
from gateway.routes.template import Template
from gateway.routes.tree import Tree
from gateway.secrets import CertificateUnusable, Secrets, SecretUnreadable

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""What the gateway knows (RFC 9110 section 9); TRACE and CONNECT it does not."""


PreparedFilters: TypeAlias = Mapping[tuple[str, object], Any]
"""By a filter's name and settings, what its factory is given in their place."""


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

    Building one raises Refused where an upstream's secrets can not be used: that is known only when they are read.
    `prepared` is what `prepare` answered for the same policies.
    """

    def __init__(self, policies: tuple[RoutePolicy, ...], building: Building, prepared: PreparedFilters) -> None:
        self._rows = rows(policies)
        self._trees: dict[str, Tree[_End]] = {}
        problems = []
        filters = _Filters(building, prepared)
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


def prepare(policies: tuple[RoutePolicy, ...], secrets: Secrets) -> PreparedFilters:
    """Reads what filters refer to, each distinct filter once. Blocks on files. Raises Refused with every problem."""
    problems: list[Problem] = []
    prepared: dict[tuple[str, object], Any] = {}
    for listed in (one for policy in policies for one in policy.filters):
        reading, key = FILTERS[listed.name].prepare, (listed.name, listed.settings)
        if reading is not None and key not in prepared:
            prepared[key] = reading(listed.settings, listed.loaded, listed.path, secrets, problems)
    if problems:
        raise Refused(problems)
    return prepared


def rows(policies: tuple[RoutePolicy, ...]) -> tuple[Row, ...]:
    """The routes as people are shown them, by path and method."""
    shown = [_row(policy, method) for policy in policies for method in policy.methods]
    return tuple(sorted(shown, key=lambda row: (row.template, METHODS.index(row.method))))


def load(layers: Layers, building: Building, secrets: Secrets) -> RouteTable:
    """Reads, checks and compiles. Raises Refused."""
    policies = read(layers)
    return RouteTable(policies, building, prepare(policies, secrets))


class _Filters:
    """Builds each distinct filter once: routes with equal settings share what it remembers."""

    def __init__(self, building: Building, prepared: PreparedFilters) -> None:
        self._building = building
        self._prepared = prepared
        self._built: dict[tuple[str, object], Filter] = {}

    def chain(self, listed: tuple[Listed, ...], handler: Handler) -> Handler:
        for one in reversed(listed):
            handler = _around(self._filter(one), handler)
        return handler

    def _filter(self, listed: Listed) -> Filter:
        key = (listed.name, listed.settings)
        if key not in self._built:
            settings = self._prepared.get(key, listed.settings)
            self._built[key] = FILTERS[listed.name].build(settings, self._building)
        return self._built[key]


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
