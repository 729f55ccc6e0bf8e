"""What a UK bank is asked, by the operations that the engine drives."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from adapters import uk_openbanking
from adapters.uk_openbanking import Deviations
from gateway.contract import BankCall, BankProfile, BankRequest, Psu

BANK = BankProfile(
    name="larch",
    title="Larch Bank",
    dialect="uk_openbanking",
    version="3.1.11",
    zone="Europe/London",
    base_urls={"default": "https://api.larch.example/open-banking/v3.1/aisp"},
    deviations=Deviations(),
)


def ask(bank: BankProfile = BANK, **more: Any) -> BankRequest:
    settings: dict[str, Any] = {
        "operation": "accounts.list",
        "bank": bank,
        "access_token": "a-token",
        "interaction_id": "93bac548-d2de-4546-b106-880a5018460d",
        "now": datetime(2026, 2, 3, tzinfo=UTC),
        "new_id": lambda: "unused",
    } | more
    call = BankCall(**settings)
    request = next(uk_openbanking.OPERATIONS[call.operation](call))
    assert isinstance(request, BankRequest)
    return request


def straying(**settings: Any) -> BankProfile:
    return BankProfile(
        **{field: getattr(BANK, field) for field in BANK.__struct_fields__} | {"deviations": Deviations(**settings)}
    )


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("accounts.list", "/accounts"),
        ("accounts.get", "/accounts/a%2F1%20%2B"),
        ("balances.list", "/accounts/a%2F1%20%2B/balances"),
        ("transactions.list", "/accounts/a%2F1%20%2B/transactions"),
    ],
)
def test_every_operation_has_its_resource_and_an_id_is_one_segment(operation: str, path: str) -> None:
    request = ask(operation=operation, account=None if operation == "accounts.list" else "a/1 +")
    assert request.method == "GET"
    assert request.url == f"https://api.larch.example/open-banking/v3.1/aisp{path}"
    assert request.repeatable
    assert request.body == b""


def test_unattended_a_request_has_three_headers() -> None:
    assert ask().headers == (
        ("Authorization", "Bearer a-token"),
        ("Accept", "application/json"),
        ("x-fapi-interaction-id", "93bac548-d2de-4546-b106-880a5018460d"),
    )


def test_a_person_who_is_present_is_named_and_no_other() -> None:
    headers = dict(ask(psu=Psu(ip_address="192.0.2.7", user_agent="Larder/1.0")).headers)
    assert headers["x-fapi-customer-ip-address"] == "192.0.2.7"
    assert headers["x-customer-user-agent"] == "Larder/1.0"
    assert "x-customer-user-agent" not in dict(ask(psu=Psu(ip_address="192.0.2.7")).headers)


def test_the_headers_of_the_banks_file_go_along_and_replace_all_but_the_token() -> None:
    own = (
        ("x-fapi-financial-id", "LARCH"),
        ("accept", "application/vnd.larch+json"),
        ("authorization", "Bearer other"),
    )
    bank = BankProfile(**{field: getattr(BANK, field) for field in BANK.__struct_fields__} | {"headers": own})
    assert ask(bank).headers == (
        ("Authorization", "Bearer a-token"),
        ("accept", "application/vnd.larch+json"),
        ("x-fapi-interaction-id", "93bac548-d2de-4546-b106-880a5018460d"),
        ("x-fapi-financial-id", "LARCH"),
    )


@pytest.mark.parametrize(
    ("settings", "query"),
    [
        ({}, "fromBookingDateTime=2026-01-04T00:00:00.000&toBookingDateTime=2026-02-01T23:59:59.999"),
        ({"date_form": "seconds"}, "fromBookingDateTime=2026-01-04T00:00:00&toBookingDateTime=2026-02-01T23:59:59"),
        ({"date_form": "zulu"}, "fromBookingDateTime=2026-01-04T00:00:00Z&toBookingDateTime=2026-02-01T23:59:59Z"),
        ({"date_form": "date"}, "fromBookingDateTime=2026-01-04&toBookingDateTime=2026-02-01"),
        ({"margin_days": 0}, "fromBookingDateTime=2026-01-05T00:00:00.000&toBookingDateTime=2026-01-31T23:59:59.999"),
        # A plain day is its first moment: the last day is asked for by naming the next.
        ({"date_form": "date", "margin_days": 0}, "fromBookingDateTime=2026-01-05&toBookingDateTime=2026-02-01"),
        ({"margin_days": 3}, "fromBookingDateTime=2026-01-02T00:00:00.000&toBookingDateTime=2026-02-03T23:59:59.999"),
    ],
)
def test_days_are_asked_for_in_the_banks_form_and_a_little_wider(settings: dict[str, Any], query: str) -> None:
    request = ask(
        straying(**settings),
        operation="transactions.list",
        account="1",
        from_date=date(2026, 1, 5),
        to_date=date(2026, 1, 31),
    )
    assert request.url.partition("?")[2] == query


def test_each_end_of_a_period_may_stand_alone_and_the_calendar_has_ends() -> None:
    def query(**days: date) -> str:
        return ask(operation="transactions.list", account="1", **days).url.partition("?")[2]

    assert query(from_date=date(2026, 1, 5)) == "fromBookingDateTime=2026-01-04T00:00:00.000"
    assert query(to_date=date(2026, 1, 5)) == "toBookingDateTime=2026-01-06T23:59:59.999"
    assert query(from_date=date.min, to_date=date.max) == (
        "fromBookingDateTime=0001-01-01T00:00:00.000&toBookingDateTime=9999-12-31T23:59:59.999"
    )


def test_a_page_is_gone_on_with_as_the_bank_wrote_its_link() -> None:
    link = "https://api.larch.example/open-banking/v3.1/aisp/accounts/1/transactions?after=%2Fx&n=2"
    request = ask(operation="transactions.list", account="1", from_date=date(2026, 1, 5), next_url=link)
    assert request.url == link
    assert ("Authorization", "Bearer a-token") in request.headers


def test_a_bank_without_the_resource_of_one_account_is_asked_for_all() -> None:
    assert ask(straying(account_resource=False), operation="accounts.get", account="1").url.endswith("/aisp/accounts")


def test_accounts_may_have_a_base_of_their_own() -> None:
    urls = {"default": "https://api.larch.example", "accounts": "https://ais.larch.example/v4"}
    bank = BankProfile(**{field: getattr(BANK, field) for field in BANK.__struct_fields__} | {"base_urls": urls})
    assert ask(bank).url == "https://ais.larch.example/v4/accounts"


def test_a_bank_that_says_nothing_is_asked_as_the_standard_says() -> None:
    bank = BankProfile(**{field: getattr(BANK, field) for field in BANK.__struct_fields__} | {"deviations": None})
    period = {"operation": "transactions.list", "account": "1", "from_date": date(2026, 1, 5)}
    assert ask(bank, **period).url == ask(**period).url
