"""Cases and their pages, from a corpus written here; and, where the real one is, that every case finds its accounts."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import CORPUS, NEEDED
from tests.corpus.cases import read_bare_cases, read_cases
from tests.corpus.readings import read_page
from tests.corpus.report_cases import read_report_cases

NOTES = Path(__file__).with_name("cases.yaml")


def write(corpus: Path, file: str, request: dict[str, Any], status: int = 200, body: Any = None) -> None:
    path = corpus / "recorded" / "bank" / "stet" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"request": {"method": "GET", **request}, "response": {"status": status, "jsonBody": body}})
    )


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write(tmp_path, "flow/accounts.json", {"url": "/v1/accounts?withBalance=true"})
    write(tmp_path, "flow/accounts-2.json", {"url": "/v1/accounts/next"})
    write(tmp_path, "flow/one-account.json", {"url": "/v1/accounts/1"})
    write(tmp_path, "flow/failed.json", {"url": "/v1/accounts"}, status=401)
    write(tmp_path, "flow/consent.json", {"method": "POST", "url": "/v1/accounts"})
    write(
        tmp_path,
        "flow/a-later.json",
        {"urlPath": "/v1/accounts/1/transactions", "queryParameters": {"page": {"equalTo": "2"}}},
    )
    write(
        tmp_path,
        "flow/b-first.json",
        {"urlPath": "/v1/accounts/1/transactions", "queryParameters": {"page": {"absent": True}}},
    )
    write(tmp_path, "flow/other/rows.json", {"urlPath": "/v1/accounts/1/transactions"})
    write(tmp_path, "flow/both.json", {"urlPattern": r"/v1/accounts/(1|2)/balances\?x=.*"})
    write(tmp_path, "flow/any.json", {"urlPattern": ".*/v1/accounts/.+/balances"})
    case = {"test": "t", "recorded": ["flow/"], "accounts": [], "accountsCount": 2}
    (tmp_path / "expected").mkdir()
    (tmp_path / "expected" / "bank.json").write_text(json.dumps({"bank": "bank", "standard": "stet", "cases": [case]}))
    (tmp_path / "notes.yaml").write_text("without: {bank.json#0: [flow/other/]}\n")
    return tmp_path


def test_a_case_finds_its_pages_by_kind_account_and_order(corpus: Path) -> None:
    (case,) = read_cases(corpus, corpus / "notes.yaml")

    def files(*asked: Any, **more: Any) -> list[str]:
        return [page.file.removeprefix("flow/") for page in case.pages_of(*asked, **more)]

    assert (case.name, case.accounts_count) == ("bank.json#0", 2)
    assert files("accounts") == ["accounts.json", "accounts-2.json"]
    assert files("transactions", "1") == ["b-first.json", "a-later.json"]
    assert files("transactions", "2") == []
    assert files("balances", "1", first=True) == ["any.json", "both.json"]
    assert files("balances", "2", first=False) == ["both.json"]


def test_a_bank_without_expectations_is_read_all_the_same(corpus: Path) -> None:
    assert list(read_bare_cases(corpus)) == []
    (corpus / "expected" / "bank.json").rename(corpus / "expected" / "other.json")
    (case,) = read_bare_cases(corpus)
    assert (case.name, list(case.accounts), len(case.pages_of("accounts"))) == ("bank#0", [], 2)


@pytest.mark.skipif(CORPUS is None, reason=NEEDED)
def test_every_recorded_case_finds_the_accounts_and_rows_that_it_speaks_of() -> None:
    assert CORPUS is not None
    lacking = []
    for case in [*read_cases(CORPUS, NOTES), *read_report_cases(CORPUS)]:
        accounts = [account for page in case.pages_of("accounts") for account in read_page("accounts", page.body)]
        if case.pages_of("accounts") and len(accounts) < len(case.accounts):
            lacking.append(f"{case.name}: {len(accounts)} accounts recorded, {len(case.accounts)} expected")
        rows = sum(len(account.get("transactions", ())) for account in case.accounts)
        if rows and not case.pages_of("transactions"):
            lacking.append(f"{case.name}: no rows recorded")
    assert lacking == ["ing.json#0: no rows recorded"]  # that recording is no valid JSON
