"""Conditions of `when`, `where`, `skip` and `weak` as Python expressions."""

from gateway.files import near
from gateway.mapping.language import Condition
from gateway.mapping.paths import Every, write
from gateway.mapping.tables import Table
from gateway.mapping.values import TEXTUAL, Emitter, Value, word


def emit_tests(emitter: Emitter, conditions: tuple[Condition, ...]) -> str:
    """All of several conditions; empty where there are none."""
    return " and ".join(_test(emitter, condition) for condition in conditions)


def _test(emitter: Emitter, condition: Condition) -> str:
    return _of_name(emitter, condition) if condition.name is not None else _of_path(emitter, condition)


def _of_name(emitter: Emitter, condition: Condition) -> str:
    name = condition.name
    value = emitter.names.get(str(name))
    if value is None:
        emitter.refuse(condition.at, f"'{name}' is not named above{near(name, emitter.names)}")
        return "False"
    if condition.values is not None and value.words is not None and name not in emitter.settable:
        known = [word(one) for one in value.words]
        for one in condition.values:
            if one not in known:
                emitter.refuse(condition.at, f"'{name}' is never '{one}'{near(one, known)}")
    if condition.negative is not None and value.form not in {"decimal", "null"}:
        emitter.refuse(condition.at, f"'{name}' is {value.form}: only a decimal can be negative")
    if value.form == "null":
        return str(condition.present is False)
    return _tested(emitter, condition, value)


def _of_path(emitter: Emitter, condition: Condition) -> str:
    read = condition.read
    assert read is not None
    kinds = emitter.reach(read)
    if kinds is None:
        return str(condition.present is False or condition.own is False or condition.same is False)
    if read.path and isinstance(read.path[-1], Every):
        emitter.refuse(condition.at, "a condition is on one value: [*] can not be its end")
        return "False"
    textual = bool(kinds & TEXTUAL)
    if not textual and condition.present is None:
        emitter.refuse(condition.at, f"{write(read.path)} is not a text: only 'present' can be tested")
    value = Value(str(emitter.scope(read).leaf(read.path, "text" if textual else "presence")), "text", null=True)
    if condition.other is not None:
        code = "None"
        if emitter.reach(condition.other) is not None:
            code = str(emitter.scope(condition.other).leaf(condition.other.path, "text"))
        return f"{value.code} {'==' if condition.same else '!='} {code}"
    return _tested(emitter, condition, value)


def _tested(emitter: Emitter, condition: Condition, value: Value) -> str:
    code = value.code
    if condition.present is not None:
        return f"{code} is {'not ' if condition.present else ''}None"
    if condition.negative is not None:
        return f"({code} is not None and {code}[0] {'==' if condition.negative else '!='} '-')"
    if condition.own is not None:
        return f"(compacted({code}) {'in' if condition.own else 'not in'} own)"
    assert condition.values is not None
    if value.form == "boolean":
        return " or ".join(f"{code} is {one == 'true'}" for one in condition.values).join("()")
    if condition.fold.prefix or condition.fold.case:
        fold = condition.fold
        table = Table(dict.fromkeys(condition.values, True), prefix=fold.prefix, fold_case=fold.case)
        return f"{emitter.constant('table', table)}[{code}] is True"
    if len(condition.values) == 1:
        return f"{code} == {condition.values[0]!r}"
    return f"{code} in {emitter.constant('words', frozenset(condition.values))}"
