"""Mapping files are refused with every problem of every file at once; overlays say only what differs."""

import pathlib

import pytest

from gateway.files import Refused, report
from tests.mapping.laboratory import ACCOUNTS, SHAPES, TRANSACTIONS, bound, compiled, rendered, run

REFUSED = pathlib.Path(__file__).parent / "refused"
ROW = {"id": "1", "state": "B", "amount": "1.00", "currency": "EUR", "day": "2026-01-02", "text": "x", "direction": "D"}


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def told(folder: pathlib.Path, *mappings: str, **settings) -> list[str]:
    with pytest.raises(Refused) as caught:
        compiled(folder, *mappings, **settings)
    assert caught.value.problems == report(caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def expected(path: pathlib.Path) -> list[str]:
    return path.with_suffix(".txt").read_text().splitlines()


@pytest.mark.parametrize("mistake", names(REFUSED))
def test_a_mistake_in_a_mapping_is_told_exactly(mistake, tmp_path):
    text = (REFUSED / f"{mistake}.yaml").read_text()
    name = "transactions.list" if "target: transaction" in text else "accounts.list"
    assert told(tmp_path, **{f"testing/{name}": text}) == expected(REFUSED / f"{mistake}.yaml")


@pytest.mark.parametrize("mistake", names(REFUSED / "shapes"))
def test_a_mistake_in_a_shape_is_told_exactly(mistake, tmp_path):
    path = REFUSED / "shapes" / f"{mistake}.yaml"
    assert told(tmp_path, ACCOUNTS, shapes={"rows": path.read_text()}) == expected(path)


@pytest.mark.parametrize("mistake", names(REFUSED / "overlays"))
def test_a_mistake_in_an_overlay_names_the_file_that_made_it(mistake, tmp_path):
    path = REFUSED / "overlays" / f"{mistake}.yaml"
    overlays = {"testing/one/transactions.list": path.read_text()}
    assert told(tmp_path, TRANSACTIONS, **overlays) == expected(path)


def test_problems_of_all_files_are_told_at_once_sorted_by_place(tmp_path):
    found = told(
        tmp_path,
        TRANSACTIONS.replace("$.text", "$.txt").replace("$.next", "$.nxt"),
        ACCOUNTS.replace("$.text", "$.txt"),
        **{"testing/balances.list": "a: NO\nb: NO\n", "testing/one/accounts.list": "[\n"},
    )
    assert [one.split(" ")[0] for one in found] == [
        "mappings/testing/accounts.list.yaml:18:10",
        "mappings/testing/balances.list.yaml:1:4",
        "mappings/testing/balances.list.yaml:2:4",
        "mappings/testing/one/accounts.list.yaml:2:1",
        "mappings/testing/transactions.list.yaml:14:17",
        "mappings/testing/transactions.list.yaml:17:14",
    ]


def test_a_mistake_of_a_base_is_told_once_and_in_the_base(tmp_path):
    overlay = "mapping: testing/one/transactions.list\nversion: 1\nextends: testing/transactions.list\n"
    assert told(tmp_path, TRANSACTIONS.replace("$.text", "$.txt"), overlay) == [
        "mappings/testing/transactions.list.yaml:14:17 fields.remittance.additional: the shape has no $.txt"
    ]


def overlaid(folder: pathlib.Path, base: str, text: str, row: dict[str, object]) -> dict[str, object]:
    overlay = f"mapping: testing/one/transactions.list\nversion: 7\nextends: testing/transactions.list\n{text}"
    mapping = bound(compiled(folder, base, overlay), "testing/one/transactions.list")
    page = rendered(run(mapping, {"rows": [ROW | row], "next": "/2"}))
    (record,) = page["transactions"]
    return {**record, "next": page["next"]}


def test_an_overlay_changes_one_field_and_keeps_the_rest(tmp_path):
    plain = overlaid(tmp_path / "plain", TRANSACTIONS, "", {})
    changed = overlaid(tmp_path / "changed", TRANSACTIONS, "fields: {remittance: {additional: $.day}}\n", {})
    assert changed["remittance"] == {"unstructured": [], "structured": [], "additional": "2026-01-02"}
    assert {**changed, "remittance": plain["remittance"]} == plain
    assert changed["source"]["mapping"] == "testing/one/transactions.list@7"


def test_a_null_takes_away_what_the_base_says(tmp_path):
    record = overlaid(tmp_path, TRANSACTIONS, "fields: {booked_on: null}\nidentity: {bank: null}\npage: null\n", {})
    assert (record["booked_on"], record["booked_at"], record["id_basis"], record["next"]) == (
        None,
        None,
        "derived",
        None,
    )


def test_an_expression_is_replaced_as_a_whole(tmp_path):
    base = TRANSACTIONS.replace("additional: $.text", "additional: {path: $.text, lookup: {x: one, y: two}}")
    overlay = "fields: {remittance: {additional: {path: $.text, lookup: {y: three}}}}\n"
    assert overlaid(tmp_path / "y", base, overlay, {"text": "y"})["remittance"]["additional"] == "three"
    assert overlaid(tmp_path / "x", base, overlay, {"text": "x"})["remittance"]["additional"] is None


def test_the_names_of_a_base_are_kept_and_may_be_changed_alone(tmp_path):
    base = TRANSACTIONS.replace("fields:", "let: {note: $.text, other: $.state}\nfields:", 1)
    base = base.replace("additional: $.text", "additional: {join: [{let: note}, {let: other}]}")
    assert overlaid(tmp_path, base, "let: {note: $.day}\n", {})["remittance"]["additional"] == "2026-01-02 B"


@pytest.mark.parametrize("base", ["- a list\n", "a text\n", "5\n"])
def test_a_base_that_is_no_mapping(tmp_path, base):
    overlay = "mapping: testing/one/transactions.list\nversion: 1\nextends: testing/transactions.list\n"
    found = told(tmp_path, overlay, **{"testing/transactions.list": base})
    assert found == ["mappings/testing/transactions.list.yaml:1:1 must be a mapping"]


def test_files_that_extend_each_other(tmp_path):
    overlay = "mapping: testing/one/transactions.list\nversion: 1\nextends: testing/transactions.list\n"
    base = TRANSACTIONS.replace("version: 1", "version: 1\nextends: testing/one/transactions.list")
    assert told(tmp_path, overlay, base) == [
        "mappings/testing/one/transactions.list.yaml:3:10 extends: 'testing/transactions.list' extends itself",
        "mappings/testing/transactions.list.yaml:3:10 extends: 'testing/one/transactions.list' extends itself",
    ]


def test_a_review_keeps_its_name_when_a_bank_gets_a_file_of_its_own(tmp_path):
    overlay = "mapping: testing/one/transactions.list\nversion: 1\nextends: testing/transactions.list\n"
    library = compiled(tmp_path, TRANSACTIONS, overlay)
    named = [
        run(bound(library, f"testing/{name}transactions.list"), {"rows": [{**ROW, "state": "?"}]}).incomplete.reviews
        for name in ("", "one/")
    ]
    assert named[0][0].review_id == named[1][0].review_id


def test_an_overlay_of_an_overlay(tmp_path):
    overlay = "mapping: testing/one/transactions.list\nversion: 1\nextends: testing/transactions.list\n"
    second = overlay.replace("/one/", "/two/").replace("extends: testing/", "extends: testing/one/")
    library = compiled(
        tmp_path,
        TRANSACTIONS,
        overlay + "fields: {remittance: {additional: $.day}, value_on: {path: $.day, as: local_date}}\n",
        second + "fields: {value_on: null}\n",
    )
    (record,) = rendered(run(bound(library, "testing/two/transactions.list"), {"rows": [ROW]}))["transactions"]
    assert (record["remittance"]["additional"], record["value_on"]) == ("2026-01-02", None)
    for lineage, name in (((), ""), (("two",), "two/"), (("x", "one"), "one/")):
        selected = library.select("testing", lineage, "transactions.list")
        assert selected.file.name == f"testing/{name}transactions.list"
    assert library.select("testing", ("two",), "transactions.list", "camt") is None


def test_several_shapes_are_read_as_one(tmp_path):
    other = SHAPES["rows"].replace("text: {type: string}", "memo: {type: string}").replace("required: [rows]\n", "")
    mapping = TRANSACTIONS.replace("1/rows", "[1/rows, 1/other]").replace("$.text", "{first: [$.text, $.memo]}")
    read = bound(compiled(tmp_path, mapping, shapes={**SHAPES, "other": other}), "testing/transactions.list")
    page = rendered(run(read, {"rows": [ROW, {**ROW, "text": None, "memo": "y"}]}))
    assert [record["remittance"]["additional"] for record in page["transactions"]] == ["x", "y"]
    assert rendered(run(read, {}))["transactions"] == []
