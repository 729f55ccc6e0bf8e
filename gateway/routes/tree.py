"""A tree of templates, one step of a path at a level: ten thousand routes cost what ten do.

Two templates that one path could match are never in one tree, so there is no precedence to know: of a literal and a
parameter at one place, at most one leads to an end for any path.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from gateway.routes.template import Template

End = TypeVar("End")


class _Node(Generic[End]):
    """A place between two slashes: where literals lead, where any segment leads, and what ends here or below."""

    __slots__ = ("any", "end", "literals", "tail")

    def __init__(self) -> None:
        self.literals: dict[str, _Node[End]] = {}
        self.any: _Node[End] | None = None
        self.end: End | None = None
        self.tail: End | None = None


class Tree(Generic[End]):
    """Templates of one method, and what each leads to."""

    def __init__(self) -> None:
        self._root: _Node[End] = _Node()

    def add(self, template: Template, end: End) -> None:
        """Adds a template that overlaps none that is in the tree."""
        node = self._root
        for step in template.steps:
            if step is None:
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.literals.setdefault(step, _Node())
        if template.tail is None:
            node.end = end
        else:
            node.tail = end

    def find(self, parts: list[str]) -> End | None:
        """What the one template that matches a raw path leads to; `parts` are the path's (`path.split("/")`)."""
        return _find(self._root, parts, 1, len(parts))

    def overlapping(self, template: Template) -> End | None:
        """What a template that some path could match besides this one leads to, if there is one."""
        return next(_overlaps(self._root, template, 0), None)


def _find(node: _Node[End], parts: list[str], at: int, end: int) -> End | None:
    if at == end:
        return node.end
    part = parts[at]
    literal = node.literals.get(part)
    found = _find(literal, parts, at + 1, end) if literal is not None else None
    if found is None and node.any is not None and part:
        found = _find(node.any, parts, at + 1, end)
    return node.tail if found is None else found


def _overlaps(node: _Node[End], template: Template, at: int) -> Iterator[End]:
    if at == len(template.steps):
        if template.tail is not None:
            yield from _below(node)
        elif node.end is not None:
            yield node.end
        return
    if node.tail is not None:
        yield node.tail
    step = template.steps[at]
    if step is None:
        for child in node.literals.values():
            yield from _overlaps(child, template, at + 1)
    elif step in node.literals:
        yield from _overlaps(node.literals[step], template, at + 1)
    # A parameter does not match an empty segment, which only the template of the root has.
    if node.any is not None and step != "":
        yield from _overlaps(node.any, template, at + 1)


def _below(node: _Node[End]) -> Iterator[End]:
    """All ends that a tail from here could reach; one that ends here lies before the tail's slash."""
    if node.tail is not None:
        yield node.tail
    for child in (*node.literals.values(), node.any):
        if child is not None:
            if child.end is not None:
                yield child.end
            yield from _below(child)
