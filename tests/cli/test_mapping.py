"""`gateway mapping run` and `test`, as a platform engineer runs them."""

import json
import pathlib
from typing import Any

import pytest

from gateway.files import shipped
from tests.cli.commands import gateway
from tests.mapping.laboratory import page_validator

CASE = shipped() / "mappings/uk_openbanking/cases/transactions.list/minimal.in.json"
TRANSACTIONS = "uk_openbanking/transactions.list"
BST: dict[str, Any] = {
    "Data": {
        "Transaction": [
            {
                "TransactionId": "1",
                "Status": "Booked",
                "CreditDebitIndicator": "Debit",
                "Amount": {"Amount": "1.50", "Currency": "GBP"},
                "BookingDateTime": "2026-06-30T23:30:00Z",
            }
        ]
    },
    "Links": {"Next": "https://bank.example/2"},
}


def test_a_payload_from_a_file_becomes_a_page():
    ended = gateway("mapping", "run", TRANSACTIONS, str(CASE))
    assert (ended.returncode, ended.stderr) == (0, b"")
    page = json.loads(ended.stdout)
    assert list(page) == ["transactions", "incomplete", "next"]
    page_validator().validate({**page, "next": None})
    assert ended.stdout.startswith(b'{\n  "transactions"')


@pytest.mark.parametrize("bank", ["albion", "albion-sandbox"])  # the first is abstract: what others extend
def test_a_payload_from_standard_input_is_read_as_a_banks(inside, bank):
    code, answer, told = inside("mapping", "run", TRANSACTIONS, "-", "--bank", bank, given=json.dumps(BST).encode())
    assert (code, told) == (0, [])
    page = json.loads(answer)
    (record,) = page["transactions"]
    assert (record["source"]["bank"], record["booked_on"], record["amount"]["value"]) == (bank, "2026-07-01", "-1.50")
    assert page["next"] == "https://bank.example/2"


def test_an_operators_overlay_is_used_for_its_bank(tmp_path):
    folder = tmp_path / "mappings" / "uk_openbanking" / "albion"
    folder.mkdir(parents=True)
    overlay = f"mapping: uk_openbanking/albion/transactions.list\nversion: 9\nextends: {TRANSACTIONS}\n"
    (folder / "transactions.list.yaml").write_text(overlay + "fields: {remittance: {additional: {const: ours}}}\n")
    options = ("--files", str(tmp_path), "--bank", "albion-sandbox")
    ended = gateway("mapping", "run", TRANSACTIONS, *options, given=json.dumps(BST).encode())
    (record,) = json.loads(ended.stdout)["transactions"]
    assert record["source"]["mapping"] == "uk_openbanking/albion/transactions.list@9"
    assert record["remittance"]["additional"] == "ours"


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        (
            ("stet/acounts.list",),
            b"{}",
            "gateway: there is no mapping 'stet/acounts.list' (did you mean 'stet/accounts.list'?)",
        ),
        ((TRANSACTIONS, "/nowhere.json"), b"", "gateway: /nowhere.json: No such file or directory"),
        ((TRANSACTIONS,), b"<html>CANARY</html>", "gateway: bank_nonsense: The document is not JSON."),
    ],
)
def test_what_can_not_be_run_is_one_line(inside, arguments, given, told):
    assert inside("mapping", "run", *arguments, given=given) == (1, "", [told])


def test_a_bank_of_another_dialect_is_refused(inside):
    told = inside("mapping", "run", TRANSACTIONS, "--bank", "lutece-sandbox", given=b"{}")
    assert told == (1, "", [f"gateway: 'lutece-sandbox' speaks stet, '{TRANSACTIONS}' is for uk_openbanking"])


def test_a_bank_that_is_not_there_is_told_with_the_file_that_it_would_be(inside):
    code, _, told = inside("mapping", "run", TRANSACTIONS, "--bank", "albion-sanbox", given=b"{}")
    assert (code, told) == (
        1,
        [
            "adapters/banks/albion-sanbox.yaml:1:1 there is no such bank file (did you mean 'albion-sandbox'?)",
            "gateway: 1 problem",
        ],
    )


def test_a_broken_mapping_of_ones_own_is_told_with_its_place(inside, tmp_path):
    folder = tmp_path / "mappings" / "stet" / "mine"
    folder.mkdir(parents=True)
    (folder / "accounts.list.yaml").write_text("mapping: stet/mine/accounts.list\nextends: stet/accounts\nversion: 1\n")
    code, _, told = inside("mapping", "run", TRANSACTIONS, "--files", str(tmp_path), given=b"{}")
    path = f"{tmp_path}/mappings/stet/mine/accounts.list.yaml:2:10"
    assert told[0].startswith(f"{path} extends: 'stet/accounts' is not a mapping (did you mean 'stet/accounts.")
    assert (code, told[1:]) == (1, ["gateway: 1 problem"])


# -- cases ------------------------------------------------------------------------------------------------------------
def own(folder: pathlib.Path, expected: object = None) -> pathlib.Path:
    """A mapping of one's own with a case of its own; `expected` is its page."""
    mappings = folder / "mappings" / "uk_openbanking" / "mine"
    cases = mappings / "cases" / "transactions.list"
    cases.mkdir(parents=True)
    text = f"mapping: uk_openbanking/mine/transactions.list\nversion: 1\nextends: {TRANSACTIONS}\n"
    (mappings / "transactions.list.yaml").write_text(text)
    (cases / "summer.in.json").write_text(json.dumps(BST))
    if expected is not None:
        (cases / "summer.out.json").write_text(json.dumps(expected))
    return cases / "summer.out.json"


MINE = "uk_openbanking/mine/transactions.list"


def test_all_cases_that_ship_hold():
    ended = gateway("mapping", "test")
    assert (ended.returncode, ended.stderr) == (0, b"")
    held, _, of = ended.stdout.decode().split()[:3]
    assert held == of
    assert int(held) > 100


def test_a_case_is_written_once_it_is_asked_for_and_then_holds(inside, tmp_path):
    expected = own(tmp_path)
    options = ("--files", str(tmp_path))
    without = (1, "0 of 1 cases hold\n", [f"{MINE}:summer: summer.out.json is missing"])
    assert inside("mapping", "test", MINE, *options) == without
    assert inside("mapping", "test", f"{MINE}:summer", "--write", *options) == (0, "1 written\n", [])
    assert json.loads(expected.read_bytes())["transactions"][0]["booked_on"] == "2026-07-01"
    assert inside("mapping", "test", MINE, *options) == (0, "1 of 1 cases hold\n", [])


def test_a_case_that_does_not_hold_says_where(inside, tmp_path):
    own(tmp_path, {"transactions": [], "incomplete": None, "next": "https://bank.example/3"})
    assert inside("mapping", "test", MINE, "--files", str(tmp_path)) == (
        1,
        "0 of 1 cases hold\n",
        [
            f"{MINE}:summer: $.transactions has 1 items, not 0",
            f'{MINE}:summer: $.next is "https://bank.example/2", not "https://bank.example/3"',
        ],
    )


def test_a_mapping_without_a_case_does_not_pass(inside, tmp_path):
    own(tmp_path).with_name("summer.in.json").unlink()
    ended = inside("mapping", "test", MINE, "--files", str(tmp_path))
    assert ended == (1, "0 of 0 cases hold\n", [f"{MINE}: has no case"])


def test_a_name_that_is_not_there_is_one_line(inside):
    told = "gateway: there is no mapping 'stet/acounts.list' (did you mean 'stet/accounts.list'?)"
    assert inside("mapping", "test", "stet/acounts.list") == (1, "", [told])
