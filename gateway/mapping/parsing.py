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
    Fold,
    Joined,
    Listed,
    Local,
    Lookup,
    MappingFile,
    Read,
    Root,
    Sign,
    Source,
    Split,
)

_ROOTS: tuple[Root, ...] = ("record", "document", "header", "call")
_SOURCES = ("path", "const", "let", "first", "list", "each", "pick", "join", "fields")
_PARTS = {
    "path": {"of"},
    "each": {"of", "where", "value", "fields"},
    "pick": {"of", "where", "value", "fields"},
    "join": {"with"},
    "lookup": {"fold", "else"},
    "split": {"at"},
}
_ON_TOP = {"split", "lookup", "as", "sign", "when"}
OPERATORS = {*_SOURCES, *_ON_TOP, *(part for parts in _PARTS.values() for part in parts)} - {"value"}
_PATH_TESTS = ("is", "present", "own", "same_as", "differs_from")
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
        dialect, operation = value["mapping"].partition("/")[0], value["mapping"].rpartition("/")[2]
        shapes = value["shape"]
        named = [(("shape",), shapes)] if isinstance(shapes, str) else [(("shape", i), s) for i, s in enumerate(shapes)]
        identity = dict(value.get("identity", {}))
        with_fields = tuple(identity.pop("with", ()))
        weak = self.conditions(identity.pop("weak"), ("identity", "weak")) if "weak" in identity else ()
        page = value.get("page", {})
        return MappingFile(
            name=value["mapping"],
            dialect=dialect,
            operation=operation,
            version=value["version"],
            shapes=tuple(named),
            target=value["target"],
            zone=self._zone(value.get("zone", "UTC")),
            empty=frozenset(("", *value.get("empty", ()))),
            sources=self._sources(value["records"]),
            skip=tuple(self.conditions(c, ("skip", i)) for i, c in enumerate(value.get("skip", ()))),
            let={name: self.expression(e, ("let", name)) for name, e in value.get("let", {}).items()},
            fields={name: self.expression(e, ("fields", name)) for name, e in value["fields"].items()},
            identity={name: self.expression(e, ("identity", name)) for name, e in identity.items()},
            identity_with=with_fields,
            weak=weak,
            next=self.expression(page["next"], ("page", "next")) if "next" in page else None,
        )

    def _zone(self, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.refuse(("zone",), f"'{name}' is not a zone of the IANA database{near(name, available_timezones())}")
        return name

    def _sources(self, value: Any) -> tuple[Source, ...]:
        if isinstance(value, str):
            return (self._source_at(value, ("records",)),)
        sources = []
        for index, one in enumerate(value):
            at: Place = ("records", index)
            if isinstance(one, str):
                sources.append(self._source_at(one, at))
                continue
            settings = {n: self.expression({"const": v}, (*at, "set", n)) for n, v in one.get("set", {}).items()}
            sources.append(self._source_at(one["path"], (*at, "path"), settings, one.get("within")))
        return tuple(sources)

    def _source_at(
        self, text: str, at: Place, settings: dict[str, Expression] | None = None, within: str | None = None
    ) -> Source:
        path = self.path(text, at, of_records=True)
        every = sum(isinstance(step, paths.Every) for step in path)
        if not path or every > 2 or (every == 2 and not isinstance(path[-1], paths.Every)):
            self.refuse(at, "records are one object, or the items of an array ([*]), at most within those of another")
        elif (every == 2) != (within is not None):
            self.refuse(at, "'within' goes with records that lie within others: a second [*]")
        return Source(at, path, self.path(within, at) if within else None, settings or {})

    def path(self, text: Any, at: Place, *, of_records: bool = False) -> paths.Path:
        """A JSONPath of the file; only those of records may have [*] before their end."""
        try:
            path = paths.parse(str(text))
        except ValueError as error:
            self.refuse(at, str(error))
            return ()
        if not of_records and any(isinstance(step, paths.Every) for step in path[:-1]):
            self.refuse(at, f"the path '{text}': [*] can only be its end; use 'each' or 'pick'")
            return ()
        return path

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
        parts = [_PARTS[key] for key in (source, "split", "lookup") if key in value and key in _PARTS]
        taken = {source, *_ON_TOP}.union(*parts)
        for key in value:
            if key not in taken:
                self.refuse((*at, key), f"'{key}' does not go with '{source}'{near(key, taken)}", key=True)
        out = self._source(source, value, at)
        if "split" in value:
            out = self._split(value, at, out)
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
                if not isinstance(content, dict) or not content:
                    return self.refuse(here, "must be a mapping of fields")
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
        there = (*at, bodies[0])
        if bodies == ["fields"] and not isinstance(value["fields"], dict):
            return self.refuse(there, "must be a mapping of fields")
        if bodies == ["fields"]:
            body: Expression = Fields(there, {n: self.expression(c, (*there, n)) for n, c in value["fields"].items()})
        else:
            body = self.expression(value["value"], there)
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
        for place, word in [*(((*here, code), one) for code, one in table.items()), ((*at, "else"), value.get("else"))]:
            if isinstance(word, dict | list):
                self.refuse(place, "must be a text, a number, a truth value or null")
        return Lookup(here, source, table, self._fold(value, at), "else" in value, value.get("else"))

    def _fold(self, value: dict[str, Any], at: Place) -> Fold:
        fold = value.get("fold", {})
        prefix, case = (fold.get("prefix", ""), fold.get("case", False)) if isinstance(fold, dict) else (None, None)
        if not isinstance(prefix, str) or not isinstance(case, bool) or set(fold) - {"prefix", "case"}:
            self.refuse((*at, "fold"), "takes 'prefix', a text, and 'case', true or false")
            return Fold()
        return Fold(fold.get("prefix"), bool(fold.get("case", False)))

    def _split(self, value: dict[str, Any], at: Place, source: Expression) -> Expression:
        separator, index = value["split"], value.get("at")
        if not isinstance(separator, str) or not separator:
            return self.refuse((*at, "split"), "must be the text between the parts")
        if not isinstance(index, int) or isinstance(index, bool) or index < 0:
            return self.refuse(at, "'split' needs 'at': the number of the part, from 0")
        return Split((*at, "split"), source, separator, index)

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
        if conflict not in ("review", "indicator"):
            self.refuse((*at, "conflict"), f"'{conflict}' is neither review nor indicator")
        if missing not in ("review", "as_is"):
            self.refuse((*at, "missing"), f"'{missing}' is neither review nor as_is")
        lists = {}
        for key in ("negative", "positive"):
            lists[key] = self._words(value.get(key, []), (*at, key))
        if not lists["negative"] or not lists["positive"]:
            self.refuse(at, "needs 'negative' and 'positive': the indicator's words for each")
        by = self.expression(indicator, at) if indicator else self.refuse(at, "needs an indicator: path, let or first")
        return Sign(at, source, by, lists["negative"], lists["positive"], conflict, missing)

    def conditions(self, value: Any, at: Place) -> tuple[Condition, ...]:
        """The conditions of a `when` or `where`: a mapping or a list of them, all of which must hold."""
        if isinstance(value, list) and value:
            return tuple(c for i, one in enumerate(value) for c in self.conditions(one, (*at, i)))
        if not isinstance(value, dict) or not value:
            self.refuse(at, "must be a condition or a list of them")
            return ()
        if "path" in value:
            return (self._path_condition(value, at),)
        return tuple(self._named_condition(name, wanted, (*at, name)) for name, wanted in value.items())

    def _named_condition(self, name: str, wanted: Any, at: Place) -> Condition:
        if isinstance(wanted, dict):
            tests = {test: answer for test, answer in wanted.items() if test in {"present", "negative"}}
            if len(wanted) != 1 or len(tests) != 1 or not isinstance(next(iter(tests.values())), bool):
                self.refuse(at, "is tested by values, or by {present: true|false} or {negative: true|false}")
                return Condition(at, name, present=True)
            return Condition(at, name, present=tests.get("present"), negative=tests.get("negative"))
        return Condition(at, name, values=self._words(wanted, at))

    def _path_condition(self, value: dict[str, Any], at: Place) -> Condition:
        known = {"path", "of", "fold", *_PATH_TESTS}
        for key in value:
            if key not in known:
                self.refuse((*at, key), f"a condition on a path has no '{key}'{near(key, known)}", key=True)
        tests = [key for key in _PATH_TESTS if key in value]
        if len(tests) != 1:
            self.refuse(at, f"needs one of {', '.join(_PATH_TESTS)}")
        for key in ("present", "own"):
            if key in value and not isinstance(value[key], bool):
                self.refuse((*at, key), "must be true or false")
        root = self._root(value, at)
        other = next((key for key in ("same_as", "differs_from") if key in value), None)
        return Condition(
            at,
            read=Read(at, root, self.path(value["path"], (*at, "path"))),
            values=self._words(value["is"], (*at, "is")) if "is" in value else None,
            present=value.get("present"),
            own=value.get("own"),
            fold=self._fold(value, at),
            other=Read((*at, other), root, self.path(value[other], (*at, other))) if other else None,
            same=other != "differs_from",
        )

    def _words(self, wanted: Any, at: Place) -> tuple[str, ...]:
        values = wanted if isinstance(wanted, list) else [wanted]
        if not values or any(isinstance(one, dict | list) or one is None for one in values):
            self.refuse(at, "must be a text, number or truth value, or a list of them")
            return ("",)
        return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
