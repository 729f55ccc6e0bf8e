"""Expressions become lines of Python: statements that leave an expression's value in a local variable.

What the types prove (a form, a member of an enum, presence) is decided here, once; the lines only do what is left. A
value that can not be had from a required field raises `Review`, and the record is set aside; from any other it is null
and noted on the page. Lines are flat lists of text and nested blocks.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from gateway.files import Path as Place
from gateway.files import near
from gateway.mapping import functions
from gateway.mapping.language import (
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
    Read,
    Sign,
    Split,
)
from gateway.mapping.paths import Every, write
from gateway.mapping.scopes import ReadKind, Scope
from gateway.mapping.tables import Table
from gateway.mapping.target import Target

Block: TypeAlias = list[Any]
Refuse: TypeAlias = Callable[[Place, str], None]
_TEXT = Target("text", nullable=True)
_TEXTUAL = frozenset({"string", "number", "integer", "boolean"})
_FORM_OF = {
    "text": "text", "decimal": "decimal", "grouped_decimal": "decimal", "currency": "currency", "date": "date",
    "local_date": "date", "day_first_date": "date", "instant": "instant", "iban": "text", "compact": "text",
    "masked_pan": "text", "bic": "bic", "mcc": "mcc",
    "integer": "integer", "boolean": "boolean",
}  # fmt: skip


_AS_IT_IS = {"decimal": "is_plain({})", "grouped_decimal": "is_plain({})", "currency": "{} in CURRENCIES"}


class Value(msgspec.Struct, frozen=True):
    """Where an expression's value is: a variable or literal, and its form. `words` closes an enum."""

    code: str
    form: str
    words: tuple[Any, ...] | None = None
    null: bool = False
    path: str = ""


_NULL = Value("None", "null", null=True)


class Emission:
    """Writes the lines of one function; holds its scopes, names and constants."""

    def __init__(self, refuse: Refuse, constants: dict[str, Any]) -> None:
        self.refuse = refuse
        self.constants = constants
        self.scopes: list[Scope] = []
        self.roots: dict[str, Scope] = {}
        self.names: dict[str, Value] = {}
        self.unseen: dict[Place, str] = {}
        self.seen: set[Place] = set()
        self._counter = 0

    def name(self, stem: str = "x") -> str:
        """A fresh variable."""
        self._counter += 1
        return f"{stem}{self._counter}"

    def constant(self, stem: str, value: Any) -> str:
        """A constant of the generated code."""
        name = f"{stem.upper()}{len(self.constants)}"
        self.constants[name] = value
        return name

    # -- expressions ------------------------------------------------------------------------------------------------

    def emit(self, expression: Expression, target: Target, field: str, block: Block, *, required: bool) -> Value:
        """Appends the lines that compute an expression for a target; returns where its value is."""
        match expression:
            case Read():
                return self._read(expression, target)
            case Const():
                if not target.takes(expression.value):
                    self.refuse(expression.at, f"'{expression.value}' is not what the contract's '{field}' takes")
                return Value(repr(expression.value), target.kind, (expression.value,), null=expression.value is None)
            case Local():
                if expression.name not in self.names:
                    self.refuse(
                        expression.at, f"'{expression.name}' is not named above{near(expression.name, self.names)}"
                    )
                    return _NULL
                return self.names[expression.name]
            case First():
                return self._first(expression, target, field, block)
            case Listed():
                return self._listed(expression, target, field, block)
            case Each():
                return self._each(expression, target, field, block)
            case Joined():
                return self._joined(expression, field, block)
            case Split():
                return self._split(expression, field, block)
            case Lookup():
                return self._lookup(expression, target, field, block, required=required)
            case Convert():
                return self._convert(expression, field, block, required=required)
            case Sign():
                return self._sign(expression, field, block, required=required)
            case Conditional():
                return self._conditional(expression, target, field, block)
            case Fields():
                return self.object(expression, target, field, block, required=required)

    def fit(self, value: Value, expression: Expression, target: Target, field: str) -> None:
        """Refuses a value whose form the contract's field does not take."""
        if value.null and value.form == "null":
            return
        if target.kind == "enum":
            wrong = (
                [w for w in value.words if w is not None and w not in target.enum] if value.words is not None else None
            )
            if wrong is None:
                words = ", ".join(target.enum)
                self.refuse(expression.at, f"any text can stand here, but '{field}' takes only {words}: use 'lookup'")
            elif wrong:
                self.refuse(
                    expression.at,
                    f"'{wrong[0]}' is not one of '{field}': {', '.join(target.enum)}{near(wrong[0], target.enum)}",
                )
        elif target.kind == "patterned":
            if value.words is None or not all(target.takes(w) for w in value.words if w is not None):
                self.refuse(
                    expression.at, f"'{field}' has a form of its own that this can not prove: use 'lookup' or 'const'"
                )
        elif target.kind == "text":
            if value.form in {"list", "object", "integer", "boolean"}:
                self.refuse(expression.at, f"'{field}' is a text, this is {value.form}")
        elif value.form != target.kind and value.words is None:
            remedy = f"; convert it with 'as: {target.kind}'" if target.kind in _FORM_OF.values() else ""
            self.refuse(expression.at, f"'{field}' needs {target.kind}, this is {value.form}{remedy}")

    def _scope(self, read: Read) -> Scope:
        return self.scopes[-1] if read.root == "here" else self.roots[read.root]

    def _read(self, read: Read, target: Target) -> Value:
        scope = self._scope(read)
        usage = scope.reach(read.path)
        if usage is None:
            self.unseen.setdefault(read.at, f"the shape has no {write(read.path)}")
            return _NULL
        self.seen.add(read.at)
        kinds = usage.shape.kinds
        if read.path and isinstance(read.path[-1], Every):
            leaf = scope.leaf(read.path, "texts")
            return Value(str(leaf), "list", path=write(read.path), null=True)
        kind: ReadKind = "text"
        if kinds in (frozenset({"boolean"}), frozenset({"integer"})) and target.kind in kinds:
            kind = "boolean" if "boolean" in kinds else "integer"
        if kind == "text" and not kinds & _TEXTUAL:
            found = " or ".join(sorted(kinds))
            self.refuse(read.at, f"{write(read.path)} is {found} in the shape, not a text or number")
            return _NULL
        leaf = scope.leaf(read.path, kind)
        return Value(str(leaf), kind, usage.shape.enum, null=True, path=write(read.path))

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
                self.fit_part(value, option, target, field)
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
            return _NULL
        form = target.kind if target.kind in {"list", "object"} else forms[0]
        for option, other in zip(first.options, forms, strict=False):
            if other != form and {other, form} - {"text", "enum", "patterned"} and form not in {"list", "object"}:
                self.refuse(option.at, f"the options of 'first' differ: {form} and {other}")
        closed = None if any(w is None for w in words) else tuple(w for group in words for w in group or ())
        return Value(out, form, closed, null=True, path=path)

    def fit_part(self, value: Value, expression: Expression, target: Target, field: str) -> None:
        """As `fit`, for one of several options; object and list parts were checked where they were made."""
        if target.kind in {"enum", "patterned"}:
            self.fit(value, expression, target, field)

    def _listed(self, listed: Listed, target: Target, field: str, block: Block) -> Value:
        if target.item is None:
            self.refuse(listed.at, f"'{field}' is not a list")
            return _NULL
        out = self.name()
        block.append(f"{out} = []")
        for item in listed.items:
            value = self.emit(item, target.item, field, block, required=False)
            if value.form != "null":
                self.fit(value, item, target.item, field)
                block += [f"if {value.code} is not None: {out}.append({value.code})"]
        return Value(out, "list")

    def _each(self, each: Each, target: Target, field: str, block: Block) -> Value:
        scope = self._scope(each.source)
        item_usage = scope.reach(each.source.path)
        if item_usage is None:
            self.unseen.setdefault(each.at, f"the shape has no {write(each.source.path)}")
            return _NULL
        self.seen.add(each.at)
        wanted = target if each.only_first else target.item
        if wanted is None:
            self.refuse(each.at, f"'{field}' is not a list")
            return _NULL
        holder = scope.leaf(each.source.path[:-1], "list")
        element, out = self.name("e"), self.name()
        inner = Scope(element, item_usage, exact=scope.exact, empty=scope.empty)
        self.scopes.append(inner)
        body: Block = []
        tests = self._conditions(each.where)
        value = self.emit(each.body, wanted, field, body, required=False)
        if value.form != "null":
            self.fit(value, each.body, wanted, field)
        self.scopes.pop()
        keep = [f"{out} = {value.code}", "break"] if each.only_first else [f"{out}.append({value.code})"]
        loop: Block = [f"if {element} is None: continue", *inner.prelude]
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
            value = self.emit(part, _TEXT, field, block, required=False)
            path = path or value.path
            if value.form == "list":
                block.append(f"if {value.code}: {parts}.extend({value.code})")
            elif value.form != "null":
                block.append(f"if {value.code} is not None: {parts}.append({value.code})")
        block.append(f"{out} = {joined.separator!r}.join({parts}) if {parts} else None")
        return Value(out, "text", null=True, path=path)

    def _split(self, split: Split, field: str, block: Block) -> Value:
        source = self.emit(split.source, _TEXT, field, block, required=False)
        if source.form == "null":
            return _NULL
        out, parts = self.name(), self.name("p")
        block += [
            f"{parts} = {source.code}.split({split.separator!r}) if {source.code} is not None else ()",
            f"{out} = ({parts}[{split.index}].strip() or None) if len({parts}) > {split.index} else None",
        ]
        return Value(out, "text", null=True, path=source.path)

    def _lookup(self, lookup: Lookup, target: Target, field: str, block: Block, *, required: bool) -> Value:
        source = self.emit(lookup.source, _TEXT, field, block, required=False)
        if source.form == "null":
            return _NULL
        table = Table(lookup.table, prefix=lookup.fold.prefix, fold_case=lookup.fold.case)
        out = self.name()
        block.append(f"{out} = {self.constant('table', table)}[{source.code}]")
        if table.open_ended is None:
            told = self._told(field, "unknown_value", source, required=required and not lookup.has_else)
            after = [told, f"{out} = {lookup.otherwise!r}"] if not told.startswith("raise") else [told]
            block += [f"if {out} is UNKNOWN:", after]
        words = [*lookup.table.values(), *([lookup.otherwise] if lookup.has_else else [])]
        form = target.kind if target.kind in {"boolean", "integer"} else "text"
        return Value(out, form, tuple(words), null=True, path=source.path)

    def _told(self, field: str, reason: str, source: Value, *, required: bool) -> str:
        where = f"{field!r}, {reason!r}, {source.path!r}"
        if required:
            return f"raise Review({where})"
        code = f", {source.code}" if reason == "unknown_value" else ", None"
        return f"page.note({where}{code})"

    def _convert(self, convert: Convert, field: str, block: Block, *, required: bool) -> Value:
        kind = convert.kind
        wanted = Target(kind, nullable=True) if kind in {"integer", "boolean"} else _TEXT
        source = self.emit(convert.source, wanted, field, block, required=False)
        if source.form == "null":
            return _NULL
        form, out = _FORM_OF[kind], self.name()
        if source.form in {"boolean", "integer"}:
            return Value(source.code, source.form, null=True, path=source.path)
        told = self._told(field, "malformed", source, required=required)
        if kind in {"local_date", "instant"}:
            return self._moment(convert, source, told, block)
        if kind == "boolean":
            block.append(f"{out} = BOOLEANS[{source.code}]")
            block += [f"if {out} is UNKNOWN:", [told, f"{out} = None"]]
        else:
            call = "int" if kind == "integer" else kind
            if call != "int":
                self.constants[call] = getattr(functions, call)
            failed = [told] if told.startswith("raise") else [told, f"{out} = None"]
            # What is in the contract's form already, as most is, needs no call.
            quick = {"decimal": "is_plain({})", "grouped_decimal": "is_plain({})", "currency": "{} in CURRENCIES"}.get(
                kind
            )
            same = f" or {quick.format(source.code)}" if quick else ""
            block += [
                f"if {source.code} is None{same}: {out} = {source.code}",
                "else:",
                ["try:", [f"{out} = {call}({source.code})"], "except ValueError:", failed],
            ]
        return Value(out, form, null=True, path=source.path)

    def _moment(self, convert: Convert, source: Value, told: str, block: Block) -> Value:
        scope = self._scope(convert.source) if isinstance(convert.source, Read) else None
        out = self.name()
        if scope is not None:
            moment = scope.moment(source.code)
        else:
            moment = self.name("m")
            block.append(
                f"{moment} = NOTHING if {source.code} is None else seen({source.code}) or moment({source.code})"
            )
        block.append(f"{out} = {moment}[{0 if convert.kind == 'local_date' else 1}]")
        block.append(f"if {moment} is MALFORMED: {told}")
        return Value(out, _FORM_OF[convert.kind], null=True, path=source.path)

    def _sign(self, sign: Sign, field: str, block: Block, *, required: bool) -> Value:
        source = self.emit(sign.source, _TEXT, field, block, required=required)
        if source.form == "null":
            return _NULL
        if source.form != "decimal":
            self.refuse(sign.at, "a sign needs an amount: 'as: decimal' before it")
        by = self.emit(sign.by, _TEXT, field, block, required=False)
        words: dict[str, Any] = {**dict.fromkeys(sign.negative, True), **dict.fromkeys(sign.positive, False)}
        negative, out = self.name("n"), self.name()
        failed: Callable[[str], Block] = lambda reason: (  # noqa: E731 - three places, one form
            [
                self._told(field, reason, by if by.path else source, required=required),
                *([] if required else [f"{out} = None"]),
            ]
        )
        if by.form == "null":
            if sign.missing == "review":
                self.refuse(sign.at, "the shape has no such indicator, and 'missing' is review")
            return source
        conflict = [f"{out} = {out}[1:]"] if sign.conflict == "indicator" else failed("conflict")
        missing = ["pass"] if sign.missing == "as_is" else failed("missing")
        block += [
            f"{out} = {source.code}",
            f"if {out} is not None:",
            [
                f"{negative} = {self.constant('table', Table(words))}[{by.code}]",
                f"if {negative} is True:",
                [f"if {out}[0] != '-': {out} = negated({out})"],
                f"elif {negative} is False:",
                [f"if {out}[0] == '-':", conflict],
                f"elif {negative} is None:",
                missing,
                "else:",
                failed("unknown_value"),
            ],
        ]
        self.constants["negated"] = functions.negated
        return Value(out, "decimal", null=True, path=source.path)

    def _conditional(self, conditional: Conditional, target: Target, field: str, block: Block) -> Value:
        tests = self._conditions(conditional.conditions)
        out = self.name()
        inner: Block = []
        value = self.emit(conditional.then, target, field, inner, required=False)
        if value.form == "null" or not tests or tests == "False":
            return _NULL
        block += [f"{out} = None", f"if {tests}:", [*inner, f"{out} = {value.code}"]]
        return Value(out, value.form, value.words, null=True, path=value.path)

    def _conditions(self, conditions: tuple[Condition, ...]) -> str:
        return " and ".join(self.test(condition) for condition in conditions)

    def test(self, condition: Condition) -> str:
        """A condition as a Python expression."""
        if condition.name is not None:
            value = self.names.get(condition.name)
            if value is None:
                self.refuse(condition.at, f"'{condition.name}' is not named above{near(condition.name, self.names)}")
                return "False"
            if condition.values is not None and value.words is not None:
                known = [_word(one) for one in value.words]
                for word in condition.values:
                    if word not in known:
                        self.refuse(condition.at, f"'{condition.name}' is never '{word}'{near(word, known)}")
            if condition.negative is not None and value.form not in {"decimal", "null"}:
                self.refuse(condition.at, f"'{condition.name}' is {value.form}: only a decimal can be negative")
            if value.form == "null":
                return str(condition.present is False)
            return self._tested(condition, value)
        assert condition.read is not None
        scope = self._scope(condition.read)
        usage = scope.reach(condition.read.path)
        if usage is None:
            self.unseen.setdefault(condition.at, f"the shape has no {write(condition.read.path)}")
            return str(condition.present is False or condition.own is False or condition.same is False)
        self.seen.add(condition.at)
        textual = bool(usage.shape.kinds & _TEXTUAL)
        if not textual and condition.present is None:
            self.refuse(condition.at, f"{write(condition.read.path)} is not a text: only 'present' can be tested")
        value = Value(str(scope.leaf(condition.read.path, "text" if textual else "presence")), "text", null=True)
        if condition.other is not None:
            other = self._read(condition.other, _TEXT)
            return f"{value.code} {'==' if condition.same else '!='} {other.code}"
        return self._tested(condition, value)

    def _tested(self, condition: Condition, value: Value) -> str:
        code = value.code
        if condition.present is not None:
            return f"{code} is {'not ' if condition.present else ''}None"
        if condition.negative is not None:
            return f"({code} is not None and {code}[0] {'==' if condition.negative else '!='} '-')"
        if condition.own is not None:
            return f"(compacted({code}) {'in' if condition.own else 'not in'} own)"
        assert condition.values is not None
        if value.form == "boolean":
            return " or ".join(f"{code} is {word == 'true'}" for word in condition.values).join("()")
        if condition.fold.prefix or condition.fold.case:
            fold = condition.fold
            table = Table(dict.fromkeys(condition.values, True), prefix=fold.prefix, fold_case=fold.case)
            return f"{self.constant('table', table)}[{code}] is True"
        if len(condition.values) == 1:
            return f"{code} == {condition.values[0]!r}"
        return f"{code} in {self.constant('words', frozenset(condition.values))}"

    # -- objects ----------------------------------------------------------------------------------------------------

    def object(self, fields: Fields, target: Target, field: str, block: Block, *, required: bool) -> Value:
        """An object: null where nothing but constants was given, or where a required member is null."""
        if target.kind != "object":
            self.refuse(fields.at, f"'{field}' is {target.kind}, not an object of fields")
            return _NULL
        self.known(fields.fields, target, fields.at, field)
        arguments: list[str] = []
        needed: list[str] = []
        given: list[str] = []
        for name, child in target.fields.items():
            expression = fields.fields.get(name)
            path = f"{field}.{name}"
            if expression is None:
                if not child.nullable and child.kind != "list":
                    self.refuse(fields.at, f"'{path}' is required by the contract")
                arguments.append(self.empty(child))
                continue
            value = self.emit(expression, child, path, block, required=required and not child.nullable)
            if value.form == "null":
                arguments.append(self.empty(child))
                if not child.nullable and child.kind != "list":
                    needed.append("None")
                continue
            self.fit(value, expression, child, path)
            if required and not child.nullable and value.null and child.kind != "list":
                block.append(f"if {value.code} is None: raise Review({path!r}, 'missing', {value.path!r})")
            arguments.append(value.code)
            if isinstance(expression, Const):
                continue
            (needed if not child.nullable and child.kind != "list" else given).append(value.code)
        out = self.name()
        made = f"{self.constant('struct', target.struct)}({', '.join(arguments)})"
        if required:
            block.append(f"{out} = {made}")
        elif needed:
            absent = " or ".join(f"{code} is None" for code in needed)
            block.append(f"{out} = None if {absent} else {made}")
        else:
            some = " or ".join(given) or "False"
            block.append(f"{out} = {made} if {some} else None")
        return Value(out, "object", null=not required)

    def known(self, fields: dict[str, Expression], target: Target, at: Place, field: str) -> None:
        """Refuses fields that the contract does not have."""
        for name in fields:
            if name not in target.fields:
                self.refuse((*at, name), f"the contract's {field} has no '{name}'{near(name, target.fields)}")

    def empty(self, target: Target) -> str:
        """What stands where a bank gave nothing: null, an empty list, an object of nothing."""
        if target.nullable:
            return "None"
        if target.kind == "list":
            return self.constant("none", ())
        if target.kind == "object" and all(child.nullable or child.kind == "list" for child in target.fields.values()):
            return self.constant(
                "none", target.struct(*[() if c.kind == "list" else None for c in target.fields.values()])
            )
        return "None"


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
