"""Where a mapping's paths read from: each scope is a variable of the generated code, and what is read from it first.

Every value is read once, at the top of its scope (the record's loop, an element's loop, the function), into a local
variable; what a path can not reach is null; the file's `empty` texts are null. The members of an object that is absent
are not looked at one by one: one test leaves all of them null, and those that are only used where the object was found
to be there are not even named.
"""

import re
from typing import Any, Literal, TypeAlias

from gateway.mapping.paths import Every, Path
from gateway.mapping.projection import Usage
from gateway.mapping.shapes import ANY_TEXT

ReadKind: TypeAlias = Literal["text", "boolean", "integer", "texts", "list", "records", "presence"]
_CLASS = {"boolean": "bool", "integer": "int"}
_GUARD = re.compile(r"if (\w+) is None: \w+ = None$")
_NAME = re.compile(r"\w+_[vo][0-9]+(?:_m)?\b")


class _Leaf:
    """A variable that holds a value, and the moment that its text says, where one is asked for."""

    def __init__(self, name: str, read: str, usage: Usage, kind: ReadKind) -> None:
        self.name, self.read, self.usage, self.kind = name, read, usage, kind
        self.moment: str | None = None


class _Place:
    """An object or array that paths pass: its variable, how it is read from the place around it, what is in it."""

    def __init__(self, name: str, read: str, usage: Usage) -> None:
        self.name, self.read, self.usage = name, read, usage
        self.certain = usage.required and not usage.several
        self.places: dict[str | int, _Place] = {}
        self.leaves: list[_Leaf] = []

    def below(self) -> list[_Leaf]:
        """All leaves here and in the places inside."""
        return [*self.leaves, *(leaf for place in self.places.values() for leaf in place.below())]

    def inside(self) -> list["_Place"]:
        """All places inside, at any depth."""
        return [one for place in self.places.values() for one in (place, *place.inside())]


class Scope:
    """One variable of the generated code that paths start from; `empty` are the file's texts that mean nothing."""

    def __init__(self, variable: str, usage: Usage | None, *, exact: bool, empty: frozenset[str]) -> None:
        self.variable = variable
        self.usage = usage
        self.exact = exact
        self.empty = empty
        self._leaves: dict[tuple[Path, str], _Leaf] = {}
        self._around: dict[str, str] = {}
        self._uses: dict[str, set[frozenset[str]]] | None = None
        self._counter = 0
        self._root = _Place(variable, variable, usage) if usage is not None else None

    def reach(self, path: Path) -> Usage | None:
        """The usage at the end of a path, or None where the shape has no such place."""
        usage = self.usage
        for step in path:
            if usage is None:
                return None
            usage = usage.member(step) if isinstance(step, str) else usage.item()
        return usage

    def leaf(self, path: Path, kind: ReadKind) -> str | None:
        """The local variable that holds the value of a path; None where the shape has no such place.

        The caller has checked that the place can have the kind.
        """
        usage = self.reach(path)
        if usage is None:
            return None
        known = self._leaves.get((path, kind))
        if known is None:
            known = self._leaves[path, kind] = self._read(path, usage, kind)
        return known.name

    def moment(self, name: str) -> str:
        """The local variable with the day and instant that a leaf's text says."""
        leaf = next(leaf for leaf in self._leaves.values() if leaf.name == name)
        leaf.moment = f"{name}_m"
        return leaf.moment

    def paths(self) -> tuple[Path, ...]:
        """All paths that are read from here."""
        return tuple(path for path, _ in self._leaves)

    def absent(self, name: str) -> str:
        """The variable that is None wherever the leaf in `name` is not to be had: of the object around it, or its own.

        What is no leaf of this scope stands for itself.
        """
        return self._around.get(name, name)

    def outermost(self, names: set[str]) -> set[str]:
        """Of variables that `absent` gave, those that lie in no other's object."""
        places = {place.name: place for place in self._root.inside()} if self._root is not None else {}
        inner = {one.name for name in names if name in places for one in places[name].inside()}
        return names - inner

    def prelude(self, body: list[Any] | None = None) -> list[Any]:
        """The lines that read all leaves, for the lines of `body`, which tell what is used where (None: everywhere)."""
        if self._root is None:
            return []
        self._uses = None if body is None else {}
        if body is not None:
            self._note_uses(body, frozenset())
        return self._open(self._root, outermost=True)

    def _note_uses(self, block: list[Any], guards: frozenset[str]) -> None:
        """Notes for every variable the places known to be there at each use of it."""
        assert self._uses is not None
        guard = ""
        for index, line in enumerate(block):
            if isinstance(line, list):
                known = guards | {guard} if guard and block[index - 1] == "else:" else guards
                self._note_uses(line, known)
                guard = ""
                continue
            for name in _NAME.findall(line):
                self._uses.setdefault(name, set()).add(guards)
            match = _GUARD.match(line)
            if line != "else:":  # an `else` belongs to the line before it
                guard = match[1] if match is not None else ""

    def _needed(self, name: str, place: _Place) -> bool:
        """Whether a variable is used where nothing has shown that a place is there."""
        if self._uses is None:
            return True
        inside = {place.name, *(one.name for one in place.inside())}
        return any(not guards & inside for guards in self._uses.get(name, ()))

    def _name(self, letter: str) -> str:
        self._counter += 1
        return f"{self.variable}_{letter}{self._counter}"

    def _read(self, path: Path, usage: Usage, kind: ReadKind) -> _Leaf:
        assert self._root is not None
        if kind in {"text", "boolean", "integer", "texts"}:
            usage.text = True
        around, last = (path[:-1], path[-1]) if path else ((), None)
        if kind == "texts":  # the path ends in [*]: the leaf is the array
            around, last = (path[:-2], path[-2]) if len(path) > 1 else ((), None)
        place = self._root
        for step in around:
            place = self._inside(place, step)
        usage = self.reach(path[:-1]) or usage if kind == "texts" else usage
        read = place.name if last is None else self._member(place, last)
        leaf = _Leaf(self._name("v"), read, usage, kind)
        place.leaves.append(leaf)
        if place is not self._root and not place.certain:
            self._around[leaf.name] = place.name
        return leaf

    def _inside(self, place: _Place, step: str | int | Every) -> _Place:
        assert not isinstance(step, Every)
        if step not in place.places:
            usage = place.usage.member(step) if isinstance(step, str) else place.usage.item()
            assert usage is not None
            inside = _Place(self._name("o"), self._member(place, step), usage)
            inside.certain = inside.certain and isinstance(step, str)
            place.places[step] = inside
        return place.places[step]

    def _member(self, place: _Place, step: str | int | Every) -> str:
        if isinstance(step, str):
            place.usage.member(step)
            return f"{place.name}.{place.usage.attribute(step)}"
        return f"{place.name}[{step}] if len({place.name}) > {step} else None"

    def _open(self, place: _Place, *, outermost: bool = False) -> list[Any]:
        """The lines that read what is in a place; those of an absent place set all of it to null."""
        inner: list[Any] = []
        for leaf in place.leaves:
            inner += self._lines(leaf)
        for inside in place.places.values():
            inner.append(f"{inside.name} = {inside.read}")
            inner += self._open(inside)
        if place.certain or (outermost and not place.usage.several):
            return inner
        absent = f"{place.name} is None"
        if place.usage.several:
            is_list = any(isinstance(step, int) for step in place.places)
            other = "__class__ is not list" if is_list else "__class__ in PLAIN"
            absent = f"{place.name} is None or {place.name}.{other}"
            bare = [leaf for leaf in place.leaves if leaf.read == place.name]
            if bare:  # the place itself is read too, in another of its types
                place.leaves = [leaf for leaf in place.leaves if leaf not in bare]
                return [line for leaf in bare for line in self._lines(leaf)] + self._open(place, outermost=outermost)
        leaves = place.below()
        if not leaves:
            return []
        unset = [leaf.name for leaf in leaves if self._needed(leaf.name, place)]
        unset += [one.name for one in place.inside() if self._uses and one.name in self._uses]
        unset += [place.name] if place.usage.several and self._uses and place.name in self._uses else []
        moments = [leaf.moment for leaf in leaves if leaf.moment and self._needed(leaf.moment, place)]
        nulls = [" = ".join(unset) + " = None"] if unset else []
        nulls += [" = ".join(moments) + " = NOTHING"] if moments else []
        return [f"if {absent}:", nulls or ["pass"], "else:", inner or ["pass"]]

    def _lines(self, leaf: _Leaf) -> list[Any]:
        name, usage = leaf.name, leaf.usage
        lines: list[Any] = [f"{name} = {leaf.read}"]
        if leaf.kind == "records":
            if usage.several and not usage.lone:
                lines.append(f"if {name}.__class__ not in HELD: {name} = None")
            return lines
        if leaf.kind == "texts":
            items = self._as_text("t", usage.items) if usage.items is not None else None
            texts = f"[{items} for t in {name} if t is not None]" if items else name
            lines.append(f"if {name}.__class__ is list: {name} = [t for t in {texts} if {self._kept('t')}]")
            if usage.several:  # a text by itself is a list of one
                alone = f"[{name}] if {name}.__class__ is str and {self._kept(name)} else None"
                lines.append(f"else: {name} = {alone}")
            return lines
        if leaf.kind == "list":
            if usage.lone:
                lone = f"None if {name}.__class__ in PLAIN else [{name}]"
                lines.append(f"if {name}.__class__ is not list: {name} = {lone}")
            elif usage.several:
                lines.append(f"if {name}.__class__ is not list: {name} = None")
            return lines
        if leaf.kind in _CLASS and usage.several:
            lines.append(f"if {name}.__class__ is not {_CLASS[leaf.kind]}: {name} = None")
        elif leaf.kind == "text":
            converted = self._as_text(name, usage)
            if converted:
                lines.append(f"if {name} is not None: {name} = {converted}")
        if leaf.kind == "text" and self.empty:
            lines.append(f"if not ({self._kept(name)}): {name} = None")
        if leaf.moment:
            lines.append(f"{leaf.moment} = NOTHING if {name} is None else moment({name})")
        return lines

    def _as_text(self, name: str, usage: Usage) -> str | None:
        """How the text of a value is had that need not be a text; None where it always is."""
        if usage.mixed:
            return f"token({name})" if self.exact or "string" not in usage.shape.kinds else None
        if usage.several or "string" not in usage.shape.kinds:
            return f"plain_text({name})"
        return None

    def _kept(self, name: str) -> str:
        words = [f"{name} != {word!r}" for word in sorted(self.empty) if word]
        return " and ".join([name, *words] if "" in self.empty else words) or "True"


class FlatScope(Scope):
    """A root of named texts: the answer's headers, or what the call knows; `names` are None where any may be asked."""

    def __init__(self, variable: str, read: str, names: tuple[str, ...] | None, *, empty: frozenset[str]) -> None:
        super().__init__(variable, None, exact=False, empty=empty)
        self._template = read
        self._names = names

    def reach(self, path: Path) -> Usage | None:
        """A text, where the root has the name."""
        if len(path) != 1 or not isinstance(path[0], str) or (self._names is not None and path[0] not in self._names):
            return None
        return Usage(ANY_TEXT, required=False)

    def _read(self, path: Path, usage: Usage, kind: ReadKind) -> _Leaf:
        del kind
        return _Leaf(self._name("v"), self._template.format(path[0]), usage, "text")

    def prelude(self, body: list[Any] | None = None) -> list[Any]:
        """The lines that read all leaves."""
        del body
        return [line for leaf in self._leaves.values() for line in self._lines(leaf)]
