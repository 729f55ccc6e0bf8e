import json

import pytest

from gateway.errors import (
    AuthenticationDue,
    BankFailed,
    BankLimited,
    BankMisconfigured,
    BankNonsense,
    BankRefused,
    BankResourceUnknown,
    ConsentExpired,
    ConsentMissing,
    GatewayError,
)
from tests.adapters.stet_dialogues import BASE, answer, bank, call, response


def model(status: int, message: str, error: str = "Error") -> bytes:
    """The standard's ErrorModel."""
    return json.dumps(
        {"timestamp": "2026-01-05T10:00:00+01:00", "status": status, "error": error, "message": message, "path": "/x"}
    ).encode()


def failure(status: int, body: bytes = b"", headers: dict[str, str] | None = None, **asked) -> GatewayError:
    operation = asked.pop("operation", "transactions.list")
    with pytest.raises(GatewayError) as caught:
        answer(call(operation, **asked), response(status, body, headers))
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BankRefused),
        (401, ConsentExpired),
        (403, ConsentMissing),
        (404, BankResourceUnknown),
        (405, BankMisconfigured),
        (406, BankMisconfigured),
        (408, BankFailed),
        (409, BankRefused),
        (410, BankResourceUnknown),
        (415, BankMisconfigured),
        (422, BankRefused),
        (429, BankLimited),
        (500, BankFailed),
        (501, BankFailed),
        (503, BankFailed),
        (202, BankNonsense),
        (302, BankNonsense),
    ],
)
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"no", b"\xff\xfe", b'{"message":null,"error":7}', b"[" * 5000])
def test_the_status_alone_says_what_it_is(status, kind, body):
    found = failure(status, body)
    assert type(found) is kind
    assert dict(found.members) == {"bank_status": status}


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "Unknown account", BankResourceUnknown),
        (400, "Le compte est introuvable", BankResourceUnknown),
        (400, "dateFrom is malformed", BankRefused),
        (400, "Authentification forte requise", AuthenticationDue),
        (401, "Invalid token in authorization header", ConsentExpired),
        (401, "The certificate is not that of a registered third party", BankMisconfigured),
        (401, "La signature est invalide", BankMisconfigured),
        (401, "Strong Customer Authentication required", AuthenticationDue),
        (403, "FORBIDDEN", ConsentMissing),
        (403, "The customer has withdrawn the access", ConsentExpired),
        (403, "Le consentement a été révoqué", ConsentExpired),
        (403, "Accès expiré", ConsentExpired),
        (403, "The TPP has no such role", BankMisconfigured),
        (403, "SCA is needed", AuthenticationDue),
        (403, "Too many requests for this account", BankLimited),
        (403, "Nombre d'appels atteint", BankLimited),
        (429, "Limite des appels par jour dépassée", BankLimited),
    ],
)
def test_the_bank_s_words_say_who_must_act(status, message, kind):
    found = failure(status, model(status, message))
    assert type(found) is kind
    assert message not in f"{found.detail} {found.title}"


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (401, b'{"errorMessage":"Invalid signature"}', {}, BankMisconfigured),
        (403, b"", {"message": "Too many requests for this account"}, BankLimited),
        (401, b'{"error":"invalid_client"}', {}, BankMisconfigured),
        (403, b"", {"WWW-Authenticate": 'Bearer realm="x", error="invalid_token"'}, ConsentExpired),
        (403, b"", {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="aisp"'}, ConsentMissing),
        (401, b'{"fault":{"faultstring":"Access denied","detail":{"errorcode":"x"}}}', {}, ConsentExpired),
        (403, b'{"errors":[{"code":"X1","text":"certificate expected"}]}', {}, BankMisconfigured),
        (403, b"The certificate is not known", {"Content-Type": "text/plain"}, BankMisconfigured),
        (403, b"<html>token invalid</html>", {"Content-Type": "text/html"}, BankMisconfigured),
        (401, b"<html></html>", {"Content-Type": "text/html;charset=UTF-8"}, BankMisconfigured),
    ],
)
def test_other_forms_are_read_too(status, body, headers, kind):
    assert type(failure(status, body, headers)) is kind


def test_words_are_not_sought_in_a_body_beyond_bounds():
    body = model(401, "certificate" + " " * 70_000)
    assert type(failure(401, body)) is ConsentExpired


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (model(403, "FORBIDDEN"), "FORBIDDEN"),
        (model(403, "UNKNOWN_CONSENT.PSU2"), "UNKNOWN_CONSENT.PSU2"),
        (model(403, "AC01"), "AC01"),
        (b'{"error":"insufficient_scope"}', "insufficient_scope"),
        (b'{"errors":[{"code":"NOT_ALLOWED"}],"message":"a sentence"}', "NOT_ALLOWED"),
    ],
)
def test_a_code_is_told(body, code):
    assert failure(403, body).members["bank_code"] == code


@pytest.mark.parametrize(
    "message",
    ["FR7630006000011234567890189", "eyJhbGciOiJub25lIn0", "Ada Moss", "0123456789", "4970 1000 0000 0000", "Moss"],
)
def test_what_is_no_code_is_not(message):
    assert "bank_code" not in failure(403, model(403, message)).members


def test_an_unknown_address_is_the_file_s_fault_where_it_holds_no_id():
    assert type(failure(404, operation="accounts.list")) is BankMisconfigured
    assert type(failure(404, operation="accounts.get")) is BankMisconfigured
    assert type(failure(404, operation="balances.list")) is BankResourceUnknown
    assert type(failure(404, operation="balances.list", profile=bank(balances="accounts"))) is BankMisconfigured
    assert type(failure(404, next_url=f"{BASE}/accounts/A1/transactions?page=2")) is BankNonsense
    assert type(failure(400, model(400, "Unknown account"), operation="accounts.list")) is BankRefused


@pytest.mark.parametrize(
    ("status", "value", "wait"),
    [
        (429, "30", 30),
        (429, " 7 ", 7),
        (429, "Sun, 22 Nov 2026 23:31:30 GMT", 90),
        (429, "Sun, 22 Nov 2026 23:00:00 GMT", 0),
        (403, "5", 5),
    ],
)
def test_a_limit_tells_how_long_it_lasts(status, value, wait):
    found = failure(status, b'{"message":"too many requests"}', {"Retry-After": value})
    assert isinstance(found, BankLimited)
    assert found.headers == (("Retry-After", str(wait)),)
    assert found.members["retry_after"] == wait


@pytest.mark.parametrize("value", ["", "soon", "-1", "99999999999", "Sun, 99 Nov 2026 23:31:30 GMT"])
def test_a_time_that_can_not_be_read_is_none(value):
    found = failure(429, b"", {"Retry-After": value})
    assert found.headers == ()
    assert "retry_after" not in found.members
