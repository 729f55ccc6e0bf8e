"""Policy files as route policies: read through the layers, checked against the schema, defaults laid under routes.

A route's filters are its file's defaults with its own laid over: one of the same name replaces the default's settings
as a whole, others take their place by phase. A file that `extends` another lays its defaults over that one's likewise.
"""

import functools
from collections.abc import Iterable
from typing import Any

import msgspec
import orjson

from gateway.files import Layers, Loaded, Path, Problem, Schema, near, shipped
from gateway.files.quantities import decode_quantity, duration, size
from gateway.filters import FILTERS, PHASES
from gateway.routes.template import Template, parse
from gateway.upstreams import UpstreamSettings

FOLDER = "policies"
TIMEOUT, BODY_LIMIT = "30s", "1MiB"
"""What a route has that neither it nor its defaults say otherwise."""


class Listed(msgspec.Struct, frozen=True):
    """A filter as it stands in a file: its settings, decoded, and its place."""

    name: str
    settings: Any
    loaded: Loaded
    path: Path


class Defaults(msgspec.Struct, frozen=True):
    """What the routes of a file start from."""

    timeout: str = TIMEOUT
    body_limit: str = BODY_LIMIT
    filters: tuple[Listed, ...] = ()


class RoutePolicy(msgspec.Struct, frozen=True):
    """A route with everything that it inherits; `timeout` in seconds, `body_limit` in bytes."""

    name: str
    methods: tuple[str, ...]
    template: Template
    operation: str | None
    upstream: UpstreamSettings | None
    public: bool
    timeout: float
    body_limit: int
    filters: tuple[Listed, ...]
    loaded: Loaded
    path: Path

    def problem(self, message: str, *inside: str) -> Problem:
        """A problem of this route, at one of its keys where one is named."""
        return self.loaded.problem((*self.path, *inside), message)

    def listed(self, name: str) -> Listed | None:
        """The filter of a name that this route runs."""
        return next((listed for listed in self.filters if listed.name == name), None)


class Reading:
    """Reads all files of one set; `problems` grows until everything was looked at."""

    def __init__(self, layers: Layers) -> None:
        self.problems: list[Problem] = []
        self._layers = layers
        self._schema, self._route_schema, self._defaults_schema = _schemas()
        self._loaded: dict[str, Loaded] = {}
        self._sound: dict[str, bool] = {}

    def routes(self) -> list[RoutePolicy]:
        """Every route that could be read, of every file."""
        for relative, file in self._layers.find(FOLDER, "*.yaml").items():
            loaded, problems = self._layers.read(file)
            if loaded is not None:
                problems += self._schema.check(loaded)
                self._loaded[relative.removeprefix(f"{FOLDER}/")] = loaded
            self.problems += problems
            self._sound[relative.removeprefix(f"{FOLDER}/")] = not problems
        found: list[RoutePolicy] = []
        for name in self._loaded:
            found += self._of_file(name)
        return found

    def _of_file(self, name: str) -> Iterable[RoutePolicy]:
        loaded = self._loaded[name]
        routes = loaded.value.get("routes", []) if isinstance(loaded.value, dict) else []
        defaults = self._defaults(name, ())
        if defaults is None or not isinstance(routes, list):
            return
        for position, value in enumerate(routes):
            path: Path = ("routes", position)
            # In a file with a mistake somewhere, the routes without one are still checked for what they mean.
            if not self._sound[name] and any(self._route_schema.problems(loaded, path, value)):
                continue
            try:
                template = parse(value["path"])
            except ValueError as error:
                self.problems.append(loaded.problem((*path, "path"), str(error)))
                continue
            yield self._route(loaded, path, value, template, defaults)

    def _route(self, loaded: Loaded, path: Path, value: Any, template: Template, defaults: Defaults) -> RoutePolicy:
        methods = value["method"] if isinstance(value["method"], list) else [value["method"]]
        upstream = _settings(UpstreamSettings, value["upstream"]) if "upstream" in value else None
        return RoutePolicy(
            name=value["name"],
            methods=tuple(methods),
            template=template,
            operation=value.get("operation"),
            upstream=upstream,
            public=value.get("public", False),
            timeout=float(duration(value.get("timeout", defaults.timeout))),
            body_limit=int(size(value.get("body_limit", defaults.body_limit))),
            filters=merged(defaults.filters, self._filters(loaded, (*path, "filters"), value.get("filters", []))),
            loaded=loaded,
            path=path,
        )

    def _defaults(self, name: str, above: tuple[str, ...]) -> Defaults | None:
        """A file's defaults over those that it extends; None when a mistake in them was told already."""
        loaded = self._loaded[name]
        value = loaded.value if isinstance(loaded.value, dict) else {}
        own, base, extended = value.get("defaults", {}), Defaults(), value.get("extends")
        if not self._sound[name] and any(self._defaults_schema.problems(loaded, ("defaults",), own)):
            return None
        if isinstance(extended, str):
            if extended not in self._loaded:
                if extended not in self._sound and not above:
                    known = near(extended, self._sound)
                    self.problems.append(loaded.problem(("extends",), f"there is no policy file '{extended}'{known}"))
                return None
            if extended in (name, *above):
                self.problems.append(loaded.problem(("extends",), f"'{extended}' extends this file in turn"))
                return None
            below = self._defaults(extended, (name, *above))
            if below is None:
                return None
            base = below
        return Defaults(
            timeout=own.get("timeout", base.timeout),
            body_limit=own.get("body_limit", base.body_limit),
            filters=merged(base.filters, self._filters(loaded, ("defaults", "filters"), own.get("filters", []))),
        )

    def _filters(self, loaded: Loaded, path: Path, values: list[dict[str, Any]]) -> tuple[Listed, ...]:
        listed: list[Listed] = []
        for position, value in enumerate(values):
            chosen = {key: item for key, item in value.items() if key != "name"}
            kind = FILTERS[value["name"]]
            here = Listed(value["name"], _settings(kind.settings, chosen), loaded, (*path, position))
            before = listed[-1] if listed else None
            if any(one.name == here.name for one in listed):
                self.problems.append(loaded.problem(here.path, f"'{here.name}' stands twice"))
                continue
            if before is not None and phase(here) < phase(before):
                self.problems.append(loaded.problem(here.path, _misplaced(here, before)))
            listed.append(here)
        return tuple(listed)


@functools.cache
def _schemas() -> tuple[Schema, Schema, Schema]:
    """Of a whole file, of one route, and of a file's defaults. The schema ships with the engine."""
    document = orjson.loads((shipped() / FOLDER / "policy.schema.json").read_bytes())
    parts = ({"$ref": f"#/$defs/{name}", "$defs": document["$defs"]} for name in ("route", "defaults"))
    route, defaults = (Schema(part) for part in parts)
    return Schema(document), route, defaults


def phase(listed: Listed) -> int:
    """Where a filter's phase stands in the order of phases."""
    return PHASES.index(FILTERS[listed.name].phase)


def merged(base: tuple[Listed, ...], over: tuple[Listed, ...]) -> tuple[Listed, ...]:
    """One list laid over another: same names replaced in place, others added at the end of their phase."""
    replaced = {listed.name: listed for listed in over}
    kept = [replaced.pop(listed.name, listed) for listed in base]
    return tuple(sorted((*kept, *replaced.values()), key=phase))


def _misplaced(here: Listed, before: Listed) -> str:
    wanted, passed = FILTERS[here.name].phase, FILTERS[before.name].phase
    return f"'{here.name}' ({wanted}) must stand before '{before.name}' ({passed}): the order is {', '.join(PHASES)}"


def _settings(kind: type[msgspec.Struct], value: dict[str, Any]) -> Any:
    """One filter's or upstream's settings, which its schema has already accepted."""
    return msgspec.convert(value, kind, dec_hook=decode_quantity)
