"""From a loaded mapping file to the language's values; every problem is collected, none stops the reading."""

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from gateway.files import Loaded, Problem, near
from gateway.files import Path as Place
from gateway.mapping import paths
from gateway.mapping.language import (
    CONVERSIONS,
    Condition,
    Conditional,
    Const,
    Convert,
    Each,
    Expression,
    Fields,
    First,
    Joined,
    Listed,
    Local,
    Lookup,
    MappingFile,
    Read,
    Root,
    Sign,
    Source,
)

_ROOTS: tuple[Root, ...] = ("record", "document", "header", "call")
_SOURCES = ("path", "const", "let", "first", "list", "each", "pick", "join", "fields")
_PARTS = {
    "path": {"of"},
    "each": {"of", "where", "value", "fields"},
    "pick": {"of", "where", "value", "fields"},
    "join": {"with"},
    "lookup": {"fold", "else"},
}
_ON_TOP = {"lookup", "as", "sign", "when"}
OPERATORS = {*_SOURCES, *_ON_TOP, *(part for parts in _PARTS.values() for part in parts)} - {"value"}
_NOTHING = Const((), None)


class Parser:
    """Reads one file; `problems` holds what is wrong with it."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.problems: list[Problem] = []

    def refuse(self, at: Place, message: str, *, key: bool = False) -> Const:
        """Notes a problem; returns what stands in for the value that could not be read."""
        self.problems.append(self.loaded.problem(at, message, key=key))
        return _NOTHING

    def file(self) -> MappingFile:
        """The whole file; it must have passed mapping.schema.json."""
        value = self.loaded.value
        dialect, _, operation = value["mapping"].partition("/")
        shapes = value["shape"]
        named = [(("shape",), shapes)] if isinstance(shapes, str) else [(("shape", i), s) for i, s in enumerate(shapes)]
        identity = dict(value.get("identity", {}))
        with_fields = tuple(identity.pop("with", ()))
        page = value.get("page", {})
        return MappingFile(
            name=value["mapping"],
            dialect=dialect,
            operation=operation,
            version=value["version"],
            shapes=tuple(named),
            target=value["target"],
            zone=self._zone(value.get("zone", "UTC")),
            empty=frozenset(value.get("empty", ("",))),
            sources=self._sources(value["records"]),
            skip=tuple(self.conditions(c, ("skip", i)) for i, c in enumerate(value.get("skip", ()))),
            let={name: self.expression(e, ("let", name)) for name, e in value.get("let", {}).items()},
            fields={name: self.expression(e, ("fields", name)) for name, e in value["fields"].items()},
            identity={name: self.expression(e, ("identity", name)) for name, e in identity.items()},
            identity_with=with_fields,
            next=self.expression(page["next"], ("page", "next")) if "next" in page else None,
        )

    def _zone(self, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            self.refuse(("zone",), f"'{name}' is not a zone of the IANA database{near(name, available_timezones())}")
        return name

    def _sources(self, value: Any) -> tuple[Source, ...]:
        if isinstance(value, str):
            return (Source(("records",), self.path(value, ("records",)), {}),)
        sources = []
        for index, one in enumerate(value):
            at: Place = ("records", index)
            if isinstance(one, str):
                sources.append(Source(at, self.path(one, at), {}))
                continue
            settings = {n: self.expression({"const": v}, (*at, "set", n)) for n, v in one.get("set", {}).items()}
            sources.append(Source((*at, "path"), self.path(one["path"], (*at, "path")), settings))
        return tuple(sources)

    def path(self, text: Any, at: Place) -> paths.Path:
        """A JSONPath of the file."""
        try:
            return paths.parse(str(text))
        except ValueError as error:
            self.refuse(at, str(error))
            return ()

    def expression(self, value: Any, at: Place) -> Expression:
        """One expression in any of its forms."""
        if isinstance(value, str) and value.startswith("$"):
            return Read(at, "here", self.path(value, at))
        if not isinstance(value, dict):
            return self.refuse(
                at, "must be a path ($...), an operator or a mapping of fields; a fixed value is {const: ...}"
            )
        if not value:
            return self.refuse(at, "must not be empty")
        if not any(key in OPERATORS for key in value):
            return Fields(at, {name: self.expression(child, (*at, name)) for name, child in value.items()})
        return self._operators(value, at)

    def _operators(self, value: dict[str, Any], at: Place) -> Expression:
        sources = [
            key for key in _SOURCES if key in value and not (key == "fields" and ("each" in value or "pick" in value))
        ]
        if len(sources) != 1:
            found = " and ".join(f"'{key}'" for key in sources) or "none"
            return self.refuse(at, f"needs one of {', '.join(_SOURCES)}; has {found}")
        source = sources[0]
        taken = {source, *_PARTS.get(source, set()), *_ON_TOP, *(_PARTS["lookup"] if "lookup" in value else set())}
        for key in value:
            if key not in taken:
                self.refuse((*at, key), f"'{key}' does not go with '{source}'{near(key, taken)}", key=True)
        out = self._source(source, value, at)
        if "lookup" in value and "as" in value:
            self.refuse((*at, "as"), "'lookup' and 'as' exclude each other", key=True)
        if "lookup" in value:
            out = self._lookup(value, at, out)
        elif "as" in value:
            kind = value["as"]
            if kind not in CONVERSIONS:
                self.refuse((*at, "as"), f"'{kind}' is not a conversion{near(kind, CONVERSIONS)}")
            out = Convert((*at, "as"), out, str(kind))
        if "sign" in value:
            out = self._sign(value["sign"], (*at, "sign"), out)
        if "when" in value:
            out = Conditional(at, self.conditions(value["when"], (*at, "when")), out)
        return out

    def _source(self, source: str, value: dict[str, Any], at: Place) -> Expression:
        content, here = value[source], (*at, source)
        match source:
            case "path":
                return Read(here, self._root(value, at), self.path(content, here))
            case "const":
                if isinstance(content, dict | list):
                    return self.refuse(here, "a constant is a text, a number or a truth value")
                return Const(here, content)
            case "let":
                return Local(here, str(content))
            case "fields":
                return Fields(here, {n: self.expression(c, (*here, n)) for n, c in content.items()})
            case "first" | "list":
                if not isinstance(content, list) or not content:
                    return self.refuse(here, "must be a list of expressions")
                items = tuple(self.expression(one, (*here, i)) for i, one in enumerate(content))
                return First(here, items) if source == "first" else Listed(here, items)
            case "join":
                if isinstance(content, str):
                    content = [content]
                if not isinstance(content, list) or not content:
                    return self.refuse(here, "must be a path or a list of expressions")
                parts = tuple(self.expression(one, (*here, i)) for i, one in enumerate(content))
                return Joined(here, parts, str(value.get("with", " ")))
            case _:
                return self._each(source, value, at)

    def _each(self, source: str, value: dict[str, Any], at: Place) -> Expression:
        here = (*at, source)
        read = Read(here, self._root(value, at), self.path(value[source], here))
        if not read.path or not isinstance(read.path[-1], paths.Every):
            return self.refuse(here, "must end in [*]")
        bodies = [key for key in ("value", "fields") if key in value]
        if len(bodies) != 1:
            return self.refuse(at, f"'{source}' needs 'value' or 'fields'")
        body = self.expression(
            {"fields": value["fields"]} if bodies == ["fields"] else value["value"], (*at, bodies[0])
        )
        if isinstance(body, Fields):
            body = Fields(
                (*at, "fields"), {n: self.expression(c, (*at, "fields", n)) for n, c in value["fields"].items()}
            )
        where = self.conditions(value["where"], (*at, "where")) if "where" in value else ()
        return Each(here, read, where, body, source == "pick")

    def _root(self, value: dict[str, Any], at: Place) -> Root:
        named = value.get("of")
        if named is None:
            return "here"
        for root in _ROOTS:
            if named == root:
                return root
        self.refuse((*at, "of"), f"'{named}' is not a root: {', '.join(_ROOTS)}{near(named, _ROOTS)}")
        return "here"

    def _lookup(self, value: dict[str, Any], at: Place, source: Expression) -> Expression:
        table, here = value["lookup"], (*at, "lookup")
        if not isinstance(table, dict) or not table:
            return self.refuse(here, "must be a table from codes to values")
        for code, word in table.items():
            if isinstance(word, dict | list):
                self.refuse((*here, code), "must be a text, a number, a truth value or null")
        fold = value.get("fold", {})
        if not isinstance(fold, dict) or set(fold) - {"prefix", "case"}:
            self.refuse((*at, "fold"), "takes 'prefix' and 'case'")
            fold = {}
        return Lookup(
            here, source, table, fold.get("prefix"), bool(fold.get("case", False)), "else" in value, value.get("else")
        )

    def _sign(self, value: Any, at: Place, source: Expression) -> Expression:
        keys = {"path", "of", "let", "first", "negative", "positive", "conflict", "missing"}
        if not isinstance(value, dict) or set(value) - keys:
            unknown = ", ".join(sorted(set(value) - keys)) if isinstance(value, dict) else ""
            return self.refuse(
                at,
                f"takes an indicator (path, let or first), {', '.join(sorted(keys - {'path', 'of'}))}; not {unknown}",
            )
        indicator = {key: value[key] for key in ("path", "of", "let", "first") if key in value}
        conflict, missing = value.get("conflict", "review"), value.get("missing", "review")
        if conflict not in {"review", "indicator"}:
            self.refuse((*at, "conflict"), f"'{conflict}' is neither review nor indicator")
        if missing not in {"review", "as_is"}:
            self.refuse((*at, "missing"), f"'{missing}' is neither review nor as_is")
        lists = {}
        for key in ("negative", "positive"):
            words = value.get(key, [])
            lists[key] = tuple(str(word) for word in (words if isinstance(words, list) else [words]))
        if not lists["negative"] or not lists["positive"]:
            self.refuse(at, "needs 'negative' and 'positive': the indicator's words for each")
        by = self.expression(indicator, at) if indicator else self.refuse(at, "needs an indicator: path, let or first")
        return Sign(at, source, by, lists["negative"], lists["positive"], conflict, missing)

    def conditions(self, value: Any, at: Place) -> tuple[Condition, ...]:
        """The conditions of a `when` or `where`: a mapping or a list of them, all of which must hold."""
        if isinstance(value, list):
            return tuple(c for i, one in enumerate(value) for c in self.conditions(one, (*at, i)))
        if not isinstance(value, dict) or not value:
            self.refuse(at, "must be a condition or a list of them")
            return ()
        if "path" in value:
            return (self._path_condition(value, at),)
        return tuple(self._named_condition(name, wanted, (*at, name)) for name, wanted in value.items())

    def _named_condition(self, name: str, wanted: Any, at: Place) -> Condition:
        if isinstance(wanted, dict):
            if set(wanted) != {"present"} or not isinstance(wanted["present"], bool):
                self.refuse(at, "a named value is tested by a value, a list of values or {present: true|false}")
                return Condition(at, name, present=True)
            return Condition(at, name, present=wanted["present"])
        values = wanted if isinstance(wanted, list) else [wanted]
        return Condition(at, name, values=tuple(str(one) for one in values))

    def _path_condition(self, value: dict[str, Any], at: Place) -> Condition:
        for key in value:
            if key not in {"path", "of", "is", "present", "own"}:
                self.refuse((*at, key), f"a condition takes path, of, is, present, own; not '{key}'", key=True)
        tests = [key for key in ("is", "present", "own") if key in value]
        if len(tests) != 1:
            self.refuse(at, "needs one of is, present, own")
        read = Read(at, self._root(value, at), self.path(value["path"], (*at, "path")))
        wanted = value.get("is")
        values = (
            None if wanted is None else tuple(str(one) for one in (wanted if isinstance(wanted, list) else [wanted]))
        )
        return Condition(at, None, read, values, value.get("present"), value.get("own"))
