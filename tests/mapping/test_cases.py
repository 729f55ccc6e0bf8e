"""What ships holds: every mapping has cases, each case its page, each page the contract, however it is spoilt."""

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.app.files import readers
from gateway.errors import BankNonsense
from gateway.files import Layers, Refused
from gateway.mapping.cases import FETCHED_AT, KEY, Case, CaseCall, find_cases, run_by_hand, run_case
from gateway.mapping.code import CompiledMapping
from gateway.mapping.library import Library, read_library
from gateway.mapping.records import BoundMapping
from tests.mapping.laboratory import CALL, TRANSACTIONS, compiled, page_validator, place

LAYERS = Layers.over_shipped()
LIBRARY = read_library(LAYERS)
CASES, PROBLEMS = find_cases(LAYERS, tuple(LIBRARY.mappings))
VALIDATOR = page_validator()
SPOILT: tuple[Any, ...] = (
    None, "", " ", True, False, 0, -1, 5, 1.5, -3.25, 10**25, [], {}, [[]], [None], [{}], {"a": 1}, ["x"], [5],
    "x", "x" * 300, "\x00", "é\U0001f600", "true", "null", "NaN", "Infinity", "\u0661",
    "-0", "-0.00", "1e3", "1e99", "0.1e-5", "12345678901234567890.12", "1,000.00", "+5",
    "9999-12-31", "9999-12-31T23:59:59Z", "0001-01-01T00:30:00+14:00", "1900-01-01T10:00:00", "2026-02-30",
    "2026-11-20T10:00:00", "EUR", "eur", "GBPX", "DE89370400440532013000", "4929123456781234", "5411", "BOOK", "booked",
)  # fmt: skip


def names(case: Case) -> str:
    return f"{case.mapping}:{case.name}"


def test_the_files_of_cases_are_sound_and_every_mapping_has_one():
    assert PROBLEMS == []
    assert {case.mapping for case in CASES} == set(LIBRARY.mappings)


@pytest.mark.parametrize("case", CASES, ids=names)
def test_a_case_holds(case):
    assert run_case(LIBRARY, readers(), case).differences == ()


@pytest.mark.parametrize("case", CASES, ids=names)
def test_a_case_keeps_the_contract(case):
    page = json.loads(case.expected.read_bytes())
    if "problem" not in page:
        page["next"] = None  # the bank's own link here; callers get a cursor
        VALIDATOR.validate(page)


# -- the same payloads, spoilt ---------------------------------------------------------------------------------------
JSON_CASES = [case for case in CASES if case.payload.suffix == ".json" and case.payload.stat().st_size > 1]
_BOUND: dict[str, tuple[BoundMapping, BoundMapping]] = {}


def bound(case: Case) -> tuple[BoundMapping, BoundMapping]:
    """The mapping as it runs, and one that always takes the exact way."""
    if case.mapping not in _BOUND:
        ours = LIBRARY.mappings[case.mapping]
        exact = CompiledMapping(ours.file, ours.exact, ours.exact)
        made = [BoundMapping(one, LIBRARY.contract.records, ours.file.zone, KEY) for one in (ours, exact)]
        _BOUND[case.mapping] = (made[0], made[1])
    return _BOUND[case.mapping]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of a document with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *places(value[key])]]


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[Case, bytes]:
    """A case's payload with up to four of its values lost, doubled, wrapped, unwrapped or replaced."""
    case = draw(st.sampled_from(JSON_CASES))
    document = {"": json.loads(case.payload.read_bytes())}
    for _ in range(draw(st.integers(1, 4))):
        found = places(document)
        if not found:
            break
        container, key = found[draw(st.integers(0, len(found) - 1))]
        held = container[key]
        how = draw(st.sampled_from(["lose", "double", "wrap", "unwrap", "replace", "replace", "replace"]))
        if how == "lose":
            del container[key]
        elif how == "double" and isinstance(held, list):
            container[key] = [*held, *copy.deepcopy(held)]
        elif how == "unwrap" and isinstance(held, list) and held:
            container[key] = held[0]
        elif how == "wrap":
            container[key] = [held]
        else:
            container[key] = copy.deepcopy(draw(st.sampled_from(SPOILT)))
    return case, json.dumps(document.get("")).encode()


def outcome(mapping: BoundMapping, case: Case, body: bytes) -> bytes:
    call = msgspec.structs.replace(CALL, resource_id=case.call.resource_id, numbers=frozenset(case.call.numbers))
    try:
        return mapping.run(body, {}, call).render(None)
    except BankNonsense:
        return b""


@settings(max_examples=600, deadline=None)
@given(spoilt())
def test_whatever_a_bank_sends_is_nonsense_as_a_whole_or_a_page_of_the_contract(spoilt_case):
    case, body = spoilt_case
    mapping, exact = bound(case)
    page = outcome(mapping, case, body)
    assert page == outcome(exact, case, body), "both ways of reading must answer the same"
    if page:
        VALIDATOR.validate(json.loads(page))


# -- how cases are run ------------------------------------------------------------------------------------------------
ROW = {"id": "1", "state": "B", "amount": "-1.00", "currency": "EUR", "day": "2026-01-02", "text": "x"}


def cases(
    tmp_path, call: str | None = None, expected: Any = None, row: dict[str, Any] = ROW
) -> tuple[Library, list[Case], list[str]]:
    layers = place(tmp_path, TRANSACTIONS)
    folder = tmp_path / "mappings" / "testing" / "cases" / "transactions.list"
    folder.mkdir(parents=True)
    (folder / "one.in.json").write_text(json.dumps({"rows": [row]}))
    if call is not None:
        (folder / "one.call.yaml").write_text(call)
    if expected is not None:
        (folder / "one.out.json").write_text(json.dumps(expected))
    found, problems = find_cases(layers, ("testing/transactions.list",))
    return read_library(layers), found, [str(problem) for problem in problems]


def page_of(library: Library, row: dict[str, Any] = ROW) -> Any:
    body = json.dumps({"rows": [row]}).encode()
    return json.loads(run_by_hand(library, {}, "testing/transactions.list", body, CaseCall()))


def test_a_case_without_its_page_says_so(tmp_path):
    library, (case,), problems = cases(tmp_path)
    assert problems == []
    assert run_case(library, {}, case).differences == ("one.out.json is missing",)


def test_what_differs_is_told_by_its_path(tmp_path):
    page = page_of(compiled(tmp_path, TRANSACTIONS))
    (record,) = page["transactions"]
    record["amount"]["value"] = "1.00"
    record["charges"] = [1]
    record["more"] = record.pop("fx")
    page["next"] = False
    library, (case,), _ = cases(tmp_path, expected=page)
    assert run_case(library, {}, case).differences == (
        '$.transactions[0].amount.value is "-1.00", not "1.00"',
        "$.transactions[0].charges has 0 items, not 1",
        "$.transactions[0].more is missing",
        "$.transactions[0].fx is new: null",
        "$.next is null, not false",
    )


def test_a_number_is_no_truth_value(tmp_path):
    page = page_of(compiled(tmp_path, TRANSACTIONS), {**ROW, "state": "?"})
    page["incomplete"]["left_out"] = True
    library, (case,), _ = cases(tmp_path, expected=page, row={**ROW, "state": "?"})
    assert run_case(library, {}, case).differences == ("$.incomplete.left_out is 1, not true",)


def test_a_call_says_what_the_mapping_may_know(tmp_path):
    call = "bank: other\nzone: Europe/Paris\nresource_id: r\nnumbers: [DE 1]\nfrom: '2026-01-01'\nstatus: booked\n"
    library, (case,), problems = cases(tmp_path, call)
    assert (problems, case.call.numbers, str(case.call.from_date)) == ([], ("DE 1",), "2026-01-01")
    page = json.loads(run_case(library, {}, case).page)
    assert page["transactions"][0]["source"] == {
        "bank": "other", "mapping": "testing/transactions.list@1", "fetched_at": FETCHED_AT, "raw_ref": None
    }  # fmt: skip


def test_a_call_that_can_not_be_read_is_a_problem_with_its_place(tmp_path):
    _, _, problems = cases(tmp_path, "bnak: other\n")
    assert problems == [
        "mappings/testing/cases/transactions.list/one.call.yaml:1:1 Object contains unknown field `bnak`"
    ]


def test_a_payload_that_is_no_json_is_read_by_its_form(tmp_path):
    text = TRANSACTIONS.replace("transactions.list", "transactions.list.lines")
    library = compiled(tmp_path, text)
    reader = {("testing", "lines"): lambda body: json.dumps({"rows": [{**ROW, "text": body.decode()}]}).encode()}
    page = run_by_hand(library, reader, "testing/transactions.list.lines", b" <x/>", CaseCall())
    assert json.loads(page)["transactions"][0]["remittance"]["additional"] == " <x/>"
    with pytest.raises(BankNonsense):
        run_by_hand(library, {}, "testing/transactions.list.lines", b"<x/>", CaseCall())


def test_a_library_with_a_problem_is_refused(tmp_path):
    with pytest.raises(Refused):
        compiled(tmp_path, TRANSACTIONS.replace("$.text", "$.nothing"))
