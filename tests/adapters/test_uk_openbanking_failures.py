"""What becomes of a UK bank's answers: documents, and every form in which one says no."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters import uk_openbanking
from gateway.contract import BankCall, BankProfile, BankResponse, Document
from gateway.errors import (
    AuthenticationDue,
    BankFailed,
    BankLimited,
    BankMisconfigured,
    BankNonsense,
    BankRefused,
    BankResourceUnknown,
    BankTimedOut,
    ConsentExpired,
    ConsentMissing,
    GatewayError,
)

BANK = BankProfile(
    name="larch",
    title="Larch Bank",
    dialect="uk_openbanking",
    version="4.0",
    zone="Europe/London",
    base_urls={"default": "https://api.larch.example"},
    deviations=uk_openbanking.Deviations(),
)


class Headers(dict[str, str]):
    """Names in any case, as the bank client's."""

    def get(self, key: str, default: Any = None, /) -> Any:
        return {name.lower(): value for name, value in self.items()}.get(key.lower(), default)


def answered(status: int, body: Any = b"", headers: Mapping[str, str] | None = None, **more: Any) -> Any:
    settings: dict[str, Any] = {
        "operation": "balances.list",
        "bank": BANK,
        "access_token": "a-token",
        "account": "1",
        "interaction_id": "93bac548-d2de-4546-b106-880a5018460d",
        "now": datetime(2026, 2, 3, 12, tzinfo=UTC),
        "new_id": lambda: "unused",
    } | more
    call = BankCall(**settings)
    dialogue = uk_openbanking.OPERATIONS[call.operation](call)
    request = next(dialogue)
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = BankResponse(
        status=status, headers=Headers(headers or {}), body=sent, url=request.url, request_id="attempt-1"
    )
    with pytest.raises((StopIteration, GatewayError)) as ended:
        dialogue.send(response)
    return ended.value.value if isinstance(ended.value, StopIteration) else ended.value


def error(code: str) -> dict[str, Any]:
    return {
        "Code": "400",
        "Id": "x",
        "Message": "a text of the bank",
        "Errors": [{"ErrorCode": code, "Message": "more"}],
    }


def test_a_success_goes_on_unread() -> None:
    document = answered(200, b"not even JSON", {"ETag": "1"})
    assert document == Document(
        body=b"not even JSON",
        headers={"ETag": "1"},
        url="https://api.larch.example/accounts/1/balances",
        request_id="attempt-1",
    )


def test_no_content_is_an_empty_document_and_an_empty_success_is_nonsense() -> None:
    assert answered(204).body == b""
    assert isinstance(answered(200, b" \n"), BankNonsense)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        # 3.1: an expired token is a 401 without a body.
        (401, b"", AuthenticationDue),
        (401, b"no entry", AuthenticationDue),
        (401, {"code": "401", "message": "no entry"}, AuthenticationDue),
        (401, error("UK.OBIE.Field.Invalid"), AuthenticationDue),
        (401, {"error": "invalid_client"}, BankMisconfigured),
        (403, error("UK.OBIE.Reauthenticate"), AuthenticationDue),
        (403, error("uk.obie.reauthenticate"), AuthenticationDue),
        (403, {"Errors": [{"ErrorCode": "U028"}]}, AuthenticationDue),
        (403, error("UK.OBIE.Resource.ConsentMismatch"), ConsentMissing),
        (403, error("UK.OBIE.Header.Invalid"), BankMisconfigured),
        (403, b"", ConsentMissing),
        (403, {"error": "insufficient_scope"}, ConsentMissing),
        (400, error("UK.OBIE.Resource.InvalidConsentStatus"), ConsentExpired),
        (400, {"Code": "UK.OBIE.Resource.InvalidConsentStatus", "Message": "revoked"}, ConsentExpired),
        (400, {"Errors": [{"ErrorCode": "U009"}]}, ConsentExpired),
        (400, error("UK.OBIE.Resource.NotFound"), BankResourceUnknown),
        (400, error("U011"), BankResourceUnknown),
        (400, error("UK.OBIE.Header.Missing"), BankMisconfigured),
        (400, error("UK.OBIE.Field.InvalidDate"), BankRefused),
        (400, error("UK.Larch.NotToday"), BankRefused),
        (400, b"what?", BankRefused),
        (404, b"", BankResourceUnknown),
        (405, b"", BankMisconfigured),
        (406, b"", BankMisconfigured),
        (409, b"", BankRefused),
        (500, error("UK.OBIE.UnexpectedError"), BankFailed),
        (503, b"<html>", BankFailed),
        (302, b"", BankNonsense),
        (201, b"{}", BankNonsense),
    ],
)
def test_an_answer_that_is_no_success_is_told_by_status_and_code(status: int, body: Any, kind: type) -> None:
    failure = answered(status, body)
    assert type(failure) is kind
    assert failure.members["bank_status"] == status


def test_what_an_unknown_address_means_depends_on_what_was_asked() -> None:
    assert type(answered(404, operation="accounts.list", account=None)) is BankMisconfigured
    assert type(answered(404, next_url="https://api.larch.example/accounts/1/balances?page=2")) is BankNonsense
    assert type(answered(400, error("U011"), operation="accounts.list", account=None)) is BankRefused


def test_a_page_of_a_firewall_is_no_word_about_the_consent() -> None:
    for status in (401, 403):
        assert type(answered(status, b"<html>go away</html>", {"content-type": "text/html"})) is BankMisconfigured


def test_the_challenge_names_what_a_body_does_not() -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="larch", error="insufficient_scope"'}
    failure = answered(403, b"", challenge)
    assert type(failure) is ConsentMissing
    assert failure.members["bank_code"] == "insufficient_scope"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("Tue, 03 Feb 2026 12:00:30 GMT", 30),
        ("Tue, 03 Feb 2026 11:00:00 GMT", 0),
        ("Tue, 03 Feb 2026 12:00:30 -0000", 30),
        ("soon", None),
        ("99999999999", None),
        (None, None),
    ],
)
def test_a_limit_says_how_long_where_the_bank_does(value: str | None, seconds: int | None) -> None:
    failure = answered(429, b"", {"Retry-After": value} if value is not None else {})
    assert type(failure) is BankLimited
    assert failure.members.get("retry_after") == seconds
    assert failure.headers == (() if seconds is None else (("Retry-After", str(seconds)),))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (error("UK.OBIE.Field.Invalid"), "UK.OBIE.Field.Invalid"),
        ({"fault": {"faultstring": "x", "detail": {"errorcode": "oauth.v2.InvalidToken"}}}, "oauth.v2.InvalidToken"),
        ({"Code": "400"}, None),
        ({"Code": "GB33BUKB20201555555555"}, None),
        ({"code": "Mr Robin Hood"}, None),
        ({"error": "a" * 65}, None),
        ({"Errors": "none", "fault": {"detail": "x"}, "Code": 400}, None),
        ({"Errors": ["x", {"ErrorCode": ["U011"]}]}, None),
        ([1], None),
        (b"\xff\xfe", None),
        (b"[" * 5000, None),
        (b'{"error": "long"' + b" " * 70_000 + b"}", None),
    ],
)
def test_only_what_has_the_form_of_a_code_is_told(body: Any, code: str | None) -> None:
    failure = answered(400, body)
    assert failure.members.get("bank_code") == code
    assert "bank" in str(failure)
    assert "text of the bank" not in f"{failure} {failure.members}"


def test_a_failure_on_the_way_passes_through() -> None:
    call = BankCall(
        operation="accounts.list",
        bank=BANK,
        access_token="a-token",
        interaction_id="93bac548-d2de-4546-b106-880a5018460d",
        now=datetime(2026, 2, 3, tzinfo=UTC),
        new_id=lambda: "unused",
    )
    dialogue = uk_openbanking.OPERATIONS["accounts.list"](call)
    next(dialogue)
    with pytest.raises(BankTimedOut):
        dialogue.throw(BankTimedOut())
