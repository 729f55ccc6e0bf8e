"""Objects of the contract as lines of Python: null where nothing but constants was given, or a required member is null.

Most objects of most records are absent. Where all that an object reads is null, one test says so and nothing else runs.
"""

from gateway.files import Path as Place
from gateway.files import near
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
from gateway.mapping.target import Target
from gateway.mapping.values import NULL, Block, Emitter, Value, fit, misfits


def emit_object(emitter: Emitter, fields: Fields, target: Target, field: str, block: Block, *, required: bool) -> Value:
    """The lines that make an object; the members it lacks are null or empty."""
    if target.kind != "object":
        emitter.refuse(fields.at, f"'{field}' is {target.kind}, not an object of fields")
        return NULL
    refuse_unknown(emitter, fields.fields, target, fields.at, field)
    arguments: list[str] = []
    needed: list[str] = []
    given: list[str] = []
    values: dict[str, Value] = {}
    for name, child in target.fields.items():
        expression, path, must = fields.fields.get(name), f"{field}.{name}", not child.nullable and child.kind != "list"
        if expression is None and must:
            emitter.refuse(fields.at, f"'{path}' is required by the contract")
        value = NULL
        if expression is not None:
            value = emitter.emit(expression, child, path, block, required=required and must)
            fit(emitter, value, expression, child, path)
            values[name] = value
        if value.form == "null":
            arguments.append(empty(emitter, child))
            needed += ["None"] if must else []
            continue
        if required and must and value.null:
            block.append(f"if {value.code} is None: raise Review({path!r}, 'missing', {value.path!r})")
        if child.kind == "list" and value.null:
            block.append(f"if {value.code} is None: {value.code} = {empty(emitter, child)}")
        arguments.append(value.code)
        if not isinstance(expression, Const):
            (needed if must else given).append(value.code)
    _narrow(emitter, fields, target, field, values)
    out = emitter.name()
    made = f"{emitter.constant('struct', target.struct)}({', '.join(arguments)})"
    if required:
        block.append(f"{out} = {made}")
    elif needed:
        absent = " or ".join(f"{code} is None" for code in needed)
        block.append(f"{out} = None if {absent} else {made}")
    else:
        block.append(f"{out} = {made} if {' or '.join(given) or 'False'} else None")
    return Value(out, "object", null=not required)


def _narrow(emitter: Emitter, fields: Fields, target: Target, field: str, values: dict[str, Value]) -> None:
    """Refuses a member that is not of the form that a word of another one asks for, such as an IBAN's."""
    rule = target.narrowing
    if rule is None or rule.field not in values or rule.narrowed not in values:
        return
    words = set(values[rule.field].words or ()) - {None}
    value = values[rule.narrowed]
    if rule.word not in words or value.form == "null":
        return
    apart = "" if len(words) == 1 else f", in an option of 'first' that only '{rule.word}' comes to"
    for message in misfits(value, rule.to, f"{field}.{rule.narrowed}"):
        told = f"where '{rule.field}' is '{rule.word}', {message}{apart}"
        emitter.refuse(fields.fields[rule.narrowed].at, told)


def follows(expression: Expression) -> bool:
    """Whether an expression is null, or an empty list, wherever all values that it is made of are null."""
    match expression:
        case Const():
            return False
        case Read() | Local():
            return True
        case First(options=parts) | Listed(items=parts) | Joined(parts=parts):
            return all(follows(part) for part in parts)
        case Each():
            return True
        case Lookup(source=source) | Convert(source=source) | Split(source=source) | Sign(source=source):
            return follows(source)
        case Conditional(then=then):
            return follows(then)
        case Fields(fields=fields):
            return all(follows(part) for part in fields.values() if not isinstance(part, Const))


def refuse_unknown(emitter: Emitter, fields: dict[str, Expression], target: Target, at: Place, field: str) -> None:
    """Refuses fields that the contract does not have."""
    for name in fields:
        if name not in target.fields:
            emitter.refuse((*at, name), f"the contract's {field} has no '{name}'{near(name, target.fields)}")


def empty(emitter: Emitter, target: Target) -> str:
    """What stands where a bank gave nothing: null, an empty list, an object of nothing."""
    if target.nullable:
        return "None"
    if target.kind == "list":
        return emitter.constant("none", ())
    if target.kind == "object" and all(child.nullable or child.kind == "list" for child in target.fields.values()):
        nothing = [() if child.kind == "list" else None for child in target.fields.values()]
        return emitter.constant("none", target.struct(*nothing))
    return "None"
