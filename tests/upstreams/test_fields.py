import pytest
from multidict import CIMultiDict

from gateway.errors import UpstreamNonsense
from gateway.upstreams.fields import to_caller, to_upstream


def sent(*pairs):
    return to_upstream(CIMultiDict(pairs))


def test_ordinary_fields_go_on_in_their_order_and_case():
    assert sent(("Accept", "text/csv"), ("X-Thing", "1"), ("x-thing", "2"), ("AUTHORIZATION", "Bearer t")) == [
        "Accept: text/csv",
        "X-Thing: 1",
        "x-thing: 2",
        "AUTHORIZATION: Bearer t",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Expect",
    ],
)  # fmt: skip
def test_case_27_hop_by_hop_fields_end_here(name):
    assert sent((name, "x"), ("Accept", "*/*")) == ["Accept: */*"]


def test_case_27_nominated_fields_end_here_but_not_those_that_protect_the_call():
    nominated = "close, X-Thing ,authorization, x-fapi-interaction-id,Signature,, idempotency-key"
    pairs = [("X-Thing", "1"), ("Authorization", "Bearer t"), ("x-fapi-interaction-id", "i"), ("Signature", "s")]
    assert sent(
        ("Connection", nominated), *pairs, ("Idempotency-Key", "k"), ("CONNECTION", "x-other"), ("X-Other", "2")
    ) == [
        "Authorization: Bearer t",
        "x-fapi-interaction-id: i",
        "Signature: s",
        "Idempotency-Key: k",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "X-SSL-Client-Verify", "X-Client-Cert",
        "SSL-Client-Cert", "Client_Cert", "X_Forwarded_For", "Author_ization", "X-Envoy-External-Address",
    ],
)  # fmt: skip
def test_case_17_nobody_vouches_for_a_certificate_in_a_header(name):
    assert sent((name, "x")) == []


@pytest.mark.parametrize(
    "name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "X-Original-URL"]
)
def test_case_28_where_a_call_came_from_is_not_the_callers_to_say(name):
    assert sent((name, "x")) == []


@pytest.mark.parametrize(
    "name", ["Consent-Id", "PSU-IP-Address", "PSU-User-Agent", "traceparent", "tracestate", "baggage"]
)
def test_the_contracts_own_fields_and_the_callers_trace_end_here(name):
    assert sent((name, "x")) == []


def test_what_comes_back_loses_what_belongs_to_the_connection():
    answered = [("Connection", "close, x-hop"), ("X-Hop", "1"), ("Keep-Alive", "1"), ("Trailer", "x"), ("ETag", '"1"')]
    assert to_caller(answered, echoing=False) == (("ETag", '"1"'),)


def test_the_ids_of_the_call_come_back_once():
    answered = [("x-fapi-interaction-id", "theirs"), ("X-Request-ID", "theirs"), ("A", "1")]
    assert to_caller(answered, echoing=True) == (("A", "1"),)
    assert to_caller(answered, echoing=False) == tuple(answered)


@pytest.mark.parametrize("name", ["Content-Length ", "Transfer-Encoding\t", "Connection "])
def test_case_25_a_name_with_a_space_behind_it_does_not_come_back(name):
    assert to_caller([(name, "5"), ("ETag", '"1"')], echoing=False) == (("ETag", '"1"'),)


@pytest.mark.parametrize("value", ["a\x01b", "a\x0bb", "\x7f", "caf\u00e9\x1b[0m", "a\rb", "a\nb", "a\0b"])
def test_case_25_a_control_in_an_answers_field_is_nonsense(value):
    with pytest.raises(UpstreamNonsense):
        to_caller([("X-Thing", value)], echoing=False)


@pytest.mark.parametrize("value", ["a\tb", "caf\u00e9", "\udcff", ""])
def test_tabs_and_bytes_beyond_ascii_come_back_as_they_were(value):
    assert to_caller([("X-Thing", value)], echoing=False) == (("X-Thing", value),)
