"""Compiles a mapping file: types checked against the contract, then one Python function per container of records.

What can be refused is refused here, with its place; what is left for run time is one loop without look-ups by name. The
generated source is kept (`CompiledMapping.source`), so that it can be read when something is not understood.
"""

from typing import Any

import msgspec

from gateway.files import Loaded, Problem, near
from gateway.files import Path as Place
from gateway.mapping.code import BETWEEN, Code, CompiledMapping, vocabulary
from gateway.mapping.conditions import emit_tests
from gateway.mapping.emission import Emission
from gateway.mapping.language import Expression, MappingFile, Source
from gateway.mapping.objects import empty
from gateway.mapping.pages import CALL_NAMES
from gateway.mapping.paths import Every, write
from gateway.mapping.projection import Usage, decoder
from gateway.mapping.scopes import FlatScope, Scope
from gateway.mapping.shapes import Shape
from gateway.mapping.target import Target
from gateway.mapping.values import TEXT, Block, Value, fit

_NO_TEXTS: frozenset[str] = frozenset()
_LEFT_OUT: Block = [
    "except Review as review:",
    ["page.review(position, review)"],
    "except UNREADABLE:",  # a text that is no UTF-8 comes to light when its token is read
    ["page.review(position, Review('', 'shape', '$'))"],
]
_ENGINE = {
    "account": {"id", "id_basis", "source"},
    "balance": {"account_id", "fetched_at", "source"},
    "transaction": {"id", "account_id", "id_basis", "id_stability", "supersedes", "source"},
}
_IDENTITY = {"account": {"resource", "part"}, "balance": set(), "transaction": {"bank", "entry_reference"}}


def compile_mapping(
    file: MappingFile, loaded: Loaded, shape: Shape, contract: dict[str, Target]
) -> tuple[CompiledMapping | None, list[Problem]]:
    """Compiles a file against its shape and the contract: the mapping, or every problem."""
    quick = _Compilation(file, loaded, shape, contract[file.target], exact=False)
    code = quick.code()
    if quick.problems:
        return None, quick.problems
    exact = (
        _Compilation(file, loaded, shape, contract[file.target], exact=True).code()
        if quick.root.anywhere_mixed()
        else code
    )
    return CompiledMapping(file, code, exact), []


class _Compilation:
    def __init__(self, file: MappingFile, loaded: Loaded, shape: Shape, target: Target, *, exact: bool) -> None:
        self.file = file
        self.loaded = loaded
        self.target = target
        self.exact = exact
        self.problems: list[Problem] = []
        self.root = Usage(shape, required=True)
        self.constants = vocabulary()
        self.unseen: list[dict[Place, str]] = []
        self.seen: set[Place] = set()
        self.documents: list[Scope] = []

    def refuse(self, at: Place, message: str, *, key: bool = False) -> None:
        self.problems.append(self.loaded.problem(at, message, key=key))

    def code(self) -> Code:
        self._check_names()
        containers: list[Usage] = []
        items: list[Usage] = []
        lines: list[Block] = []
        for number, source in enumerate(self.file.sources):
            found = self._holder(number, source, lines)
            if found is not None:
                containers.append(found[0])
                items.append(found[1])
                lines.append(self._records(number, source, found[1]))
        problem = self._reads_through(frozenset(containers))
        if problem:
            self.refuse(("records",), problem)
        # What only the link to the next page needs is no part of the shell: it must not cost the records.
        shell = self._type(self.root, frozenset(containers))
        lines.append(self._next("next_link", self.root))
        tail = Usage(self.root.shape, required=True)
        lines.append(self._next("next_link_alone", tail))
        for at, message in self._never_seen().items():
            self.refuse(at, message)
        text = BETWEEN.join(_render(block) for block in lines) + "\n"
        if self.problems:
            return Code(text, {}, None, None, None, ())
        whole, alone = self._type(self.root), self._type(tail)
        records = [self._type(item) for item in items]
        if self.problems:
            return Code(text, {}, None, None, None, ())
        decoders = tuple(decoder(one) for one in records)
        return Code(text, self.constants, decoder(whole), decoder(shell), decoder(alone), decoders)

    def _type(self, usage: Usage, raw: frozenset[Usage] = frozenset()) -> Any:
        """The type that decodes a usage; a shape whose types no decoder can tell apart is refused."""
        try:
            kind = usage.type(exact=self.exact, raw=raw)
            decoder(kind)
        except TypeError as error:
            self.refuse(("shape",), f"a value has types that can not be told apart: {str(error).partition(' - ')[0]}")
            return Any
        return kind

    def _reads_through(self, containers: frozenset[Usage]) -> str | None:
        """Paths of the root `document` can not lead through records: those are read one by one where a page is bad."""
        for scope in self.documents:
            for path in scope.paths():
                usage: Usage | None = self.root
                for step in path:
                    usage = usage and (usage.member(step) if isinstance(step, str) else usage.item())
                    if usage in containers:
                        return f"{write(path)} of the document leads through the records"
        return None

    def _check_names(self) -> None:
        engine, identity = _ENGINE[self.file.target], _IDENTITY[self.file.target]
        for name in self.file.fields:
            if name in engine:
                self.refuse(("fields", name), f"'{name}' is made by the gateway, not by a mapping", key=True)
            elif name not in self.target.fields:
                known = set(self.target.fields) - engine
                self.refuse(
                    ("fields", name), f"the contract's {self.file.target} has no '{name}'{near(name, known)}", key=True
                )
        for source in self.file.sources:
            for name in source.settings:
                if name in engine:
                    self.refuse(source.at, f"'set' names '{name}', which is made by the gateway")
                elif name not in self.target.fields and name not in self.file.let:
                    self.refuse(source.at, f"'set' names '{name}', which is neither a field nor in 'let'")
        for name in self.file.identity:
            if name not in identity:
                self.refuse(
                    ("identity", name),
                    f"identity of a {self.file.target} has no '{name}'{near(name, identity)}",
                    key=True,
                )
        if self.file.target == "account" and "resource" not in self.file.identity:
            self.refuse(("mapping",), "an account needs identity.resource: where the bank's own id is")
        for index, name in enumerate(self.file.identity_with):
            if name not in self.target.fields or name in engine:
                self.refuse(("identity", "with", index), f"'{name}' is not a field{near(name, self.target.fields)}")
            elif self.file.target == "account" and name != "currency":
                self.refuse(("identity", "with", index), "only 'currency' can tell accounts of one number apart")
        for name, target in self.target.fields.items():
            said = name in self.file.fields or any(name in source.settings for source in self.file.sources)
            if _must_be_said(target) and name not in engine and name != "servicer" and not said:
                self.refuse(("fields",), f"'{name}' is required by the contract", key=True)

    def _never_seen(self) -> dict[Place, str]:
        """Paths that no container's shape has; one that any of them has is null in the others."""
        missing: dict[Place, str] = {}
        for unseen in self.unseen:
            missing.update({at: message for at, message in unseen.items() if at not in self.seen})
        return missing

    def _holder(self, number: int, source: Source, lines: list[Block]) -> tuple[Usage, Usage] | None:
        """Writes the function that finds a container's records; its usage and that of a record."""
        scope = Scope("document", self.root, exact=self.exact, empty=_NO_TEXTS)
        item = scope.reach(source.path)
        if item is None or "object" not in item.shape.kinds:
            self.refuse(source.at, "the shape has no such objects")
            return None
        name = f"def holder_{number}(document, call, unfold):"
        if not isinstance(source.path[-1], Every):  # the only record
            if item.shape.kinds != {"object"}:
                self.refuse(source.at, "the only record must be an object in the shape, and nothing else")
            item.only = True
            record = scope.leaf(source.path, "presence")
            lines.append([name, [*scope.prelude(), f"return unfold({record}, {_taken(item)})"]])
            return item, item
        container = scope.reach(source.path[:-1])
        assert container is not None
        container.records = True
        if source.within is None:
            records = scope.leaf(source.path[:-1], "records")
            lines.append([name, [*scope.prelude(), f"return unfold({records}, {_taken(container)})"]])
            return container, item
        split = next(index for index, step in enumerate(source.path) if isinstance(step, Every))
        around = scope.reach(source.path[: split + 1])
        others = scope.leaf(source.path[:split], "list")
        inner = Scope("around", around, exact=self.exact, empty=_NO_TEXTS)
        records, theirs = inner.leaf(source.path[split + 1 : -1], "records"), inner.leaf(source.within, "text")
        if theirs is None:
            self.refuse(source.at, "the shape has no such 'within'")
            return None
        loop: Block = [
            "if around is None: continue",
            *inner.prelude(),
            f"if {theirs} is not None and {theirs} == call.resource_id:",
            [f"found.extend(unfold({records}, {_taken(container)}))"],
        ]
        lines.append([name, [*scope.prelude(), "found = []", f"for around in {others} or ():", loop, "return found"]])
        return container, item

    def _emission(self, here: Scope) -> Emission:
        emission = Emission(self.refuse, self.constants)
        emission.settable = frozenset(name for source in self.file.sources for name in source.settings)
        empty = self.file.empty
        emission.roots = {
            "record": here,
            "document": Scope("document", self.root, exact=self.exact, empty=empty),
            "header": FlatScope("header", "header.get({!r})", None, empty=empty),
            "call": FlatScope("call", "call.{}", CALL_NAMES, empty=_NO_TEXTS),
        }
        emission.scopes = [here]
        if here.variable == "r":
            self.documents.append(emission.roots["document"])
        return emission

    def _records(self, number: int, source: Source, item: Usage) -> Block:
        scope = Scope("r", item, exact=self.exact, empty=self.file.empty)
        emission = self._emission(scope)
        body: Block = []
        for name, expression in self.file.let.items():
            chosen = source.settings.get(name, expression)
            emission.names[name] = emission.emit(chosen, TEXT, name, body, required=False)
        for conditions in self.file.skip:
            tests = emit_tests(emission, conditions)
            body += [f"if {tests}:", ["page.skipped.append(position)", "continue"]]
        arguments = self._fields(source, emission, body)
        self._identity(emission, body, arguments)
        struct = emission.constant("struct", self.target.struct)
        body.append(f"append({struct}({', '.join(arguments[name] for name in self.target.fields)}))")
        self.unseen.append(emission.unseen)
        self.seen |= emission.seen
        outer = [line for root in ("document", "header", "call") for line in emission.roots[root].prelude()]
        return [
            f"def records_{number}(records, offset, document, header, call, page):",
            [
                *outer,
                "append, source, own = page.records.append, page.source, call.numbers",
                "identify = page.identify",
                "for position, r in enumerate(records, offset):",
                ["try:", [*scope.prelude(body), *body], *_LEFT_OUT],
            ],
        ]

    def _fields(self, source: Source, emission: Emission, body: Block) -> dict[str, str]:
        """The code of every field of the record that a mapping makes, in the order of the file."""
        arguments: dict[str, str] = {}
        settings: dict[str, Expression] = {n: e for n, e in source.settings.items() if n in self.target.fields}
        for name, expression in {**self.file.fields, **settings}.items():
            target = self.target.fields.get(name)
            if target is None or name in _ENGINE[self.file.target]:
                continue
            required = not target.nullable and target.kind != "list"
            if name == "servicer":  # its bank is the gateway's to say
                target = _without(target, "bank")
            value = emission.emit(expression, target, name, body, required=required and name != "servicer")
            if value.form == "null":
                arguments[name] = empty(emission, target)
                if required and target.kind != "object":
                    body.append(f"raise Review({name!r}, 'missing', '')")
                emission.names[name] = Value(arguments[name], "null", null=True)
                continue
            fit(emission, value, expression, target, name)
            if required and value.null and name != "servicer":
                body.append(f"if {value.code} is None: raise Review({name!r}, 'missing', {value.path!r})")
            if target.kind == "list" and value.null:
                body.append(f"if {value.code} is None: {value.code} = {empty(emission, target)}")
            arguments[name] = value.code
            emission.names[name] = value
        for name, target in self.target.fields.items():
            arguments.setdefault(name, empty(emission, target))
        return arguments

    def _identity(self, emission: Emission, body: Block, arguments: dict[str, str]) -> None:
        keys: dict[str, Value] = {}
        for name, expression in self.file.identity.items():
            keys[name] = emission.emit(expression, TEXT, f"identity.{name}", body, required=False)
            fit(emission, keys[name], expression, TEXT, f"identity.{name}")
        arguments["source"] = "source"
        extra = "".join(f" + '\\x1f' + str({arguments[name]})" for name in self.file.identity_with)
        if self.file.target == "balance":
            body.append("if call.account_id is None: raise Review('account_id', 'missing', '')")
            arguments["account_id"], arguments["fetched_at"] = "call.account_id", "call.fetched_at"
        elif self.file.target == "account":
            currency = arguments["currency"] if "currency" in self.file.identity_with else "None"
            resource, part = (keys[name].code if name in keys else "None" for name in ("resource", "part"))
            body.append(f"i0, i1 = page.account({arguments['identifications']}, {currency}, {part}, {resource})")
            arguments["id"], arguments["id_basis"] = "i0", "i1"
            held, servicer = arguments["servicer"], emission.constant("struct", self.target.fields["servicer"].struct)
            name, bic = f"({held} and {held}.name) or call.bank_title", f"({held} and {held}.bic) or call.bank_bic"
            body.append(f"servicer = {servicer}(call.bank, {name}, {bic})")
            arguments["servicer"] = "servicer"
        else:
            weak = emit_tests(emission, self.file.weak)
            body.append(f"stability = 'weak' if {weak} else 'strong'" if weak else "stability = 'strong'")
            self._transaction_identity(keys, extra, body, arguments)

    def _transaction_identity(self, keys: dict[str, Value], extra: str, body: Block, arguments: dict[str, str]) -> None:
        body.append("if identify is None: raise Review('account_id', 'missing', '')")
        parts = ("status", "booked_on", "expected_on", "value_on", "amount", "references", "remittance", "counterparty")
        derived: Block = [
            f"i0, i1, i2 = identify(page.derived({', '.join(arguments[name] for name in parts)})), 'derived', 'weak'"
        ]
        for name, basis in (("entry_reference", "entry_reference"), ("bank", "bank")):
            if name in keys and keys[name].form != "null":
                code = keys[name].code
                key = f"identify({basis + chr(31)!r} + {code}{extra})"
                derived = [
                    f"if {code} is not None: i0, i1, i2 = {key}, {basis!r}, stability",
                    "else:",
                    derived,
                ]
        body += derived
        arguments["id"], arguments["id_basis"], arguments["id_stability"] = "i0", "i1", "i2"
        arguments["account_id"] = "call.account_id"

    def _next(self, name: str, root: Usage) -> Block:
        here = Scope("document", root, exact=self.exact, empty=self.file.empty)
        emission = self._emission(here)
        body: Block = []
        code = "None"
        if self.file.next is not None:
            value = emission.emit(self.file.next, TEXT, "page.next", body, required=False)
            code = value.code
        for at, message in emission.unseen.items():
            if at not in emission.seen:
                self.refuse(at, message)
        outer = [line for one in ("header", "call") for line in emission.roots[one].prelude()]
        return [f"def {name}(document, header, call, page):", [*outer, *here.prelude(), *body, f"return {code}"]]


def _must_be_said(target: Target) -> bool:
    """Whether nothing can stand where a mapping says nothing: no null, no empty list, no object of nothing."""
    if target.kind == "object" and not target.nullable:
        return any(_must_be_said(child) for child in target.fields.values())
    return not target.nullable and target.kind != "list"


def _taken(container: Usage) -> str:
    """What a container may be besides an array: whether null, an object, anything else (for `unfold`)."""
    kinds = container.shape.kinds
    others = bool(kinds - {"array", "object"})
    return f"{not container.required}, {container.only or container.lone or 'object' in kinds}, {others}"


def _without(target: Target, name: str) -> Target:
    fields = {key: child for key, child in target.fields.items() if key != name}
    struct = msgspec.defstruct("Servicer", [(key, Any) for key in fields], frozen=True, gc=False)
    return msgspec.structs.replace(target, fields=fields, struct=struct)


def _render(block: Block, depth: int = 0) -> str:
    indent = "    " * depth
    return "\n".join(_render(line, depth + 1) if isinstance(line, list) else indent + line for line in block)
