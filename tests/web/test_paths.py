"""A path has one reading or is refused; what is matched is byte for byte what came."""

import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import PathRefused
from gateway.web.paths import MOST_PATH, MOST_QUERY, canonical

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/accounts",
        "/v1/accounts/",
        "/v1/accounts/a.b..c/~x_-",
        "/.well-known/openid",
        "/...",
        "/a:b@c!$&'()*+,=",
        "/%C3%A9/%20/%40%3A",
        "/caf%C3%A9",
    ],
)
def test_a_path_in_normal_form_is_taken_as_it_is(path: str):
    assert canonical(path) == (path, None)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("", "begin with a slash"),
        ("*", "begin with a slash"),
        ("v1/accounts", "begin with a slash"),
        ("http://evil.example/v1/accounts", "begin with a slash"),
        ("evil.example:443", "begin with a slash"),
        ("//evil.example/x", "empty segment"),
        ("/v1//accounts", "empty segment"),
        ("/v1/accounts//", "empty segment"),
        ("/v1/./accounts", "dot segment"),
        ("/v1/../accounts", "dot segment"),
        ("/v1/accounts/..", "dot segment"),
        ("/v1/accounts/.", "dot segment"),
        ("/..", "dot segment"),
        ("/v1/%2e%2e/accounts", "encoded separator"),
        ("/v1/%2E%2E/accounts", "encoded separator"),
        ("/v1/.%2E/accounts", "encoded separator"),
        ("/v1/%252e%252e/accounts", "encoded separator"),
        ("/v1/a%2fb", "encoded separator"),
        ("/v1/a%2Fb", "encoded separator"),
        ("/v1/a%5Cb", "encoded separator"),
        ("/v1/a%3Bb", "encoded separator"),
        ("/v1/a%23b", "encoded separator"),
        ("/v1/a%3Fb", "encoded separator"),
        ("/v1/%61ccounts", "encoded separator"),
        ("/v1/a%00b", "control character"),
        ("/v1/a%0D%0Ab", "control character"),
        ("/v1/a%7Fb", "control character"),
        ("/v1/a\\b", "not taken there"),
        ("/v1/a;b=c", "not taken there"),
        ("/v1/a#b", "not taken there"),
        ("/v1/a b", "not taken there"),
        ("/v1/a\x00b", "not taken there"),
        ("/v1/caf\u00e9", "not taken there"),
        ("/v1/\udcc3\udca9", "not taken there"),
        ('/v1/"', "not taken there"),
        ("/v1/{a}", "not taken there"),
        ("/v1/%zz", "two hexadecimal digits"),
        ("/v1/%4", "two hexadecimal digits"),
        ("/v1/%", "two hexadecimal digits"),
        ("/v1/%c3%a9", "upper case"),
        ("/v1/%C0%AF", "not UTF-8"),
        ("/v1/%C3", "not UTF-8"),
        ("/v1/%ED%A0%80", "not UTF-8"),
        ("/" + "a" * MOST_PATH, "too long"),
    ],
)
def test_case_29_a_path_with_two_readings_is_refused(target: str, reason: str):
    with pytest.raises(PathRefused) as refused:
        canonical(target)
    assert reason in str(refused.value.detail)


def test_the_query_is_kept_as_it_is():
    for query in ("a=1&b=%2F..&c=+&d=%ff", "x=/?:@;!$'()*,~", "a=1&a=2"):
        assert canonical(f"/v1?{query}") == ("/v1", query)
    assert canonical("/v1?a?b") == ("/v1", "a?b")
    assert canonical("/v1?") == ("/v1", ""), "an empty query is not none"


@pytest.mark.parametrize("query", ["a=%", "a=%g0", "a=[1]", "a=\u00e9", "a=b c", 'a="', "a=\\", "a#b", "a|b", "a=<b>"])
def test_a_query_with_another_character_is_refused(query: str):
    with pytest.raises(PathRefused, match="query"):
        canonical(f"/v1?{query}")


def test_a_query_that_is_too_long_is_refused():
    with pytest.raises(PathRefused, match="too long"):
        canonical("/v1?" + "a" * (MOST_QUERY + 1))


def test_no_refusal_repeats_the_path():
    with pytest.raises(PathRefused) as refused:
        canonical("/canary;canary")
    assert "canary" not in str(refused.value.detail)


@given(st.text(st.characters(codec="ascii"), max_size=30))
def test_case_29_what_is_taken_is_left_alone_by_every_normaliser(tail: str):
    target = f"/v1/{tail}"
    try:
        path, query = canonical(target)
    except PathRefused:
        return
    assert target == (path if query is None else f"{path}?{query}")
    split = urllib.parse.urlsplit(path)
    assert (split.path, split.netloc, split.query, split.fragment) == (path, "", "", "")
    joined = urllib.parse.urljoin("http://gateway.example", path)
    assert joined == f"http://gateway.example{path}"
    once = urllib.parse.unquote(path, errors="strict")
    # Decoding makes no separator, no dot segment, nothing that decodes again.
    assert once.count("/") == path.count("/")
    assert not {".", ".."} & set(once.split("/"))
    assert "%" not in once
    assert "\\" not in once


@given(st.lists(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()), min_size=1, max_size=4))
def test_what_an_honest_client_encodes_is_taken(words: list[str]):
    avoided = set('/\\;#?%"')
    segments = [word for word in words if not set(word) & avoided and word not in {".", ".."}]
    path = "/" + "/".join(urllib.parse.quote(segment, safe="") for segment in segments)
    assert canonical(path) == (path, None)


@pytest.mark.parametrize("character", UNRESERVED)
def test_nothing_unreserved_may_be_encoded(character: str):
    with pytest.raises(PathRefused):
        canonical(f"/v1/a%{ord(character):02X}")
