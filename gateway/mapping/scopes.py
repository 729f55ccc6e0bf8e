"""Where a mapping's paths read from: each scope is a variable of the generated code, and what is read from it first.

Every value is read once, at the top of its scope (the record's loop, an element's loop, the function), into a local
variable; what a path can not reach is null; the file's `empty` texts are null.
"""

from typing import Literal, TypeAlias

from gateway.mapping.paths import Every, Path
from gateway.mapping.projection import Usage
from gateway.mapping.shapes import ANY_TEXT

ReadKind: TypeAlias = Literal["text", "boolean", "integer", "texts", "list", "presence"]
_PLAIN = "PLAIN"


class Scope:
    """One variable of the generated code that paths start from; `prelude` are the lines that read from it."""

    def __init__(self, variable: str, usage: Usage | None, *, exact: bool, empty: bool) -> None:
        self.variable = variable
        self.usage = usage
        self.exact = exact
        self.empty = empty
        self.prelude: list[str] = []
        self._objects: dict[Path, str] = {}
        self._leaves: dict[tuple[Path, str], str] = {}
        self._moments: dict[str, str] = {}

    def reach(self, path: Path) -> Usage | None:
        """The usage at the end of a path, or None where the shape has no such place."""
        usage = self.usage
        for step in path:
            if usage is None:
                return None
            usage = usage.member(step) if isinstance(step, str) else usage.item()
        return usage

    def leaf(self, path: Path, kind: ReadKind) -> str | None:
        """A local variable that holds the value of a path, None for null; None where the shape has no such place.

        The caller has checked that the place has the kind.
        """
        if self.reach(path) is None:
            return None
        known = self._leaves.get((path, kind))
        if known:
            return known
        name = f"{self.variable}_v{len(self._leaves)}"
        self._leaves[path, kind] = name
        if kind == "texts":
            holder = self._object(path[:-1], "list")
            kept = "if t not in EMPTY" if self.empty else ""
            self.prelude.append(f"{name} = [t for t in {holder} {kept}] if {holder} else None")
            item = self.reach(path)
            assert item is not None
            item.text = True
            return name
        usage = self.reach(path)
        assert usage is not None
        value = self._object(path, "list" if kind == "list" else "any")
        self.prelude.append(f"{name} = {value}")
        if kind in {"text", "boolean", "integer"}:
            usage.text = True
            self._narrow(name, usage, kind)
        return name

    def _narrow(self, name: str, usage: Usage, kind: ReadKind) -> None:
        if usage.mixed and (self.exact or "string" not in usage.shape.kinds):
            self.prelude.append(f"if {name} is not None: {name} = token({name})")
        elif usage.several:
            word = {"text": "str", "boolean": "bool", "integer": "int"}[kind]
            self.prelude.append(f"if {name}.__class__ is not {word}: {name} = None")
        if self.empty and kind == "text":
            self.prelude.append(f"if {name} in EMPTY: {name} = None")

    def moment(self, leaf: str) -> str:
        """A local variable with the day and instant that a text says."""
        if leaf not in self._moments:
            name = f"{leaf}_m"
            self._moments[leaf] = name
            self.prelude.append(f"{name} = moment({leaf})")
        return self._moments[leaf]

    def _object(self, path: Path, kind: Literal["any", "list"]) -> str:
        """The expression that holds what stands at a path; its parents are in variables of their own."""
        if not path:
            return self._checked((), self.variable, kind)
        step, parent_path = path[-1], path[:-1]
        assert not isinstance(step, Every)
        parent_usage = self.reach(parent_path)
        assert parent_usage is not None
        parent = self._variable(parent_path, "object" if isinstance(step, str) else "list")
        if isinstance(step, str):
            self.reach(path)
            read = f"{parent}.{parent_usage.attribute(step)}"
            out = read if self._certain(parent_path) else f"{read} if {parent} is not None else None"
        else:
            out = f"{parent}[{step}] if {parent} is not None and len({parent}) > {step} else None"
        return self._checked(path, f"({out})", kind)

    def _certain(self, path: Path) -> bool:
        """Whether the object at a path is always there, with one possible type."""
        usage = self.usage
        assert usage is not None
        if usage.several:
            return False
        for step in path:
            usage = usage.member(step) if isinstance(step, str) else None
            if usage is None or not usage.required or usage.several:
                return False
        return True

    def _variable(self, path: Path, kind: Literal["object", "list"]) -> str:
        if not path and not (self.usage and self.usage.several):
            return self.variable
        known = self._objects.get(path)
        if known:
            return known
        name = f"{self.variable}_o{len(self._objects)}"
        self._objects[path] = name
        self.prelude.append(f"{name} = {self._object(path, 'any')}")
        usage = self.reach(path)
        assert usage is not None
        if usage.several:
            test = f"{name}.__class__ in {_PLAIN}" if kind == "object" else f"{name}.__class__ is not list"
            self.prelude.append(f"if {test}: {name} = None")
        return name

    def _checked(self, path: Path, expression: str, kind: Literal["any", "list"]) -> str:
        usage = self.reach(path)
        assert usage is not None
        if kind == "list" and usage.several:
            name = f"{self.variable}_o{len(self._objects)}"
            self._objects[(*path, Every())] = name
            self.prelude.append(f"{name} = {expression}")
            self.prelude.append(f"if {name}.__class__ is not list: {name} = None")
            return name
        return expression


class FlatScope(Scope):
    """A root of named texts: the answer's headers, or what the call knows."""

    def __init__(self, variable: str, read: str, names: tuple[str, ...] | None, *, empty: bool) -> None:
        super().__init__(variable, None, exact=False, empty=empty)
        self._read = read
        self._names = names

    def reach(self, path: Path) -> Usage | None:
        """A text, where the root has the name; headers have any."""
        if len(path) != 1 or not isinstance(path[0], str) or (self._names is not None and path[0] not in self._names):
            return None
        return Usage(ANY_TEXT, required=False)

    def leaf(self, path: Path, kind: ReadKind) -> str | None:
        """As of any scope; `kind` can only be a text."""
        del kind
        if self.reach(path) is None:
            return None
        name = self._leaves.get((path, "text"))
        if name is None:
            name = self._leaves[path, "text"] = f"{self.variable}_v{len(self._leaves)}"
            self.prelude.append(f"{name} = {self._read.format(path[0])}")
            if self.empty:
                self.prelude.append(f"if {name} in EMPTY: {name} = None")
        return name
