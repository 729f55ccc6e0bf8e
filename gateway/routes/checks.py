"""What a schema can not say: whether a route's parts fit each other, and whether routes leave each other's paths alone.

Every check answers all the problems it finds; none stops at the first.
"""

from collections.abc import Callable, Iterable, Iterator

from gateway.banks.origins import UrlRefused, origin_of
from gateway.files import Problem, near
from gateway.files.hosts import Network, refusal
from gateway.filters.headers import INTERACTION, REQUEST
from gateway.filters.jwt import JwtSettings
from gateway.filters.rate_limit import RateLimitSettings
from gateway.filters.signing.settings import CallerSettings, SignatureSettings
from gateway.routes.operations import OPERATIONS
from gateway.routes.policies import Listed, RoutePolicy
from gateway.routes.tree import Tree
from gateway.signatures.components import read_component
from gateway.signatures.header_lines import SignatureRefused

_AUTHENTICATING = ("mtls", "jwt")


def check(routes: Iterable[RoutePolicy]) -> Iterator[Problem]:
    """All problems of a set of routes."""
    taken: dict[str, RoutePolicy] = {}
    trees: dict[str, Tree[RoutePolicy]] = {}
    for route in routes:
        other = taken.setdefault(route.name, route)
        if other is not route:
            yield route.problem(f"the name '{route.name}' is taken by the route at {place(other)}", "name")
        yield from _overlaps(route, trees)
        for one in _CHECKS:
            yield from one(route)


def place(route: RoutePolicy) -> str:
    """`policies/accounts.yaml:12`."""
    return f"{route.loaded.name}:{route.loaded.place(route.path)[0]}"


def _overlaps(route: RoutePolicy, trees: dict[str, Tree[RoutePolicy]]) -> Iterator[Problem]:
    for method in route.methods:
        tree = trees.setdefault(method, Tree())
        other = tree.overlapping(route.template)
        if other is None:
            tree.add(route.template, route)
        elif other.template.text == route.template.text:
            yield route.problem(f"{method} {route.template.text} is the route '{other.name}' at {place(other)}", "path")
        else:
            yield route.problem(
                f"{method} {route.template.text} and {other.template.text} (route '{other.name}' at {place(other)})"
                " match some of the same paths",
                "path",
            )


def _target(route: RoutePolicy) -> Iterator[Problem]:
    if route.operation is None and route.upstream is None:
        yield route.problem("a route needs 'operation' or 'upstream'")
    if route.operation is not None and route.upstream is not None:
        yield route.problem("a route has 'operation' or 'upstream', not both", "upstream")


def _operation(route: RoutePolicy) -> Iterator[Problem]:
    if route.operation is None:
        return
    facts = OPERATIONS.get(route.operation)
    if facts is None:
        yield route.problem(f"unknown operation '{route.operation}'{near(route.operation, OPERATIONS)}", "operation")
        return
    for method in route.methods:
        if method != facts.method:
            yield route.problem(f"{route.operation} is asked with {facts.method}, not {method}", "method")
    if route.template.tail is not None:
        yield route.problem(
            f"{{{route.template.tail}*}} is for plain upstreams: an operation takes whole segments", "path"
        )
    given = frozenset(route.template.parameters)
    for name in sorted(given - facts.parameters):
        yield route.problem(f"{route.operation} takes no parameter '{name}'{near(name, facts.parameters)}", "path")
    for name in sorted(facts.parameters - given):
        yield route.problem(f"{route.operation} needs the parameter '{name}' in its path", "path")
    if facts.consent and route.listed("consent") is None:
        yield route.problem(f"{route.operation} needs the filter 'consent'")


def _upstream(route: RoutePolicy) -> Iterator[Problem]:
    if route.upstream is None:
        return
    refused = _refused(route.upstream.url, "private")
    if refused is not None:
        yield route.problem(refused, "upstream", "url")
    strip, path = route.upstream.strip, route.template.text
    if strip and not (path == strip or path.startswith(f"{strip}/")):
        yield route.problem(f"the path {path} does not begin with {strip}", "upstream", "strip")
    tls = route.upstream.tls
    if tls is not None and not route.upstream.url.startswith("https://"):
        yield route.problem("'tls' needs an https URL", "upstream", "tls")
    if tls is not None and (tls.certificate is None) != (tls.key is None):
        yield route.problem("'certificate' and 'key' go together", "upstream", "tls")


def _refused(url: str, network: Network) -> str | None:
    try:
        return refusal(origin_of(url).host, network)
    except UrlRefused as error:
        return f"is not a URL that can be called: {error}"


def _authentication(route: RoutePolicy) -> Iterator[Problem]:
    authenticating = [name for name in _AUTHENTICATING if route.listed(name)]
    if not authenticating and not route.public:
        yield route.problem("nobody is authenticated: list 'mtls' or 'jwt', or say 'public: true'")
    if authenticating and route.public:
        yield route.problem(f"'public: true', yet '{authenticating[0]}' authenticates: drop one of them", "public")
    jwt = route.listed("jwt")
    if jwt is not None and _bound(jwt) and route.listed("mtls") is None:
        yield _at(route, jwt, "tokens are bound to certificates here: list 'mtls' before it, or say 'binding: none'")


def _needs(route: RoutePolicy) -> Iterator[Problem]:
    for name, needed, why in (
        ("scopes", "jwt", "a token has the scopes"),
        ("consent", "jwt", "a token names the tenant that the consent belongs to"),
        ("cache", "consent", "an answer is kept for one consent"),
    ):
        listed = route.listed(name)
        if listed is not None and route.listed(needed) is None:
            yield _at(route, listed, f"needs '{needed}': {why}")


def _issuers(route: RoutePolicy) -> Iterator[Problem]:
    jwt = route.listed("jwt")
    if jwt is None:
        return
    configured: JwtSettings = jwt.settings
    seen: set[str] = set()
    for one in configured.issuers:
        if one.issuer in seen:
            yield _at(route, jwt, f"the issuer '{one.issuer}' stands twice")
        seen.add(one.issuer)
        if one.ca is not None and not one.keys.startswith("https://"):
            yield _at(route, jwt, f"'ca' of the issuer '{one.issuer}' is for an https URL")
        if one.keys.startswith("https://"):
            refused = _refused(one.keys, one.network)
            if refused is not None:
                yield _at(route, jwt, f"'keys' of the issuer '{one.issuer}' {refused}")


def _limits(route: RoutePolicy) -> Iterator[Problem]:
    listed = route.listed("rate_limit")
    if listed is None:
        return
    configured: RateLimitSettings = listed.settings
    needed = {"tenant": "jwt", "principal": "jwt", "consent": "consent"}
    seen: set[str] = set()
    for window in configured.windows:
        if window.name in seen:
            yield _at(route, listed, f"the window '{window.name}' stands twice")
        seen.add(window.name)
        for key in window.key:
            if key in needed and route.listed(needed[key]) is None:
                yield _at(route, listed, f"the key '{key}' of the window '{window.name}' needs '{needed[key]}'")
        if "bank" in window.key and route.listed("consent") is None and "bank" not in route.template.parameters:
            yield _at(
                route, listed, f"the key 'bank' of the window '{window.name}' needs 'consent', or {{bank}} in the path"
            )


def _cache(route: RoutePolicy) -> Iterator[Problem]:
    listed = route.listed("cache")
    if listed is None:
        return
    if route.upstream is not None:
        yield _at(route, listed, "the answers of a plain upstream are streamed: they can not be kept")
    elif route.operation is not None and route.operation in OPERATIONS and not OPERATIONS[route.operation].cacheable:
        yield _at(route, listed, f"the answers of {route.operation} may not be kept")


def _bodies(route: RoutePolicy) -> Iterator[Problem]:
    listed = route.listed("json_body")
    if listed is None:
        return
    if route.body_limit == 0:
        yield _at(route, listed, "there is no body to judge: 'body_limit' is 0B")
    if set(route.methods) <= {"GET"}:
        yield _at(route, listed, "a GET request has no body to judge")


def _signatures(route: RoutePolicy) -> Iterator[Problem]:
    listed = route.listed("signature")
    if listed is None:
        return
    configured: SignatureSettings = listed.settings
    before = [one.name for one in route.filters[: route.filters.index(listed)]]
    taken: set[tuple[str | None, str | None]] = set()
    for number, caller in enumerate(configured.callers):
        for message in _callers_signature(caller, before):
            yield _at(route, listed, message, "callers", number)
        if (caller.client, caller.identity) in taken:
            yield _at(route, listed, f"the caller '{caller.name}' stands twice", "callers", number)
        taken.add((caller.client, caller.identity))
    for setting, components in (("components", configured.components), ("if_present", configured.if_present)):
        for number, written in enumerate(components):
            message = _uncoverable(written, always=setting == "components")
            if message:
                yield _at(route, listed, f"'{written}' {message}", setting, number)
    if route.upstream is not None and "headers" in before:
        for number, written in enumerate(configured.if_present):
            if written.strip('"') in (INTERACTION, REQUEST):
                message = f"'{written}' is made by 'headers' where the caller sends none: move it to 'components'"
                yield _at(route, listed, message, "if_present", number)
    if configured.answers is not None and route.upstream is not None:
        message = "the answers of a plain upstream are streamed: they can not be signed, drop 'answers'"
        yield _at(route, listed, message, "answers")


def _uncoverable(written: str, *, always: bool) -> str:
    """Why a request's signature can not be asked to cover a component; empty where it can."""
    try:
        component = read_component(written)
    except SignatureRefused:
        return "is no component that can be covered"
    if component.name == "@status" or ("req", True) in component.parameters:
        return "is of an answer, not of a request"
    return "is always present: move it to 'components'" if component.name.startswith("@") and not always else ""


def _callers_signature(caller: CallerSettings, before: list[str]) -> Iterator[str]:
    if (caller.client is None) == (caller.identity is None):
        yield "each caller needs 'client' (of its token) or 'identity' (of its certificate), not both"
    if caller.client is not None and "jwt" not in before:
        yield f"the client '{caller.client}' is known by its token: list 'jwt' before"
    if caller.identity is not None and "mtls" not in before:
        yield f"the identity '{caller.identity}' is known by its certificate: list 'mtls' before"
    if not caller.keys and caller.key_set is None:
        yield f"the caller '{caller.name}' has no key: give 'keys' or 'key_set'"
    if caller.key_set is not None and caller.key_set.ca and not caller.key_set.keys.startswith("https://"):
        yield f"'ca' of the key set of '{caller.name}' is for an https URL"


_CHECKS: tuple[Callable[[RoutePolicy], Iterator[Problem]], ...] = (
    _target,
    _operation,
    _upstream,
    _authentication,
    _needs,
    _issuers,
    _signatures,
    _limits,
    _cache,
    _bodies,
)


def _bound(jwt: Listed) -> bool:
    configured: JwtSettings = jwt.settings
    return configured.binding == "certificate"


def _at(route: RoutePolicy, listed: Listed, message: str, *inside: str | int) -> Problem:
    """At the filter where it stands in this route, or at a value inside; else at the route, saying where it is from."""
    if listed.loaded is route.loaded and listed.path[: len(route.path)] == route.path:
        return listed.loaded.problem((*listed.path, *inside), message)
    line = listed.loaded.place(listed.path)[0]
    return route.problem(f"'{listed.name}' (from {listed.loaded.name}:{line}): {message}")
