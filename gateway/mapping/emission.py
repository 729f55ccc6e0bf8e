"""Expressions become lines of Python: statements that leave an expression's value in a local variable.

What the types prove (a form, a member of an enum, presence) is decided here, once; the lines only do what is left. A
value that can not be had from a required field raises `Review`, and the record is set aside; from any other it is null
and noted on the page.
"""

from collections.abc import Callable
from typing import Any

from gateway.files import Path as Place
from gateway.files import near
from gateway.mapping.conditions import emit_tests
from gateway.mapping.conversions import emit_conversion, emit_lookup, emit_sign, emit_split
from gateway.mapping.language import (
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
    Read,
    Sign,
    Split,
)
from gateway.mapping.objects import emit_object, follows
from gateway.mapping.paths import Every, write
from gateway.mapping.scopes import ReadKind, Scope
from gateway.mapping.target import Target
from gateway.mapping.values import NULL, TEXT, TEXTUAL, Block, Value, fit

_TEXTS = frozenset({"text", "iban", "enum", "patterned"})
"""The forms that may be options of one `first`."""


class Emission:
    """Writes the lines of one function; holds its scopes, names and constants. It is the parts' `Emitter`.

    `settable` are the names that some container's `set` fixes. `unseen` are places whose path the shape lacks, `seen`
    those whose path it has.
    """

    def __init__(self, refuse: Callable[[Place, str], None], constants: dict[str, Any]) -> None:
        self._refuse = refuse
        self.constants = constants
        self.scopes: list[Scope] = []
        self.roots: dict[str, Scope] = {}
        self.names: dict[str, Value] = {}
        self.unseen: dict[Place, str] = {}
        self.seen: set[Place] = set()
        self.settable: frozenset[str] = frozenset()
        self._reads: list[set[str]] = []
        self._counter = 0

    def refuse(self, at: Place, message: str) -> None:
        """Notes a problem of the mapping file."""
        self._refuse(at, message)

    def name(self, stem: str = "x") -> str:
        """A fresh variable."""
        self._counter += 1
        return f"{stem}{self._counter}"

    def constant(self, stem: str, value: Any) -> str:
        """A constant of the generated code."""
        name = f"{stem.upper()}{len(self.constants)}"
        self.constants[name] = value
        return name

    def scope(self, read: Read) -> Scope:
        """Where a path starts."""
        return self.scopes[-1] if read.root == "here" else self.roots[read.root]

    def reach(self, read: Read) -> frozenset[str] | None:
        """The kinds that the shape allows at a path; None, and noted, where it has no such place."""
        usage = self.scope(read).reach(read.path)
        if usage is None:
            self.unseen.setdefault(read.at, f"the shape has no {write(read.path)}")
            return None
        self.seen.add(read.at)
        return usage.shape.kinds

    def emit(self, expression: Expression, target: Target, field: str, block: Block, *, required: bool) -> Value:
        """Appends the lines that compute an expression for a target; returns where its value is."""
        match expression:
            case Read():
                return self._read(expression, target)
            case Const(value=value):
                if not target.takes(value):
                    self.refuse(expression.at, f"'{value}' is not what the contract's '{field}' takes")
                held = self.name("c")
                block.append(f"{held} = {value!r}")
                return Value(held, target.kind, (value,), null=value is None)
            case Local(name=name):
                if name not in self.names:
                    self.refuse(expression.at, f"'{name}' is not named above{near(name, self.names)}")
                    return NULL
                self._noted(self.names[name].code)
                return self.names[name]
            case First():
                return self._first(expression, target, field, block)
            case Listed():
                return self._listed(expression, target, field, block)
            case Each():
                return self._each(expression, target, field, block)
            case Joined():
                return self._joined(expression, field, block)
            case Split():
                return emit_split(self, expression, field, block)
            case Lookup():
                return emit_lookup(self, expression, target, field, block, required=required)
            case Convert():
                return emit_conversion(self, expression, field, block, required=required)
            case Sign():
                return emit_sign(self, expression, field, block, required=required)
            case Conditional():
                return self._conditional(expression, target, field, block)
            case Fields():
                return self._object(expression, target, field, block, required=required)

    def aside(self, expression: Expression, field: str, block: Block) -> Value:
        """As `emit`, for what only steers a value and does not make it."""
        outer, self._reads = self._reads, []
        value = self.emit(expression, TEXT, field, block, required=False)
        self._reads = outer
        return value

    def _noted(self, variable: str | None) -> str:
        """Remembers a variable as one that the objects under way are made of."""
        for reads in self._reads:
            reads.add(str(variable))
        return str(variable)

    def _object(self, fields: Fields, target: Target, field: str, block: Block, *, required: bool) -> Value:
        if required or not follows(fields):
            return emit_object(self, fields, target, field, block, required=required)
        self._reads.append(set())
        lines: Block = []
        value = emit_object(self, fields, target, field, lines, required=False)
        reads = {name for name in self._reads.pop() if name.isidentifier()}
        if value.form == "null" or not reads or "None" in reads:
            block += lines
        else:
            absent = " and ".join(f"{name} is None" for name in self._around(reads))
            block += [f"if {absent}: {value.code} = None", "else:", lines]
        return value

    def _around(self, reads: set[str]) -> list[str]:
        """The variables that are None where all that was read is: of objects, not of each member, where there are."""
        found = reads
        for scope in {id(one): one for one in (*self.scopes, *self.roots.values())}.values():
            found = scope.outermost({scope.absent(name) for name in found})
        return sorted(found)

    def _read(self, read: Read, target: Target) -> Value:
        kinds = self.reach(read)
        if kinds is None:
            return NULL
        scope, path = self.scope(read), write(read.path)
        if read.path and isinstance(read.path[-1], Every):
            return Value(self._noted(scope.leaf(read.path, "texts")), "texts", path=path, null=True)
        kind: ReadKind = "boolean" if target.kind == "boolean" and kinds == {"boolean"} else "text"
        if not kinds & TEXTUAL:
            found = " or ".join(sorted(kinds))
            self.refuse(read.at, f"{path} is {found} in the shape, not a text or number")
            return NULL
        usage = scope.reach(read.path)
        words = usage.shape.enum if usage is not None else None
        return Value(self._noted(scope.leaf(read.path, kind)), kind, words, null=True, path=path)

    def _first(self, first: First, target: Target, field: str, block: Block) -> Value:
        out = self.name()
        inner, forms, words, path = block, [], [], ""
        last = len(first.options) - 1
        for index, option in enumerate(first.options):
            value = self.emit(option, target, field, inner, required=False)
            if value.form == "null":
                if index == 0:
                    inner.append(f"{out} = None")
            else:
                inner.append(f"{out} = {value.code}")
                if value.form != target.kind or target.kind not in {"object", "list"}:  # else checked where it was made
                    fit(self, value, option, target, field)
                forms.append(value.form)
                words.append(value.words)
                path = path or value.path
            if index < last:
                test = f"if not {out}:" if target.kind == "list" else f"if {out} is None:"
                nested: Block = []
                inner += [test, nested]
                inner = nested
        if not inner:
            inner.append("pass")
        if not forms:
            return NULL
        form = target.kind if target.kind in {"list", "object"} else forms[0]
        for option, other in zip(first.options, forms, strict=False):
            if other != form and {other, form} - _TEXTS and form not in {"list", "object"}:
                self.refuse(option.at, f"the options of 'first' differ: {form} and {other}")
        form = "text" if form == "iban" and set(forms) != {form} else form  # of one option only, it proves nothing
        closed = None if any(w is None for w in words) else tuple(w for group in words for w in group or ())
        return Value(out, form, closed, null=True, path=path)

    def _listed(self, listed: Listed, target: Target, field: str, block: Block) -> Value:
        if target.item is None:
            self.refuse(listed.at, f"'{field}' is not a list")
            return NULL
        out, alone = self.name(), len(listed.items) == 1
        block += [] if alone else [f"{out} = []"]
        for item in listed.items:
            value = self.emit(item, target.item, field, block, required=False)
            if value.form != "null":
                fit(self, value, item, target.item, field)
                code = value.code
                add = f"{out} = () if {code} is None else ({code},)"
                block.append(add if alone else f"if {code} is not None: {out}.append({code})")
            elif alone:
                block.append(f"{out} = ()")
        return Value(out, "list")

    def _each(self, each: Each, target: Target, field: str, block: Block) -> Value:
        scope = self.scope(each.source)
        item_usage = scope.reach(each.source.path)
        if self.reach(each.source) is None or item_usage is None:
            return NULL
        wanted = target if each.only_first else target.item
        if wanted is None:
            self.refuse(each.at, f"'{field}' is not a list")
            return NULL
        holder = self._noted(scope.leaf(each.source.path[:-1], "list"))
        element, out = self.name("e"), self.name()
        inner = Scope(element, item_usage, exact=scope.exact, empty=scope.empty)
        self.scopes.append(inner)
        outer, self._reads = self._reads, []  # what an element reads is no variable out here
        body: Block = []
        tests = emit_tests(self, each.where)
        value = self.emit(each.body, wanted, field, body, required=False)
        if value.form != "null":
            fit(self, value, each.body, wanted, field)
        self.scopes.pop()
        self._reads = outer
        keep = [f"{out} = {value.code}", "break"] if each.only_first else [f"{out}.append({value.code})"]
        loop: Block = [f"if {element} is None: continue", *inner.prelude([tests, *body, value.code])]
        if tests:
            loop.append(f"if not ({tests}): continue")
        loop += [*body, f"if {value.code} is not None:", keep]
        block += [
            f"{out} = {'None' if each.only_first else '[]'}",
            f"if {holder}:",
            [f"for {element} in {holder}:", loop],
        ]
        return Value(
            out,
            value.form if each.only_first else "list",
            value.words if each.only_first else None,
            null=each.only_first,
            path=write(each.source.path),
        )

    def _joined(self, joined: Joined, field: str, block: Block) -> Value:
        out, parts = self.name(), self.name("p")
        block.append(f"{parts} = []")
        path = ""
        for part in joined.parts:
            value = self.emit(part, TEXT, field, block, required=False)
            path = path or value.path
            if value.form in {"list", "texts"}:
                block.append(f"if {value.code}: {parts}.extend({value.code})")
            elif value.form != "null":
                block.append(f"if {value.code} is not None: {parts}.append({value.code})")
        block.append(f"{out} = {joined.separator!r}.join({parts}) if {parts} else None")
        return Value(out, "text", null=True, path=path)

    def _conditional(self, conditional: Conditional, target: Target, field: str, block: Block) -> Value:
        tests = emit_tests(self, conditional.conditions)
        out = self.name()
        inner: Block = []
        value = self.emit(conditional.then, target, field, inner, required=False)
        if value.form == "null" or not tests or tests == "False":
            return NULL
        block += [f"{out} = None", f"if {tests}:", [*inner, f"{out} = {value.code}"]]
        return Value(out, value.form, value.words, null=True, path=value.path)
