import json

import pytest

from adapters.berlin_group import OPERATIONS
from gateway.errors import (
    AuthenticationDue,
    BankFailed,
    BankLimited,
    BankMisconfigured,
    BankNonsense,
    BankRefused,
    BankResourceUnknown,
    BankUnreachable,
    ConsentExpired,
    ConsentMissing,
    GatewayError,
)
from tests.adapters.berlin_group.dialogues import BASE, answer, make_call, profile


def told(*codes: str) -> bytes:
    messages = [{"category": "ERROR", "code": code, "path": "x", "text": "Konto DE02 1203"} for code in codes]
    return json.dumps({"tppMessages": messages}).encode()


def fail(call, status: int, body: bytes = b"", **headers: str) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        answer(call, body, status, **headers)
    assert caught.value.members["bank_status"] == status
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "CONSENT_EXPIRED", ConsentExpired),
        (403, "CONSENT_EXPIRED", ConsentExpired),
        (403, "RESOURCE_EXPIRED", ConsentExpired),
        (400, "CONSENT_UNKNOWN", ConsentExpired),
        (403, "CONSENT_UNKNOWN", ConsentExpired),
        (401, "TOKEN_EXPIRED", AuthenticationDue),
        (401, "TOKEN_INVALID", AuthenticationDue),
        (401, "TOKEN_UNKNOWN", AuthenticationDue),
        (401, "PSU_CREDENTIALS_INVALID", AuthenticationDue),
        (403, "SERVICE_BLOCKED", ConsentMissing),
        (401, "CERTIFICATE_EXPIRED", BankMisconfigured),
        (401, "SIGNATURE_MISSING", BankMisconfigured),
        (401, "ROLE_INVALID", BankMisconfigured),
        (400, "PARAMETER_NOT_SUPPORTED", BankMisconfigured),
        (406, "REQUESTED_FORMATS_INVALID", BankMisconfigured),
        (405, "SERVICE_INVALID", BankMisconfigured),
        (400, "FORMAT_ERROR", BankRefused),
        (400, "PERIOD_INVALID", BankRefused),
        (409, "STATUS_INVALID", BankRefused),
        (404, "RESOURCE_UNKNOWN", BankResourceUnknown),
        (403, "RESOURCE_UNKNOWN", BankResourceUnknown),
        (400, "RESOURCE_UNKNOWN", BankResourceUnknown),
        (429, "ACCESS_EXCEEDED", BankLimited),
        (403, "ACCESS_EXCEEDED", BankLimited),
        (500, "INTERNAL_SERVER_ERROR", BankFailed),
        (503, "SERVICE_UNAVAILABLE", BankFailed),
    ],
)
def test_a_code_of_the_standard_says_who_must_act(status, code, kind):
    failure = fail(make_call("balances.list"), status, told(code))
    assert type(failure) is kind
    assert failure.members["bank_code"] == code


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BankRefused),
        (401, AuthenticationDue),
        (403, ConsentMissing),
        (404, BankResourceUnknown),
        (405, BankMisconfigured),
        (406, BankMisconfigured),
        (415, BankMisconfigured),
        (418, BankRefused),
        (429, BankLimited),
        (500, BankFailed),
        (501, BankFailed),
        (301, BankNonsense),
        (201, BankNonsense),
    ],
)
@pytest.mark.parametrize(
    "body", [b"", b"unauthorized", b"{}", b"[1]", b'{"status": 401, "message": "no"}', b"\xff", b"[" * 5000]
)
def test_without_a_code_the_status_says_it(status, kind, body):
    failure = fail(make_call("transactions.list"), status, body)
    assert type(failure) is kind
    assert "bank_code" not in failure.members


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"type": "about:blank", "code": "CONSENT_EXPIRED", "title": "t"}', "CONSENT_EXPIRED"),
        (b'{"code": "SCA_ODD", "additionalErrors": [{"code": "CONSENT_EXPIRED"}]}', "SCA_ODD"),
        (b'{"errors": [{"code": "CONSENT_EXPIRED"}]}', "CONSENT_EXPIRED"),
        # CBI Globe: the code of the message is the status, what counts stands behind it.
        (
            b'{"errorManagement": {"errorCode": "E"}, "tppMessages": [{"code": "403"}, {"code": "CONSENT_EXPIRED"}]}',
            "CONSENT_EXPIRED",
        ),
    ],
)
def test_codes_stand_in_several_forms(body, code):
    failure = fail(make_call("balances.list"), 403, body)
    assert type(failure) is ConsentExpired
    assert failure.members["bank_code"] == code


def test_a_hubs_own_number_is_told_where_there_is_no_other_code():
    failure = fail(make_call("balances.list"), 400, b'{"errorManagement": {"errorCode": "PSD2_01.190.A0036"}}')
    assert (type(failure), failure.members["bank_code"]) == (BankRefused, "PSD2_01.190.A0036")


@pytest.mark.parametrize("code", ["DE02120300000000202051", "Konto 1", "4929000012345678", "A" * 50, "<b>", "é"])
def test_what_could_be_more_than_a_code_is_not_told(code):
    failure = fail(make_call("balances.list"), 403, told(code))
    assert "bank_code" not in failure.members
    assert code not in repr((failure.args, failure.members))


def test_nothing_of_the_banks_text_is_told():
    failure = fail(make_call("balances.list"), 400, told("FORMAT_ERROR"))
    assert "Konto" not in repr((failure.args, failure.members))


def test_a_consent_not_valid_for_a_resource_lacks_it_and_not_valid_for_the_list_has_ended():
    assert type(fail(make_call("balances.list"), 401, told("CONSENT_INVALID"))) is ConsentMissing
    assert type(fail(make_call("accounts.list"), 401, told("CONSENT_INVALID"))) is ConsentExpired


def test_a_challenge_says_what_the_body_does_not():
    failure = fail(make_call("balances.list"), 403, WWW_Authenticate='Bearer error="insufficient_scope"')
    assert (type(failure), failure.members["bank_code"]) == (ConsentMissing, "insufficient_scope")


def test_a_wall_before_the_bank_is_an_operators_matter():
    assert type(fail(make_call("accounts.list"), 403, b"<html>", Content_Type="text/html")) is BankMisconfigured


def test_a_refused_token_is_ours_where_we_got_it_alone():
    call = make_call("accounts.list", bank=profile(credential_of="client"))
    assert type(fail(call, 401, told("TOKEN_INVALID"))) is BankMisconfigured


def test_a_refusal_without_a_token_is_the_consents():
    call = make_call("accounts.list", bank=profile(credential_header=None))
    assert type(fail(call, 401)) is ConsentExpired


def test_a_list_that_is_not_there_is_a_wrong_address():
    assert type(fail(make_call("accounts.list"), 404)) is BankMisconfigured


def test_a_link_that_leads_nowhere_is_nonsense():
    call = make_call("transactions.list", next_url=f"{BASE}/accounts/1/transactions?page=9")
    assert type(fail(call, 404)) is BankNonsense


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("Tue, 10 Mar 2026 23:31:00 GMT", 60),
        ("Tue, 10 Mar 2026 23:31:00 -0000", 60),
        ("Tue, 10 Mar 2026 23:00:00 GMT", 0),
        ("soon", None),
        ("-1", None),
    ],
)
def test_how_long_to_wait_is_the_banks_word(value, seconds):
    failure = fail(make_call("accounts.list"), 429, told("ACCESS_EXCEEDED"), Retry_After=value)
    assert failure.members.get("retry_after") == seconds
    assert failure.headers == ((("Retry-After", str(seconds)),) if seconds is not None else ())


def test_what_the_way_to_the_bank_says_passes_through():
    dialogue = OPERATIONS["accounts.list"](make_call("accounts.list"))
    next(dialogue)
    with pytest.raises(BankUnreachable):
        dialogue.throw(BankUnreachable())
