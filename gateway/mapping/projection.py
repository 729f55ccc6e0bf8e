"""What a mapping needs of a document, and the types that decode just that: the rest never becomes Python objects.

Each node of the shape that a path passes gets a `Usage`. At the end the usages become msgspec types: a struct with only
the members that are read. Where a shape takes texts and numbers for one value there are two sets of types: the quick
one takes texts, the exact one keeps the token as it stands in the document, so that no number passes through a float.
"""

from typing import Any

import msgspec

from gateway.mapping.shapes import Shape

_TEXTUAL = frozenset({"string", "number", "integer", "boolean"})


class Usage:
    """What is needed of one node: members, items, its text, or only whether it is there."""

    def __init__(self, shape: Shape, *, required: bool) -> None:
        self.shape = shape
        self.required = required
        self.members: dict[str, Usage] = {}
        self.items: Usage | None = None
        self.text = False

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
        kinds = self.shape.kinds
        return self.text and bool(kinds & {"number"}) and kinds <= _TEXTUAL

    @property
    def several(self) -> bool:
        """Whether the value may have types of which only some are read."""
        kinds = self.shape.kinds - {"integer"} if "number" in self.shape.kinds else self.shape.kinds
        return len(kinds) > 1 and not self.mixed

    def anywhere_mixed(self) -> bool:
        """Whether this node or one below it is mixed."""
        below = [*self.members.values(), *([self.items] if self.items else [])]
        return self.mixed or any(usage.anywhere_mixed() for usage in below)

    def type(self, *, exact: bool, raw_items: "frozenset[Usage] | None" = None) -> Any:
        """The msgspec type of this node; in arrays of `raw_items` the elements are left undecoded."""
        options = self._options(exact=exact, raw_items=raw_items)
        out = options[0]
        for one in options[1:]:
            out = out | one
        return out

    def _options(self, *, exact: bool, raw_items: "frozenset[Usage] | None") -> list[Any]:
        kinds = self.shape.kinds
        if self.mixed:
            return [msgspec.Raw if exact or "string" not in kinds else str]
        options: list[Any] = []
        if "object" in kinds:
            options.append(self._struct(exact=exact, raw_items=raw_items))
        if "array" in kinds:
            raw = self.items is None or (raw_items is not None and self in raw_items)
            options.append(list[msgspec.Raw] if raw else list[self._item_type(exact, raw_items)])  # type: ignore[misc]
        if "string" in kinds:
            options.append(str)
        if "boolean" in kinds:
            options.append(bool)
        if "integer" in kinds or "number" in kinds:
            options.append(int if "number" not in kinds else int | float)
        return options

    def _item_type(self, exact: bool, raw_items: "frozenset[Usage] | None") -> Any:  # noqa: FBT001
        assert self.items is not None
        return self.items.type(exact=exact, raw_items=raw_items)

    def _struct(self, *, exact: bool, raw_items: "frozenset[Usage] | None") -> Any:
        fields: list[Any] = []
        for index, (name, usage) in enumerate(self.members.items()):
            kind = usage.type(exact=exact, raw_items=raw_items)
            if usage.required:
                fields.append((f"f{index}", kind, msgspec.field(name=name)))
            elif kind is msgspec.Raw:  # takes a null too; its token says so
                fields.append((f"f{index}", kind, msgspec.field(default=None, name=name)))
            else:
                fields.append((f"f{index}", kind | None, msgspec.field(default=None, name=name)))
        return msgspec.defstruct("Read", fields, gc=False, kw_only=True)

    def attribute(self, name: str) -> str:
        """The struct's attribute for a member, fixed when the member is first used."""
        return f"f{list(self.members).index(name)}"
