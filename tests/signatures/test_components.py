"""The examples of RFC 9421 section 2, and what has no value."""

import pytest

from gateway.signatures.components import SignedRequest, SignedResponse, Values, read_component
from gateway.signatures.header_lines import SignatureRefused
from tests.signatures.messages import a_request, fields


def value(message, written):
    return Values(message).of(read_component(written))


def a_get(target="/path?param=value", **more):
    path, mark, query = target.partition("?")
    whole = {"method": "GET", "scheme": "https", "authority": "www.example.com", "fields": fields()}
    return SignedRequest(**{**whole, "path": path, "query": query if mark else None, **more})


FIELDS = fields(
    ("Date", "Tue, 20 Apr 2021 02:07:56 GMT"),
    ("X-OWS-Header", "  Leading and trailing whitespace. \t "),
    ("Cache-Control", "max-age=60"),
    ("Cache-Control", "   must-revalidate"),
    ("X-Empty", ""),
    ("Example-Dict", " a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
    ("Example-Header", "value, with, lots"),
    ("Example-Header", "of, commas"),
    ("Priority", "u=3,   i"),
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("date", "Tue, 20 Apr 2021 02:07:56 GMT"),
        ("x-ows-header", "Leading and trailing whitespace."),
        ("cache-control", "max-age=60, must-revalidate"),
        ("x-empty", ""),
        ("example-dict", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
        ('"example-dict";key="a"', "1"),
        ('"example-dict";key="b"', "2;x=1;y=2"),
        ('"example-dict";key="c"', "(a b c)"),
        ('"example-dict";key="d"', "?1"),
        ('"example-dict";key="a";sf', "1"),
        ('"priority";sf', "u=3, i"),
        ('"example-header";bs', ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"),
        ("example-header", "value, with, lots, of, commas"),
        ('"x-empty";bs', "::"),
    ],
)
def test_fields_are_as_the_rfc_writes_them(written, expected):
    assert value(a_get(fields=FIELDS), written) == expected


def test_one_line_and_two_are_told_apart_where_bytes_are_wrapped():
    one = fields(("Example-Header", "value, with, lots, of, commas"))
    assert value(a_get(fields=one), '"example-header";bs') == ":dmFsdWUsIHdpdGgsIGxvdHMsIG9mLCBjb21tYXM=:"


def test_bytes_beyond_ascii_can_be_wrapped():
    raw = b"caf\xe9 \xc3\xa9".decode("utf-8", "surrogateescape")
    assert value(a_get(fields=fields(("X-Name", raw))), '"x-name";bs') == ":Y2Fm6SDDqQ==:"


@pytest.mark.parametrize(
    ("target", "written", "expected"),
    [
        ("/path?param=value", "@method", "GET"),
        ("/path?param=value", "@target-uri", "https://www.example.com/path?param=value"),
        ("/path?param=value", "@authority", "www.example.com"),
        ("/path?param=value", "@scheme", "https"),
        ("/path?param=value", "@request-target", "/path?param=value"),
        ("/path?param=value", "@path", "/path"),
        ("/path?param=value&foo=bar&baz=bat%2Dman", "@query", "?param=value&foo=bar&baz=bat%2Dman"),
        ("/path?queryString", "@query", "?queryString"),
        ("/path", "@query", "?"),
        ("/path?", "@query", "?"),
        ("/path", "@target-uri", "https://www.example.com/path"),
        ("", "@path", "/"),
        ("", "@target-uri", "https://www.example.com/"),
        ("/path?param=value&foo=bar&baz=batman&qux=", '"@query-param";name="baz"', "batman"),
        ("/path?param=value&foo=bar&baz=batman&qux=", '"@query-param";name="qux"', ""),
        (
            "/p?var=this%20is%20a%20big%0Amultiline%20value",
            '"@query-param";name="var"',
            "this%20is%20a%20big%0Amultiline%20value",
        ),
        ("/p?bar=with+plus+whitespace", '"@query-param";name="bar"', "with%20plus%20whitespace"),
        ("/p?fa%C3%A7ade%22%3A%20=something", '"@query-param";name="fa%C3%A7ade%22%3A%20"', "something"),
        ("/p?tilde=~&star=*", '"@query-param";name="tilde"', "%7E"),
        ("/p?tilde=~&star=*", '"@query-param";name="star"', "*"),
    ],
)
def test_derived_components_are_as_the_rfc_writes_them(target, written, expected):
    assert value(a_get(target), written) == expected


def test_an_answer_has_its_status_and_what_it_answers():
    request = a_get(fields=fields(("Signature", "sig1=:YQ==:")))
    answer = SignedResponse(503, fields(("Content-Type", "application/json")), request)
    assert value(answer, "@status") == "503"
    assert value(answer, '"@method";req') == "GET"
    assert value(answer, '"@query-param";name="param";req') == "value"
    assert value(answer, '"signature";req;key="sig1"') == ":YQ==:"
    for written in ("@method", "@target-uri", "signature", '"content-type";req'):
        with pytest.raises(SignatureRefused):
            value(answer, written)


@pytest.mark.parametrize(
    "written",
    [
        "x-absent",
        "@status",
        '"@method";req',
        '"date";req',
        '"example-dict";key="z"',
        '"example-header";key="a"',
        '"example-header";sf',
        '"example-dict";sf',
        '"@query-param";name="absent"',
    ],
)
def test_what_a_request_lacks_has_no_value(written):
    with pytest.raises(SignatureRefused):
        value(a_get(fields=FIELDS), written)


@pytest.mark.parametrize("target", ["/p?a=1&a=2", "/p?a=1&%61=2", "/p?" + "&".join(["b"] * 1001) + "&a=1"])
def test_a_query_parameter_that_stands_twice_or_among_too_many_has_no_value(target):
    with pytest.raises(SignatureRefused):
        value(a_get(target), '"@query-param";name="a"')


@pytest.mark.parametrize(
    "written",
    [
        "Date",
        "@signature-params",
        "@request-response",
        "@query-param",
        '"@method";name="x"',
        '"@method";sf',
        '"@path";key="a"',
        '"date";tr',
        '"date";bs;sf',
        '"date";bs;key="a"',
        '"date";name="a"',
        '"date";sf=1',
        '"date";sf=?0',
        '"date";key=a',
        '"date";key',
        '"date";new',
        '"@status";req',
        '"date',
        '"date" "x"',
        "",
    ],
)
def test_what_is_no_component_is_refused(written):
    with pytest.raises(SignatureRefused):
        value(a_get(fields=FIELDS), written)


def test_identifiers_are_equal_whatever_the_order_of_their_parameters():
    one, other = read_component('"signature";req;key="a"'), read_component('"signature";key="a";req')
    assert one.identity == other.identity
    assert one.text != other.text
    assert read_component('"date";bs').identity != read_component("date").identity
    assert value(a_request(), "x-words") == "one, two"
