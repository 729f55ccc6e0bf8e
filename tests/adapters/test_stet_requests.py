from datetime import date

import pytest

from gateway.contract import Psu
from gateway.errors import BankResourceUnknown
from tests.adapters.stet_dialogues import BASE, bank, begin, call, request_of

DAYS = {"from_date": date(2026, 3, 29), "to_date": date(2026, 3, 31)}


def query(profile, **days) -> str:
    url = request_of(call("transactions.list", profile, **days)).url
    assert url.startswith(f"{BASE}/accounts/A1/transactions")
    return url.partition("?")[2]


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("accounts.list", "/accounts"),
        ("accounts.get", "/accounts"),
        ("balances.list", "/accounts/A1/balances"),
        ("transactions.list", "/accounts/A1/transactions"),
    ],
)
def test_each_operation_has_its_address_and_one_account_has_none_of_its_own(operation, path):
    request = request_of(call(operation))
    assert (request.method, request.url, request.body, request.repeatable) == ("GET", BASE + path, b"", True)


def test_a_base_url_of_the_accounts_group_is_preferred():
    profile = bank()
    profile.base_urls["accounts"] = "https://ais.bank.example/v1"
    assert request_of(call(profile=profile)).url == "https://ais.bank.example/v1/accounts"


def test_the_headers_of_unattended_work_name_nobody():
    assert request_of(call()).headers == (
        ("Authorization", "Bearer the-token"),
        ("Accept", "application/hal+json, application/json"),
        ("X-Request-ID", "5b0f9c1e-0a53-4a1b-8e0e-4d8a5a3c2f11"),
    )


def test_a_person_who_is_present_is_told_with_what_is_known_of_them():
    alone = request_of(call(psu=Psu(ip_address="203.0.113.7"))).headers[3:]
    assert alone == (("PSU-IP-Address", "203.0.113.7"),)
    both = request_of(call(psu=Psu(ip_address="203.0.113.7", user_agent="Browser/1"))).headers[3:]
    assert both == (("PSU-IP-Address", "203.0.113.7"), ("PSU-User-Agent", "Browser/1"))


def test_headers_of_the_bank_s_file_replace_ours_except_the_token():
    own = (("Connection", "Keep-Alive"), ("accept", "application/json"), ("authorization", "Basic eDp5"))
    headers = request_of(call(profile=bank(headers=own))).headers
    assert headers == (
        ("Authorization", "Bearer the-token"),
        ("accept", "application/json"),
        ("X-Request-ID", "5b0f9c1e-0a53-4a1b-8e0e-4d8a5a3c2f11"),
        ("Connection", "Keep-Alive"),
    )


def test_what_the_bank_accepts_is_a_deviation():
    headers = dict(request_of(call(profile=bank(accept="application/json"))).headers)
    assert headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    ("account", "segment"),
    [
        ("FR76 1/2?x", "FR76%201%2F2%3Fx"),
        ("/psd2/v1/accounts/4%2F7/transactions", "4%2F7"),
        ("https://api.bank.example/psd2/v1/accounts/A-7/balances", "A-7"),
        ("accounts/A7/transactions{?dateFrom,dateTo}", "A7"),
    ],
)
def test_the_account_is_one_segment_whether_its_id_or_its_link_is_known(account, segment):
    assert request_of(call("balances.list", account=account)).url == f"{BASE}/accounts/{segment}/balances"


@pytest.mark.parametrize("account", ["", None])
def test_an_account_that_the_bank_named_in_no_way_is_not_asked_for(account):
    with pytest.raises(BankResourceUnknown):
        begin(call("balances.list", account=account))


def test_a_page_is_continued_by_its_link_alone():
    link = "https://api.bank.example/stet/psd2/v1/accounts/A1/transactions?page=2%7C9"
    request = request_of(call("transactions.list", next_url=link, **DAYS))
    assert request.url == link


def test_without_days_nothing_is_asked():
    assert query(bank()) == ""
    assert query(bank(date_type="bookingDate")) == ""


def test_days_are_instants_of_the_bank_s_zone_and_the_last_one_is_passed_by():
    # Summer time begins on the first of the days.
    assert query(bank(), **DAYS) == "dateFrom=2026-03-29T00:00:00%2B01:00&dateTo=2026-04-01T00:00:00%2B02:00"
    assert query(bank(), from_date=DAYS["from_date"]) == "dateFrom=2026-03-29T00:00:00%2B01:00"
    assert query(bank(), to_date=DAYS["to_date"]) == "dateTo=2026-04-01T00:00:00%2B02:00"


def test_the_same_day_twice_asks_for_that_day():
    day = date(2026, 11, 20)
    assert query(bank(date_form="date"), from_date=day, to_date=day) == "dateFrom=2026-11-20&dateTo=2026-11-21"


@pytest.mark.parametrize(
    ("form", "to", "wanted"),
    [
        ("date", "exclusive", "dateFrom=2026-03-29&dateTo=2026-04-01"),
        ("date", "inclusive", "dateFrom=2026-03-29&dateTo=2026-03-31"),
        ("offset", "inclusive", "dateFrom=2026-03-29T00:00:00%2B01:00&dateTo=2026-03-31T23:59:59%2B02:00"),
        ("zulu", "inclusive", "dateFrom=2026-03-28T23:00:00Z&dateTo=2026-03-31T21:59:59Z"),
        # A bank that looks at the day alone must not leave out the last one.
        ("zulu", "exclusive", "dateFrom=2026-03-28T23:00:00Z&dateTo=2026-04-01T00:00:00Z"),
    ],
)
def test_the_form_of_days_and_their_end_are_deviations(form, to, wanted):
    assert query(bank(date_form=form, date_to=to), **DAYS) == wanted


def test_west_of_greenwich_the_days_in_utc_still_hold_all_that_is_asked_for():
    guadeloupe = bank(zone="America/Guadeloupe", date_form="zulu")
    assert query(guadeloupe, **DAYS) == "dateFrom=2026-03-29T00:00:00Z&dateTo=2026-04-01T04:00:00Z"


def test_the_kind_of_day_goes_with_days_where_the_bank_s_file_names_it():
    asked = query(bank(date_form="date", date_type="transactionDate"), **DAYS)
    assert asked == "dateFrom=2026-03-29&dateTo=2026-04-01&dateType=transactionDate"


@pytest.mark.parametrize(
    ("required", "days", "wanted"),
    [
        # It is 23 November in Paris already.
        ("from", {}, "dateFrom=2026-08-25"),
        ("both", {}, "dateFrom=2026-08-25&dateTo=2026-11-24"),
        ("from", {"to_date": date(2026, 1, 31)}, "dateFrom=2025-11-02&dateTo=2026-02-01"),
        ("both", {"from_date": date(2026, 11, 1)}, "dateFrom=2026-11-01&dateTo=2026-11-24"),
        ("both", {"from_date": date(2026, 12, 24)}, "dateFrom=2026-12-24&dateTo=2026-12-25"),
        ("both", DAYS, "dateFrom=2026-03-29&dateTo=2026-04-01"),
    ],
)
def test_days_that_a_bank_insists_on_are_filled_in(required, days, wanted):
    assert query(bank(date_form="date", dates_required=required), **days) == wanted


def test_how_far_back_is_a_deviation():
    assert query(bank(date_form="date", dates_required="from", days_back=1)) == "dateFrom=2026-11-22"


@pytest.mark.parametrize("form", ["date", "offset", "zulu"])
@pytest.mark.parametrize("required", ["none", "both"])
def test_the_ends_of_the_calendar_are_asked_for_as_far_as_banks_reach(form, required):
    profile = bank(date_form=form, dates_required=required)
    asked = query(profile, from_date=date.min, to_date=date.max)
    assert asked.startswith("dateFrom=19")
    assert "dateTo=999" in asked
    assert query(profile, to_date=date.min)
    assert query(profile, from_date=date.max)


def test_balances_inside_the_list_of_accounts_are_asked_for_there():
    profile = bank(balances="accounts")
    assert request_of(call("balances.list", profile)).url == f"{BASE}/accounts"
    assert request_of(call("transactions.list", profile)).url == f"{BASE}/accounts/A1/transactions"
