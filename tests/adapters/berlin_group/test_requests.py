from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest
from msgspec.structs import replace

from gateway.errors import BankRefused
from tests.adapters.berlin_group.dialogues import A_DAY, BASE, PRESENT, ask, make_call, profile

ROWS = f"{BASE}/accounts/acc-1/transactions"


def query(call) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(ask(call).url).query)


def headers(call) -> dict[str, str]:
    return dict(ask(call).headers)


def test_a_list_of_accounts_is_asked_as_the_standard_says():
    request = ask(make_call("accounts.list"))
    assert (request.method, request.url, request.body, request.repeatable) == ("GET", f"{BASE}/accounts", b"", True)
    assert request.headers == (
        ("X-Request-ID", "6f1a0002-0000-4000-8000-000000000000"),
        ("Accept", "application/json"),
        ("Authorization", "Bearer token-1"),
        ("Consent-ID", "consent-1"),
    )


@pytest.mark.parametrize(
    ("operation", "url"),
    [
        ("accounts.get", f"{BASE}/accounts/acc-1"),
        ("balances.list", f"{BASE}/accounts/acc-1/balances"),
        ("transactions.list", f"{ROWS}?dateFrom=2025-12-11&bookingStatus=booked"),
    ],
)
def test_an_account_is_asked_below_its_id(operation, url):
    assert ask(make_call(operation)).url == url


def test_an_id_is_one_segment_of_the_path_whatever_it_holds():
    request = ask(make_call("balances.list", account="a/../b?c #d"))
    assert request.url == f"{BASE}/accounts/a%2F..%2Fb%3Fc%20%23d/balances"


def test_a_page_is_continued_at_its_own_address_alone():
    call = make_call("transactions.list", next_url=f"{ROWS}?link=abc", from_date=A_DAY, status="booked")
    assert ask(call).url == f"{ROWS}?link=abc"


@pytest.mark.parametrize(
    ("deviations", "given", "expected"),
    [
        ({}, {"from_date": A_DAY, "to_date": date(2026, 3, 9)}, [("dateFrom", "2026-03-01"), ("dateTo", "2026-03-09")]),
        # Without a first day: 90 days before today, which in the bank's zone is already the 11th.
        ({}, {}, [("dateFrom", "2025-12-11")]),
        ({}, {"to_date": date(2026, 1, 31)}, [("dateFrom", "2025-11-02"), ("dateTo", "2026-01-31")]),
        ({"history_days": 7}, {}, [("dateFrom", "2026-03-04")]),
        ({"date_to": "required"}, {"from_date": A_DAY}, [("dateFrom", "2026-03-01"), ("dateTo", "2026-03-11")]),
        ({"date_from": False, "date_to": "refused"}, {"from_date": A_DAY, "to_date": A_DAY}, []),
        ({"date_to": "refused"}, {"from_date": A_DAY, "to_date": A_DAY}, [("dateFrom", "2026-03-01")]),
        (
            {"date_to_included": False},
            {"from_date": A_DAY, "to_date": A_DAY},
            [("dateFrom", "2026-03-01"), ("dateTo", "2026-03-02")],
        ),
        ({}, {"to_date": date.min}, [("dateFrom", "0001-01-01"), ("dateTo", "0001-01-01")]),
        (
            {"date_to_included": False},
            {"from_date": A_DAY, "to_date": date.max},
            [("dateFrom", "2026-03-01"), ("dateTo", "9999-12-31")],
        ),
    ],
)
def test_the_days_of_a_query(deviations, given, expected):
    call = make_call("transactions.list", bank=profile(**deviations), **given)
    assert query(call) == [*expected, ("bookingStatus", "booked")]


@pytest.mark.parametrize(
    ("taken", "status", "sent"),
    [
        (("booked",), None, "booked"),
        (("booked",), "all", "booked"),
        (("booked", "pending", "both"), "all", "both"),
        (("booked", "pending", "both"), None, "both"),
        (("booked", "both", "information", "all"), None, "all"),
        (("booked", "pending", "both"), "pending", "pending"),
        (("booked", "both"), "pending", "both"),
        (("both",), "booked", "both"),
    ],
)
def test_the_kind_of_rows_is_what_the_bank_takes_and_comes_nearest(taken, status, sent):
    call = make_call("transactions.list", bank=profile(booking_statuses=taken), status=status)
    assert dict(query(call))["bookingStatus"] == sent


def test_pending_rows_of_a_bank_without_them_are_refused_not_answered_as_none():
    with pytest.raises(BankRefused, match="pending"):
        ask(make_call("transactions.list", status="pending"))


def test_no_kind_is_sent_where_the_bank_takes_none():
    call = make_call("transactions.list", bank=profile(booking_statuses=()), from_date=A_DAY, status="pending")
    assert query(call) == [("dateFrom", "2026-03-01")]


def test_a_bank_may_spell_its_query_otherwise_and_want_more():
    bank = profile(query_style="snake", transactions_query={"deltaList": "false"}, counted_pages={})
    call = make_call("transactions.list", bank=bank, from_date=A_DAY, to_date=A_DAY)
    assert query(call) == [
        ("date_from", "2026-03-01"),
        ("date_to", "2026-03-01"),
        ("booking_status", "booked"),
        ("deltaList", "false"),
        ("offset", "1"),
        ("limit", "100"),
    ]


@pytest.mark.parametrize(("given", "sent"), [(None, ""), (True, "withBalance=true"), (False, "withBalance=false")])
def test_balances_inside_a_list_of_accounts_are_asked_for_as_the_file_says(given, sent):
    assert urlsplit(ask(make_call("accounts.list", bank=profile(with_balance=given))).url).query == sent


def test_balances_that_stand_nowhere_else_are_asked_with_the_accounts():
    call = make_call("balances.list", bank=profile(balances_in_accounts=True))
    assert ask(call).url == f"{BASE}/accounts?withBalance=true"


def test_an_account_without_a_resource_of_its_own_is_sought_in_the_list():
    call = make_call("accounts.get", bank=profile(account_resource=False, with_balance=True))
    assert ask(call).url == f"{BASE}/accounts?withBalance=true"


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("accounts.get", "/card-accounts/9"),
        ("balances.list", "/card-accounts/9/balances"),
        ("transactions.list", "/card-accounts/9/transactions"),
    ],
)
def test_a_card_account_is_asked_below_resources_of_its_own(operation, path):
    assert urlsplit(ask(make_call(operation, account="card-accounts/9")).url).path == f"/psd2/v1{path}"


def test_balances_of_a_card_may_stand_below_the_accounts():
    call = make_call("balances.list", bank=profile(card_balances="accounts"), account="card-accounts/9")
    assert ask(call).url == f"{BASE}/accounts/9/balances"


def test_a_bank_of_cards_only_has_no_other_list():
    call = make_call("accounts.list", bank=profile(card_accounts="only", with_balance=True))
    assert ask(call).url == f"{BASE}/card-accounts"


def test_each_group_of_resources_may_have_an_address_of_its_own():
    urls = {"default": BASE, "transactions": "https://bank.example/psd2/v2", "cards": "https://cards.example/v9"}
    bank = profile(base_urls=urls)
    asked = {
        account: [
            ask(make_call(operation, bank=bank, account=account)).url.partition("?")[0]
            for operation in ("balances.list", "transactions.list")
        ]
        for account in ("1", "card-accounts/2")
    }
    assert asked == {
        "1": [f"{BASE}/accounts/1/balances", "https://bank.example/psd2/v2/accounts/1/transactions"],
        "card-accounts/2": [
            "https://cards.example/v9/card-accounts/2/balances",
            "https://cards.example/v9/card-accounts/2/transactions",
        ],
    }


def test_cards_without_an_address_of_their_own_are_where_the_others_are():
    bank = profile(base_urls={"default": BASE, "transactions": "https://bank.example/psd2/v2"})
    call = make_call("transactions.list", bank=bank, account="card-accounts/2")
    assert ask(call).url.startswith("https://bank.example/psd2/v2/card-accounts/2/transactions?")


def test_the_person_is_told_of_if_and_only_if_present():
    given = headers(make_call("accounts.list", psu=PRESENT))
    assert (given["PSU-IP-Address"], given["PSU-User-Agent"]) == ("192.0.2.7", "Browser/1")
    assert not [name for name in headers(make_call("accounts.list")) if name.startswith("PSU-")]


def test_the_credentials_stand_where_the_bank_wants_them():
    call = make_call("accounts.list", bank=profile(credential_header="oauth-1", consent_header=False))
    assert headers(call) == {"X-Request-ID": call.new_id(), "Accept": "application/json", "oauth-1": "token-1"}


def test_a_bank_may_want_no_token_at_all():
    given = headers(make_call("accounts.list", bank=profile(credential_header=None)))
    assert "Authorization" not in given
    assert "token-1" not in given.values()
    assert given["Consent-ID"] == "consent-1"


def test_a_consent_that_the_bank_has_not_named_is_not_sent():
    assert "Consent-ID" not in headers(replace(make_call("accounts.list"), bank_consent_id=None))


def test_media_types_differ_by_bank_and_list():
    bank = profile(
        accept="application/json, application/*+json",
        accept_transactions="application/xml",
        content_type="application/json",
    )
    accounts, rows = headers(make_call("accounts.list", bank=bank)), headers(make_call("transactions.list", bank=bank))
    assert (accounts["Accept"], rows["Accept"]) == ("application/json, application/*+json", "application/xml")
    assert accounts["Content-Type"] == rows["Content-Type"] == "application/json"


@pytest.mark.parametrize("zone", ["GMT", "UTC"])
def test_a_date_is_written_with_the_name_of_the_zone_that_the_bank_reads(zone):
    given = headers(make_call("accounts.list", bank=profile(date_header=zone)))
    assert given["Date"] == f"Tue, 10 Mar 2026 23:30:00 {zone}"


def test_headers_of_the_file_take_the_place_of_the_dialects_but_never_of_the_credentials():
    own = (("accept", "JSON"), ("aspsp-code", "01"))
    given = ask(make_call("accounts.list", bank=profile(headers=own, client_id="us", client_id_header="X-Client")))
    assert given.headers == (
        ("X-Request-ID", "6f1a0002-0000-4000-8000-000000000000"),
        ("X-Client", "us"),
        ("accept", "JSON"),
        ("aspsp-code", "01"),
        ("Authorization", "Bearer token-1"),
        ("Consent-ID", "consent-1"),
    )
