"""A mapping's cases: payloads and the pages they must become, as data beside the mapping.

`mappings/<dialect>[/<bank>]/cases/<operation>/<name>.in.json` holds a bank's bytes, `<name>.out.json` the contract's
page, and `<name>.call.yaml`, where one is needed, what the call knows (account, zone, headers). A case runs with a
fixed key, time and account, so that its ids can be written down.
"""

import pathlib
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, TypeAlias

import msgspec

from gateway.errors import BankNonsense
from gateway.files import Layers, Problem
from gateway.mapping.identity import Identities
from gateway.mapping.library import FOLDER, Library
from gateway.mapping.pages import MappingCall
from gateway.mapping.records import BoundMapping

KEY = Identities(b"the key of cases is not a secret")
"""Ids of cases and of runs by hand; a gateway that serves has a key of its own."""
TENANT, BANK, RESOURCE = "tenant", "bank", "account"
FETCHED_AT = "2026-01-01T00:00:00.000Z"
Readers: TypeAlias = Mapping[tuple[str, str], Callable[[bytes], bytes]]
"""Dialect and form -> what makes a document of an answer that is no JSON."""


class CaseCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_date": "from", "to_date": "to"}):
    """What a case, or a run by hand, says of its call. `numbers` are the account's own."""

    bank: str = BANK
    title: str = "Bank"
    bic: str | None = None
    zone: str | None = None
    resource_id: str = RESOURCE
    currency: str | None = None
    numbers: tuple[str, ...] = ()
    from_date: date | None = None
    to_date: date | None = None
    status: str | None = None
    headers: dict[str, str] = {}


class Case(msgspec.Struct, frozen=True):
    """One case: its mapping, its name, its files."""

    mapping: str
    name: str
    payload: pathlib.Path
    expected: pathlib.Path
    call: CaseCall


class Outcome(msgspec.Struct, frozen=True):
    """What a case came to: `differences` is empty where it holds. `page` is what it became."""

    case: Case
    differences: tuple[str, ...]
    page: bytes


def run_by_hand(
    library: Library, readers: Readers, mapping: str, body: bytes, call: CaseCall, fetched_at: str = FETCHED_AT
) -> bytes:
    """The contract's page for a payload, as JSON. Raises BankNonsense, and KeyError for a mapping that is not there.

    A payload that is XML is read by the dialect's own reader first.
    """
    compiled = library.mappings[mapping]
    form = mapping.rpartition("/")[2].split(".")[-1]
    reader = readers.get((compiled.file.dialect, form))
    if reader is not None and body.lstrip()[:1] == b"<":
        body = reader(body)
    bound = BoundMapping(compiled, library.contract.records, call.zone or compiled.file.zone, KEY)
    page = bound.run(
        body,
        _Headers(call.headers),
        MappingCall(
            tenant=TENANT,
            bank=call.bank,
            bank_title=call.title,
            bank_bic=call.bic,
            fetched_at=fetched_at,
            raw_ref=None,
            account_id=KEY.account(TENANT, call.bank, "resource", call.resource_id, ""),
            resource_id=call.resource_id,
            currency=call.currency,
            numbers=frozenset("".join(number.split()).upper() for number in call.numbers),
            from_date=call.from_date,
            to_date=call.to_date,
            status=call.status,
        ),
    )
    return page.render(page.next)


class _Headers(dict[str, str]):
    """Header names in any case, as the bank client gives them."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, key: str, default: Any = None, /) -> Any:
        return super().get(key.lower(), default)


def find_cases(layers: Layers, mappings: tuple[str, ...]) -> tuple[list[Case], list[Problem]]:
    """The cases of mappings, sorted, and what is wrong with their files."""
    cases, problems = [], []
    for mapping in mappings:
        folder, _, operation = mapping.rpartition("/")
        for relative, payload in layers.find(f"{FOLDER}/{folder}/cases/{operation}", "*.in.*").items():
            name = relative.rpartition("/")[2].partition(".in.")[0]
            call, wrong = _call(layers, payload.with_name(f"{name}.call.yaml"))
            problems += wrong
            cases.append(Case(mapping, name, payload, payload.with_name(f"{name}.out.json"), call))
    return cases, problems


def _call(layers: Layers, path: pathlib.Path) -> tuple[CaseCall, list[Problem]]:
    if not path.is_file():
        return CaseCall(), []
    loaded, problems = layers.read(path)
    if loaded is None:
        return CaseCall(), problems
    try:
        return msgspec.convert(loaded.value, CaseCall), problems
    except msgspec.ValidationError as error:
        return CaseCall(), [*problems, loaded.problem((), str(error))]


def run_case(library: Library, readers: Readers, case: Case) -> Outcome:
    """Runs one case and compares it with what it must become."""
    try:
        page = run_by_hand(library, readers, case.mapping, case.payload.read_bytes(), case.call)
    except BankNonsense as error:
        page = msgspec.json.encode({"problem": error.code, "detail": error.detail})
    if not case.expected.is_file():
        return Outcome(case, (f"{case.expected.name} is missing",), page)
    expected = msgspec.json.decode(case.expected.read_bytes())
    return Outcome(case, tuple(_differences("$", expected, msgspec.json.decode(page))), page)


def _differences(at: str, expected: Any, found: Any) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in dict.fromkeys((*expected, *found)):
            if key not in found:
                yield f"{at}.{key} is missing"
            elif key not in expected:
                yield f"{at}.{key} is new: {_shown(found[key])}"
            else:
                yield from _differences(f"{at}.{key}", expected[key], found[key])
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{at} has {len(found)} items, not {len(expected)}"
        for index, (left, right) in enumerate(zip(expected, found, strict=False)):
            yield from _differences(f"{at}[{index}]", left, right)
    elif expected != found or type(expected) is not type(found):
        yield f"{at} is {_shown(found)}, not {_shown(expected)}"


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()[:80]
