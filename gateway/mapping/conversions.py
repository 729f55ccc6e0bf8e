"""What turns a bank's text into the contract's: `split`, `lookup`, `as`, `sign`, as lines of Python.

Where a text can not be turned, a required field raises `Review`; any other is null, and noted on the page.
"""

from gateway.mapping import functions
from gateway.mapping.language import Convert, Lookup, Read, Sign, Split
from gateway.mapping.tables import Table
from gateway.mapping.target import Target
from gateway.mapping.values import FORM_OF, NULL, TEXT, Block, Emitter, Value, textual

# What is in the contract's form already, as most is, needs no call.
_AS_IT_IS = {
    "decimal": "is_plain({0})",
    "grouped_decimal": "is_plain({0})",
    "currency": "{0} in CURRENCIES",
    "mcc": "(len({0}) == 4 and {0}.isascii() and {0}.isdigit())",
}


def emit_split(emitter: Emitter, split: Split, field: str, block: Block) -> Value:
    """One part of a text."""
    source = emitter.emit(split.source, TEXT, field, block, required=False)
    if not textual(emitter, source, split.source):
        return NULL
    out, parts = emitter.name(), emitter.name("p")
    block += [
        f"{parts} = {source.code}.split({split.separator!r}) if {source.code} is not None else ()",
        f"{out} = ({parts}[{split.index}].strip() or None) if len({parts}) > {split.index} else None",
    ]
    return Value(out, "text", null=True, path=source.path)


def emit_lookup(emitter: Emitter, lookup: Lookup, target: Target, field: str, block: Block, *, required: bool) -> Value:
    """The word of a table for a code."""
    source = emitter.emit(lookup.source, TEXT, field, block, required=False)
    if not textual(emitter, source, lookup.source):
        return NULL
    table = Table(lookup.table, prefix=lookup.fold.prefix, fold_case=lookup.fold.case)
    out = emitter.name()
    block += table.read(emitter.constant, source.code, out)
    if table.open_ended is None:
        if required and not lookup.has_else:
            block += [f"if {out} is UNKNOWN:", [_raised(field, "unknown_value", source)]]
        else:
            told = _noted(field, "unknown_value", source)
            block += [f"if {out} is UNKNOWN:", [told, f"{out} = {lookup.otherwise!r}"]]
    words = [*lookup.table.values(), *([lookup.otherwise] if lookup.has_else else [])]
    form = target.kind if target.kind in {"boolean", "integer"} else "text"
    return Value(out, form, tuple(words), null=True, path=source.path)


def emit_conversion(emitter: Emitter, convert: Convert, field: str, block: Block, *, required: bool) -> Value:
    """A text in one of the contract's forms."""
    kind = convert.kind
    wanted = Target(kind, nullable=True) if kind == "boolean" else TEXT
    source = emitter.emit(convert.source, wanted, field, block, required=False)
    if not textual(emitter, source, convert.source):
        return NULL
    if source.form == "boolean" and kind == "boolean":
        return Value(source.code, source.form, null=True, path=source.path)
    out = emitter.name()
    failed = _failed(field, "malformed", source, out, required=required)
    if kind in {"local_date", "instant"}:
        moment = _moment(emitter, convert, source, block)
        block.append(f"{out} = {moment}[{0 if kind == 'local_date' else 1}]")
        block += [f"if {moment} is MALFORMED:", failed]
    elif kind == "boolean":
        block += [f"{out} = BOOLEANS[{source.code}]", f"if {out} is UNKNOWN:", failed]
    else:
        emitter.constants[kind] = getattr(functions, kind)
        same = f" or {_AS_IT_IS[kind].format(source.code)}" if kind in _AS_IT_IS else ""
        block += [
            f"if {source.code} is None{same}: {out} = {source.code}",
            "else:",
            ["try:", [f"{out} = {kind}({source.code})"], "except ValueError:", failed],
        ]
    return Value(out, FORM_OF[kind], null=True, path=source.path)


def _moment(emitter: Emitter, convert: Convert, source: Value, block: Block) -> str:
    """The variable with the day and instant of a text; read once for all that ask."""
    if isinstance(convert.source, Read):
        return emitter.scope(convert.source).moment(source.code)
    moment = emitter.name("m")
    block.append(f"{moment} = NOTHING if {source.code} is None else moment({source.code})")
    return moment


def emit_sign(emitter: Emitter, sign: Sign, field: str, block: Block, *, required: bool) -> Value:
    """An amount with the sign that its indicator says."""
    source = emitter.emit(sign.source, TEXT, field, block, required=required)
    if source.form == "null":
        return NULL
    if source.form != "decimal":
        emitter.refuse(sign.at, "a sign needs an amount: 'as: decimal' before it")
    by = emitter.aside(sign.by, field, block)
    if by.form == "null":
        if sign.missing == "review":
            emitter.refuse(sign.at, "the shape has no such indicator, and 'missing' is review")
        return source
    out = emitter.name()
    # What is told as an unknown code is the indicator's word, never the amount.
    told = by if by.path else Value("None", source.form, path=source.path)

    def failed(reason: str) -> Block:
        return _failed(field, reason, told, out, required=required)

    block += [
        f"{out} = {source.code}",
        f"if {out} is not None:",
        [
            f"if {_is_one_of(by.code, sign.negative)}:",
            [f"if {out}[0] != '-': {out} = negated({out})"],
            f"elif {_is_one_of(by.code, sign.positive)}:",
            [f"if {out}[0] == '-':", [f"{out} = {out}[1:]"] if sign.conflict == "indicator" else failed("conflict")],
            f"elif {by.code} is None:",
            ["pass"] if sign.missing == "as_is" else failed("missing"),
            "else:",
            failed("unknown_value"),
        ],
    ]
    emitter.constants["negated"] = functions.negated
    return Value(out, "decimal", null=True, path=source.path)


def _is_one_of(code: str, words: tuple[str, ...]) -> str:
    return f"{code} == {words[0]!r}" if len(words) == 1 else f"{code} in {tuple(words)!r}"


def _failed(field: str, reason: str, source: Value, out: str, *, required: bool) -> Block:
    if required:
        return [_raised(field, reason, source)]
    return [_noted(field, reason, source), f"{out} = None"]


def _raised(field: str, reason: str, source: Value) -> str:
    return f"raise Review({field!r}, {reason!r}, {source.path!r})"


def _noted(field: str, reason: str, source: Value) -> str:
    code = source.code if reason == "unknown_value" else "None"
    return f"page.note({field!r}, {reason!r}, {source.path!r}, {code})"
