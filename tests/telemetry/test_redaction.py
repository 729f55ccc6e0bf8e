import base64
import json
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.telemetry.redaction import (
    REDACTED,
    is_card_number,
    is_iban,
    is_sensitive,
    kind,
    redact,
    redact_path,
    redact_text,
    redact_url,
)

IBANS = ["GB29NWBK60161331926819", "DE89370400440532013000", "FR1420041010050500013M02606", "NO9386011117947"]
CARDS = ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "30569309025904"]

secrets = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-~+", min_size=8, max_size=60).map(
    lambda text: f"Canary{text}"
)
plain = st.text("abcdefghijklmnopqrstuvwxyz .,", max_size=30)
shaped = st.lists(
    st.sampled_from(
        [
            *(
                "Bearer ",
                "token",
                "=",
                ": ",
                '"',
                "'",
                "\\",
                "https://",
                "?",
                "&",
                "#",
                "@",
                " ",
                "-",
                "\n",
                "code",
                "12",
            ),
            *(
                "Authorization",
                "eyJhbGciOiJ9.e30.x",
                "-----BEGIN PRIVATE KEY-----",
                IBANS[0],
                CARDS[0],
                REDACTED,
                "GB29",
            ),
        ]
    ),
    max_size=12,
).map("".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40) | shaped,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=15,
)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Authorization",
            "authorization",
            "Proxy-Authorization",
            "Cookie",
            "set-cookie",
            "access_token",
            "refreshToken",
        ),
        *(
            "ID-Token",
            "tokens",
            "code",
            "state",
            "client_assertion",
            "clientSecret",
            "password",
            "PSU-ID",
            "psu_ip_address",
        ),
        *("PSU-IP-Address", "iban", "debtorIban", "pan", "maskedPan", "bban", "private_key", "code_verifier", "nonce"),
        *("payload", "body", "DPoP", "x-jws-signature", "cursor", "device_code", "apiKey"),
    ],
)
def test_names_of_secrets_are_known_in_every_spelling(name):
    assert is_sensitive(name)
    assert redact({name: "anything"}) == {name: REDACTED}


@pytest.mark.parametrize(
    "name",
    [
        "status_code",
        "bank",
        "bank_code",
        "trace_id",
        "duration_ms",
        "route",
        "company",
        "panel",
        "estate",
        "query_count",
    ],
)
def test_harmless_names_stay(name):
    assert not is_sensitive(name)
    assert redact({name: "word"}) == {name: "word"}


@given(plain, secrets, plain)
def test_an_authorization_is_taken_out_of_any_text(before, secret, after):
    for scheme in ("Bearer", "bearer", "DPoP", "Basic"):
        assert secret not in redact_text(f"{before} {scheme} {secret} {after}")
    assert secret not in redact_text(f"{before}Authorization: Custom {secret} {after}")
    assert secret not in repr(redact_text(repr(f"{before} Cookie: session={secret}; {after}".encode())))


@given(secrets, st.sampled_from(["access_token", "client_secret", "code", "state", "assertion", "refresh_token"]))
def test_a_named_value_is_taken_out_of_any_notation(secret, name):
    for text in (
        f"{name}={secret}",
        f"https://bank.example/callback?x=1&{name}={secret}&y=2#frag",
        f'{{"{name}": "{secret}", "x": 1}}',
        f"{{'{name}': '{secret}'}}",
        json.dumps({"inner": json.dumps({name: secret})}),
        json.dumps(json.dumps(json.dumps({name: secret}))),
        f"grant_type=x&{name} = {secret}",
        f"first={name}={secret}",
    ):
        assert secret not in redact_text(text), text


def test_a_quoted_value_is_taken_with_its_spaces():
    assert redact_text('{"password": "two words, and more", "bank": "albion"}') == (
        f'{{"password": "{REDACTED}", "bank": "albion"}}'
    )


@given(st.binary(min_size=6, max_size=40), st.binary(max_size=40), st.binary(max_size=64), plain)
def test_a_compact_token_is_known_by_its_shape(kid, claims, signature, around):
    segments = (json.dumps({"alg": "PS256", "kid": kid.hex()}).encode(), claims, signature)
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in segments)
    redacted = redact_text(f"{around} <{token}> {around}")
    assert token not in redacted
    assert token.split(".")[0] not in redacted


@pytest.mark.parametrize("label", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"])
def test_a_private_key_is_taken_whole_even_when_it_is_cut_off(label):
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQ"
    whole = f"loading -----BEGIN {label}-----\n{body}\n-----END {label}----- failed"
    assert redact_text(whole) == f"loading {REDACTED} failed"
    assert "MII" not in redact_text(whole[: whole.index("wggSj")])


@pytest.mark.parametrize("iban", IBANS)
@pytest.mark.parametrize("form", ["{}", "to {} and more words", "<{}>", "iban {},", "/v1/accounts/{}/x", "AB12 {} 4"])
def test_an_iban_is_known_glued_grouped_and_in_lower_case(iban, form):
    grouped = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
    for spelt in (iban, iban.lower(), grouped, grouped.replace(" ", "-")):
        assert spelt not in redact_text(form.format(spelt)), form
        assert iban[-6:] not in redact_text(form.format(spelt))


@pytest.mark.parametrize("card", CARDS)
def test_a_card_number_is_known_by_its_checksum(card):
    grouped = " ".join(card[start : start + 4] for start in range(0, len(card), 4))
    for spelt in (card, grouped, grouped.replace(" ", "-")):
        assert redact_text(f"card {spelt} was refused 12") == f"card {REDACTED} was refused 12"
    assert redact({"reference": int(card)}) == {"reference": REDACTED}
    wrong = card[:-1] + str((int(card[-1]) + 1) % 10)
    assert redact_text(f"card {wrong}") == f"card {wrong}"


@given(st.integers(10**7, 10**11), st.sampled_from(["GB", "DE", "ES"]))
def test_an_iban_is_one_exactly_when_its_check_digits_are_right(number, country):
    account = f"{number:018d}"
    check = 98 - int("".join(str(int(one, 36)) for one in f"{account}{country}00")) % 97
    assert is_iban(f"{country}{check:02d}{account}")
    assert not is_iban(f"{country}{(check + 1) % 100:02d}{account}")


@given(st.text("0123456789", min_size=12, max_size=18).filter(lambda digits: digits[0] not in "01"))
def test_exactly_one_last_digit_makes_a_card_number(digits):
    assert sum(is_card_number(f"{digits}{last}") for last in range(10)) == 1


@given(plain)
def test_ordinary_words_are_left_alone(text):
    # What names a scheme, or begins as the base64 of a JSON object does, is no ordinary word.
    assume(not any(word in text for word in ("bearer", "basic", "dpop", "ew", "ey")))
    assert redact_text(text) == text


@given(json_values)
def test_taking_out_twice_changes_nothing_and_every_result_is_json(value):
    once = redact(value)
    orjson.dumps(once)
    assert redact(once) == once


@given(shaped)
def test_taking_out_of_a_text_twice_changes_nothing_and_no_account_or_card_is_left(text):
    once = redact_text(text)
    assert redact_text(once) == once
    assert f" {CARDS[0]} " not in f" {once} "


def test_a_secret_is_found_however_deep_it_lies():
    value = {"a": [{"b": ({"headers": {"Authorization": "Basic Canary"}}, b"token=Canary")}], "set": {"Bearer Canary"}}
    assert "Canary" not in str(redact(value))
    deep: object = "Canary"
    for _ in range(20):
        deep = [deep]
    assert "Canary" not in str(redact(deep))


def test_plain_values_of_other_types_are_written_as_text():
    value = {
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "on": date(2026, 1, 2),
        "path": Path("a/b"),
        "amount": Decimal("1.50"),
    }
    assert redact(value) == {"at": "2026-01-01T00:00:00+00:00", "on": "2026-01-02", "path": "a/b", "amount": "1.50"}
    assert redact({"path": Path(IBANS[0])}) == {"path": REDACTED}


def test_a_key_that_is_itself_a_secret_is_not_written():
    assert "Canary" not in str(redact({"Bearer Canary": 1}))


def test_an_unknown_object_is_told_by_its_type_only():
    class Holder:
        def __repr__(self) -> str:
            return "Canary"

    assert redact({"holder": Holder()}) == {"holder": f"<{Holder.__qualname__}>"}


def test_an_address_that_names_a_person_is_taken():
    assert redact_text("user jane.doe+bank@mail.example.com signed in") == f"user {REDACTED} signed in"


def test_a_huge_text_is_withheld_and_a_hostile_one_costs_little():
    assert redact_text("x" * 70_000) == REDACTED
    for piece in ("ey-", "GB29 ", "4 ", "a.b=", "-----BEGIN PRIVATE KEY", "a.@", 'token="', "https://a@"):
        hostile = piece * (16_000 // len(piece))
        began = time.process_time()
        redact_text(hostile)
        assert time.process_time() - began < 1, piece


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v1/accounts", "/v1/accounts"),
        ("/v1/standing-orders/", "/v1/standing-orders/"),
        ("/open-banking/v3.1/aisp/accounts/22289/balances", "/open-banking/v3.1/aisp/accounts/REDACTED/balances"),
        ("/v1/accounts/GB29NWBK60161331926819", "/v1/accounts/REDACTED"),
        ("/v1/accounts?iban=GB29NWBK60161331926819", "/v1/accounts"),
        ("/a%20b/x_y/z.z", "/REDACTED/REDACTED/REDACTED"),
        ("", ""),
    ],
)
def test_of_a_path_only_plain_words_and_versions_are_shown(path, shown):
    assert redact_path(path) == shown


def test_a_url_shows_neither_credentials_nor_what_its_query_holds():
    url = "https://user:Canary@api.bank.example:8443/v1/accounts/Canary-1?token=Canary&from=2026-01-01"
    assert redact_url(url) == "https://api.bank.example:8443/v1/accounts/REDACTED?REDACTED"
    assert "Canary" not in redact_text(f"cannot reach {url}, giving up")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, None),
        ("", ""),
        ("BankTimedOut", "BankTimedOut"),
        ("bank_timed_out", "bank_timed_out"),
        ("ssl.SSLError", "ssl.SSLError"),
        ("503", "503"),
        ("invalid token Canary", "other"),
        ("GB29NWBK60161331926819", "other"),
    ],
)
def test_a_kind_of_failure_is_a_name_or_nothing(text, shown):
    assert kind(text) == shown


def test_our_own_hex_keeps_its_value_under_our_names_even_where_it_looks_like_an_account():
    looks_like_an_iban = "ab70b65daff7571ef949605351f1755e"
    assert is_iban(looks_like_an_iban)
    assert redact({"trace_id": looks_like_an_iban}) == {"trace_id": looks_like_an_iban}
    assert redact({"trace_id": "GB33BUKB20201555555555"}) == {"trace_id": REDACTED}
    assert redact({"anything": looks_like_an_iban}) == {"anything": REDACTED}
