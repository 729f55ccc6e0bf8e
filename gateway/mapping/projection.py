"""What a mapping needs of a document, and the types that decode just that: the rest never becomes Python objects.

Each node of the shape that a path passes gets a `Usage`. At the end the usages become msgspec types: a struct with only
the members that are read. Where a shape takes texts and numbers for one value there are two sets of types: the quick
one takes texts, the exact one keeps the token as it stands in the document, so that no number passes through a float.
"""

import functools
from typing import Any

import msgspec

from gateway.mapping.shapes import Shape


class Usage:
    """What is needed of one node: members, items, its text, or only whether it is there.

    `records` says that the items are the records of a page, `only` that this is the only one.
    """

    def __init__(self, shape: Shape, *, required: bool) -> None:
        self.shape = shape
        self.required = required
        self.members: dict[str, Usage] = {}
        self.items: Usage | None = None
        self.text = False
        self.records = False
        self.only = False

    def member(self, name: str) -> "Usage | None":
        """The usage of a member; None where the shape has no such member."""
        if name not in self.members:
            shape = self.shape.properties.get(name)
            if shape is None or "object" not in self.shape.kinds:
                return None
            self.members[name] = Usage(shape, required=name in self.shape.required)
        return self.members[name]

    def item(self) -> "Usage | None":
        """The usage of the elements; None where the shape is no array."""
        if self.items is None and self.shape.items is not None and "array" in self.shape.kinds:
            self.items = Usage(self.shape.items, required=True)
        return self.items

    @property
    def mixed(self) -> bool:
        """Whether one value may be a text or a number: then the exact types keep its token."""
        return self.text and "number" in self.shape.kinds and not self.members and self.items is None

    @property
    def lone(self) -> bool:
        """Whether one object may stand where an array of such objects is expected."""
        return self.items is not None and {"array", "object"} <= self.shape.kinds and not self.members

    @property
    def several(self) -> bool:
        """Whether the value may have types of which only some are read."""
        kinds = self.shape.kinds - {"integer"} if "number" in self.shape.kinds else self.shape.kinds
        return len(kinds) > 1 and not self.mixed

    def anywhere_mixed(self) -> bool:
        """Whether this node or one below it is mixed."""
        below = [*self.members.values(), *([self.items] if self.items else [])]
        return self.mixed or any(usage.anywhere_mixed() for usage in below)

    def type(self, *, exact: bool, raw: "frozenset[Usage]" = frozenset()) -> Any:
        """The msgspec type of this node; the places in `raw`, containers of records, are left as they stand."""
        if self in raw and (self.only or not self.members):
            return msgspec.Raw
        options = self._options(exact=exact, raw=raw)
        out = options[0]
        for one in options[1:]:
            out = out | one
        return out

    def _options(self, *, exact: bool, raw: "frozenset[Usage]") -> list[Any]:
        kinds = self.shape.kinds
        if self.mixed:
            return [msgspec.Raw if exact or "string" not in kinds else str]
        options: list[Any] = []
        if "object" in kinds and self.lone and self.items is not None:
            options.append(self.items._struct(exact=exact, raw=raw))  # noqa: SLF001 - another of its own kind
        elif "object" in kinds:
            options.append(self._struct(exact=exact, raw=raw))
        if "array" in kinds:
            options.append(self._array(exact=exact, raw=raw))
        if "string" in kinds:
            options.append(str)
        if "boolean" in kinds:
            options.append(bool)
        if "integer" in kinds or "number" in kinds:
            options.append(int if "number" not in kinds else int | float)
        return options

    def _array(self, *, exact: bool, raw: "frozenset[Usage]") -> Any:
        if self.items is None or self in raw:
            return list[msgspec.Raw]
        item = self.items.type(exact=exact, raw=raw)
        # A null among the items is passed over, as it is everywhere; a raw item says so itself.
        return list[item] if item is msgspec.Raw or self.records else list[item | None]  # type: ignore[valid-type]

    def _struct(self, *, exact: bool, raw: "frozenset[Usage]") -> Any:
        fields: list[tuple[str, Any, bool]] = []
        for name, usage in self.members.items():
            kind = usage.type(exact=exact, raw=raw)
            # A token that is kept takes a null too, and says so itself.
            optional = not usage.required and kind is not msgspec.Raw
            fields.append((name, kind | None if optional else kind, usage.required))
        return _define(tuple(fields))

    def attribute(self, name: str) -> str:
        """The struct's attribute for a member, fixed when the member is first used."""
        return f"f{list(self.members).index(name)}"


@functools.lru_cache(maxsize=4096)
def _define(fields: tuple[tuple[str, Any, bool], ...]) -> Any:
    """The struct of these members, their types, and whether they must be there: one for all mappings that read it."""
    written: list[Any] = [
        (f"f{index}", kind, msgspec.field(name=name) if required else msgspec.field(default=None, name=name))
        for index, (name, kind, required) in enumerate(fields)
    ]
    return msgspec.defstruct("Read", written, gc=False, kw_only=True)


@functools.lru_cache(maxsize=1024)
def decoder(kind: Any) -> Any:
    """The decoder of a type, one for all mappings that read it. Raises TypeError for types that look alike in JSON."""
    return msgspec.json.Decoder(kind)
