"""The comparator, on a conversation written here, through a mapping that hands out what the page carries ready-made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from rich.console import Console

from tests.corpus.cases import Case, Page
from tests.corpus.comparator import Comparator, Exclusion, read_exclusions
from tests.corpus.comparison import Facts
from tests.corpus.walk import PageRefused

ACCOUNT = {
    "currency": "EUR",
    "type": "current",
    "identifications": [{"scheme": "iban", "value": "XX12 3456"}],
    "label": "Household",
    "holders": ["A. Holder"],
    "servicer": {"bic": "AAAAXX22"},
}
ROW = {
    "id_basis": "bank",
    "status": "booked",
    "amount": {"value": "-12.50", "currency": "EUR"},
    "booked_on": "2024-07-01",
    "value_on": "2024-07-02",
    "counterparty": {"name": "Shop", "identifications": [{"scheme": "iban", "value": "YY99"}]},
    "references": {"end_to_end": None, "mandate": "M1", "creditor_id": None, "servicer": "r1"},
    "remittance": {"unstructured": ["Two lamps"], "structured": [], "additional": None},
    "code": {"domain": "PMNT", "family": "ICDT", "subfamily": "ESCT", "proprietary": "077"},
}
EXPECTED_ROW = {
    "externalId": "r1",
    "amount": "12.5",
    "direction": "DEBIT",
    "status": "BOOKED",
    "dateTime": "2024-06-30T22:00:00+00:00",
    "detail.transactionAmount.amount": "-12.50",
    "detail.transactionAmount.currency": "EUR",
    "detail.bookingDate": "2024-07-01T00:00:00+02:00",
    "detail.valueDate": "2024-07-02T00:00:00+02:00",
    "detail.creditorName": "Shop",
    "detail.creditorAccount.type": "IBAN",
    "detail.creditorAccount.value": "YY99",
    "detail.mandateId": "M1",
    "detail.endToEndId": "NOTPROVIDED",
    "detail.entryReference": "r1",
    "detail.bankTransactionCode": "PMNT-ICDT-ESCT",
    "detail.proprietaryBankTransactionCode": "077",
    "detail.bookingDate.zone": "Europe/Berlin",
}


def expect(fields: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """An expected account or row: names with `detail.` go where the corpus keeps them."""
    detail = {name.removeprefix("detail."): value for name, value in fields.items() if name.startswith("detail.")}
    plain = {name: value for name, value in fields.items() if not name.startswith("detail.")}
    return {"find": {"position": 0}, **plain, "detail": detail, **more}


def case_of(
    expected: dict[str, Any],
    rows: list[dict[str, Any]],
    balances: tuple[dict[str, Any], ...] = (),
    count: int | None = 1,
) -> Case:
    """One account `a1` with its rows: a page carries the contract's records, and None where one is left over."""

    def page(kind: Any, records: list[dict[str, Any]]) -> Page:
        return Page(f"{kind}.json", kind, None if kind == "accounts" else "a1", json.dumps({kind: records}).encode())

    accounts = [{"resourceId": "a1", "record": ACCOUNT}]
    pages = (
        page("accounts", accounts),
        page("transactions", rows),
        page("balances", [{"record": b} for b in balances]),
    )
    return Case("bank.json", 0, "bank", "stet", [expected], count, pages)


def hand_out(operation: str, body: bytes, _bank: str | None, _call: Mapping[str, Any]) -> dict[str, Any]:
    kind = operation.partition("/")[2].removesuffix(".list")
    rows = json.loads(body)[kind]
    if any(row.get("refuse") for row in rows):
        raise PageRefused("not a page")
    kept = [(position, row["record"]) for position, row in enumerate(rows) if row["record"] is not None]
    return {kind: [record for _, record in kept], "source_positions": [position for position, _ in kept]}


def compare(case: Case, *exclusions: Exclusion) -> Comparator:
    comparator = Comparator(exclusions, lambda _: ("bank", Facts(ZoneInfo("Europe/Berlin"))))
    comparator.compare(case, hand_out)
    return comparator


def disagreeing(comparator: Comparator) -> list[str]:
    return [found.place.field for found in comparator.figures["bank"].disagreements]


def rows_of(*records: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    return [{"entryReference": f"r{place}", "record": record} for place, record in enumerate(records, 1)]


def test_every_value_of_a_row_agrees_with_a_record_that_says_the_same() -> None:
    comparator = compare(case_of(expect({}, transactions=[expect(EXPECTED_ROW)]), rows_of(ROW)))
    figures = comparator.figures["bank"]
    assert disagreeing(comparator) == []
    assert figures.agree["values"] == len(EXPECTED_ROW) + 1  # the count of accounts
    assert (figures.read, figures.normalised, figures.left_over) == (2, 2, 0)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"amount": {"value": "-12.51", "currency": "EUR"}}, {"amount", "detail.transactionAmount.amount"}),
        ({"amount": {"value": "-12.50", "currency": "USD"}}, {"detail.transactionAmount.currency"}),
        ({"status": "pending"}, {"status"}),
        ({"booked_on": "2024-06-30"}, {"dateTime", "detail.bookingDate"}),
        ({"value_on": None}, {"detail.valueDate"}),
        (
            {"counterparty": None},
            {"detail.creditorName", "detail.creditorAccount.type", "detail.creditorAccount.value"},
        ),
        ({"references": {"mandate": "M2", "servicer": "r1"}}, {"detail.mandateId"}),
        ({"code": None}, {"detail.bankTransactionCode", "detail.proprietaryBankTransactionCode"}),
    ],
)
def test_a_record_that_says_otherwise_disagrees_there_and_only_there(change: dict[str, Any], fields: set[str]) -> None:
    case = case_of(expect({}, transactions=[expect(EXPECTED_ROW)]), rows_of({**ROW, **change}))
    assert set(disagreeing(compare(case))) == fields


def test_a_turned_sign_disagrees_and_makes_the_other_side_the_own_one() -> None:
    turned = {**ROW, "amount": {"value": "12.50", "currency": "EUR"}}
    case = case_of(expect({}, transactions=[expect(EXPECTED_ROW)]), rows_of(turned))
    comparator = compare(case, Exclusion("*", "detail.creditor*", "own side", where="own_side"))
    assert disagreeing(comparator) == ["direction", "detail.transactionAmount.amount"]
    assert comparator.figures["bank"].excluded.total() == 3


def test_rows_are_found_by_what_they_say_when_the_order_differs() -> None:
    other = {**ROW, "amount": {"value": "3.00", "currency": "EUR"}}
    wanted = [expect({"amount": "3", "direction": "CREDIT"}), expect({"amount": "12.5", "direction": "DEBIT"})]
    case = case_of(expect({}, transactions=wanted), rows_of(ROW, other))
    assert disagreeing(compare(case)) == []


def test_one_record_answers_one_expected_row_only() -> None:
    wanted = [expect({"amount": "12.5"}), expect({"amount": "12.5"})]
    assert disagreeing(compare(case_of(expect({}, transactions=wanted), rows_of(ROW)))) == ["amount"]


def test_the_id_of_the_bank_comes_from_the_row_that_was_read() -> None:
    wanted = [expect({"externalId": "r2", "amount": "12.5"}), expect({"externalId": "r3"})]
    case = case_of(expect({}, transactions=wanted), rows_of(None, ROW, {**ROW, "id_basis": "derived"}))
    comparator = compare(case)
    # The third row's id was derived, so the bank's is not what it says; the first is left over.
    assert disagreeing(comparator) == ["externalId"]
    assert comparator.figures["bank"].left_over == 1


def test_a_row_without_what_is_never_guessed_takes_no_record_and_needs_an_exclusion() -> None:
    wanted = [expect({"amount": None, "status": "BOOKED"}), expect({"amount": "12.5"})]
    case = case_of(expect({}, transactions=wanted), rows_of(None, ROW))
    assert disagreeing(compare(case)) == ["amount", "status"]
    assert disagreeing(compare(case, Exclusion("*", "*", "review", where="in_review"))) == []


def test_accounts_are_compared_by_number_kind_and_counts() -> None:
    balance = {"type": "CLBD", "type_raw": "closingBooked", "amount": {"value": "7.00", "currency": "EUR"}}
    fields = {
        "accountId": "a1",
        "identification": "XX123456",
        "scheme": "IBAN",
        "type": "CURRENT_ACCOUNT",
        "currency": "EUR",
        "bic": "AAAAXX22",
        "name": "Household",
        "holderName": "A. Holder",
        "currentBalance": "7",
        "transactionsCount": 1,
        "detail.balances.count": 1,
        "detail.balances[0].balanceType": "CLOSING_BOOKED",
        "detail.balances[0].balanceAmount.amount": "7.0",
        "detail.accountReferences[0].value": "XX12 3456",
    }
    comparator = compare(case_of(expect(fields), rows_of(ROW), (balance,)))
    assert disagreeing(comparator) == []
    assert comparator.figures["bank"].agree == {"values": 12, "texts": 2, "balances": 1}


def test_an_account_that_says_otherwise_disagrees_apart_by_tally() -> None:
    fields = {
        "identification": "ZZ",
        "type": "CREDIT_CARD",
        "name": "Other",
        "availableBalance": "1",
        "transactionsCount": 2,
    }
    comparator = compare(case_of(expect({"accountId": "a1", **fields}), rows_of(ROW), count=2))
    found = {entry.place.field: entry.tally for entry in comparator.figures["bank"].disagreements}
    assert found == {
        "accountsCount": "values",
        "identification": "values",
        "type": "values",
        "transactionsCount": "values",
        "name": "texts",
        "availableBalance": "balances",
    }


def test_a_field_that_no_judge_knows_disagrees_until_an_exclusion_names_it() -> None:
    case = case_of(expect({"detail.balances[0].mood": "good", "colour": "red"}), rows_of(ROW))
    assert disagreeing(compare(case)) == ["colour", "detail.balances[0].mood"]
    named = (Exclusion("bank.json", "colour", "none"), Exclusion("bank.json", "detail.balances[*", "none"))
    assert disagreeing(compare(case, *named)) == []


def test_an_exclusion_holds_only_where_it_says_and_an_idle_one_is_told() -> None:
    case = case_of(expect({"currency": "USD"}, transactions=[expect({"status": "PENDING"})]), rows_of(ROW))
    wrong_row = Exclusion("bank.json", "status", "none", account=0, transaction=1)
    wrong_case = Exclusion("bank.json", "currency", "none", case=1)
    right = Exclusion("bank.json", "status", "none", account=0, transaction=0)
    comparator = compare(case, wrong_row, wrong_case, right)
    assert disagreeing(comparator) == ["currency"]
    assert comparator.unused() == [wrong_row, wrong_case]


def test_a_page_that_is_refused_counts_as_left_over() -> None:
    comparator = compare(case_of(expect({"transactionsCount": 1}), [{"record": ROW, "refuse": True}]))
    figures = comparator.figures["bank"]
    assert (figures.left_over, figures.refused) == (1, {"transactions.json": "not a page"})
    assert disagreeing(comparator) == ["transactionsCount"]


def test_a_page_that_two_cases_rest_on_is_counted_once() -> None:
    case = case_of(expect({}), rows_of(ROW))
    comparator = compare(case)
    comparator.compare(msgspec.structs.replace(case, number=1), hand_out)
    assert comparator.figures["bank"].read == 2


def test_the_tables_show_each_bank_each_exclusion_and_the_total() -> None:
    case = case_of(expect({"currency": "USD", "name": "Household"}), rows_of(ROW, None))
    comparator = compare(case, Exclusion("bank.json", "currency", "a reason to read"))
    console = Console(width=200)
    with console.capture() as captured:
        console.print(comparator.table(), comparator.excluded_table())
    lines = [line.replace("│", " ").split() for line in captured.get().splitlines()]
    assert ["bank", "3", "2", "1", "2", "1", "0", "1", "1/1", "0/0"] in lines
    assert ["all", "3", "2", "1", "2", "1", "0", "1", "1/1", "0/0"] in lines
    assert ["bank.json", "currency", "1", "a", "reason", "to", "read"] in lines


def test_exclusions_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "exclusions.yaml"
    path.write_text("- {file: a.json, field: name, reason: none}\n")
    assert read_exclusions(path) == (Exclusion("a.json", "name", "none"),)
    path.write_text("- {file: a.json, field: name, reasons: none}\n")
    with pytest.raises(msgspec.ValidationError, match="reasons"):
        read_exclusions(path)
