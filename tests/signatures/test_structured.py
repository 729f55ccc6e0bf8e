"""The parser is http-sf's; what is checked is that we ask it rightly, and where we are stricter."""

import base64
import contextlib
import functools
import json
from decimal import Decimal

import http_sf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.signatures.structured import NotStructured, read_dictionary, read_item, rewritten, write_item
from tests.corpus import CORPUS, NEEDED


def vectors(kind):
    """The corpus' cases of one top-level type: raw, and its canonical form or None where it must be refused."""
    found = []
    for file in sorted((CORPUS / "vectors" / "structured-fields").glob("*.json")):
        for case in json.loads(file.read_bytes()):
            if case["header_type"] == kind and not case.get("can_fail"):
                raw = ", ".join(case["raw"])
                canonical = None if case.get("must_fail") else ", ".join(case.get("canonical", case["raw"]))
                found.append((f"{file.stem}: {case['name']}", raw, canonical))
    return found


@functools.cache
def parsed_twice(text, kind="dictionary"):
    """Whether http-sf finds a key or parameter twice, whatever it makes of it."""
    twice = []
    http_sf.parse(text.encode(), tltype=kind, on_duplicate_key=lambda *found: twice.append(found))
    return bool(twice)


@pytest.mark.skipif(CORPUS is None, reason=NEEDED)
def test_dictionaries_are_those_of_the_published_vectors():
    cases = vectors("dictionary")
    assert len(cases) > 100
    for name, raw, canonical in cases:
        try:
            members = read_dictionary(raw)
        except NotStructured:
            assert canonical is None or parsed_twice(raw), name
            continue
        assert canonical is not None, name
        # A member that is true is written without its value in a dictionary, and with it alone.
        alone = [f"{key}={write_item(member)}" for key, member in members.items()]
        assert ", ".join(alone).replace("=?1", "") == canonical.replace("=?1", ""), name


@pytest.mark.skipif(CORPUS is None, reason=NEEDED)
def test_items_are_those_of_the_published_vectors():
    cases = vectors("item")
    assert len(cases) > 300
    for name, raw, canonical in cases:
        try:
            item = read_item(raw)
        except NotStructured:
            assert canonical is None or ";a=2" in raw or ";a=3" in raw, name
            continue
        assert canonical is not None, name
        assert write_item(item) == canonical, name


@pytest.mark.skipif(CORPUS is None, reason=NEEDED)
def test_whole_lists_and_dictionaries_are_written_as_in_the_published_vectors():
    for name, kind in (("accept", "list"), ("priority", "dictionary")):
        cases = vectors(kind)
        assert len(cases) > 100
        for case, raw, canonical in cases:
            try:
                written = rewritten(name, raw)
            except NotStructured:
                assert canonical is None or ";a=" in raw or parsed_twice(raw, kind), case
                continue
            assert written == canonical, case


@pytest.mark.skipif(CORPUS is None, reason=NEEDED)
def test_what_can_not_be_written_is_not():
    cases = []
    for file in sorted((CORPUS / "vectors" / "structured-fields" / "serialisation-tests").glob("*.json")):
        read = json.loads(file.read_bytes(), parse_float=Decimal)
        cases += [case for case in read if case["header_type"] == "item"]
    assert len(cases) > 100
    for case in cases:
        value, parameters = case["expected"]
        item = (_bare(value), {key: _bare(one) for key, one in parameters})
        if case.get("must_fail"):
            with pytest.raises(ValueError, match=r".*"):
                write_item(item)
        else:
            assert write_item(item) == case["canonical"][0], case["name"]


def _bare(value):
    return http_sf.Token(value["value"]) if isinstance(value, dict) and value["__type"] == "token" else value


@pytest.mark.parametrize("text", ["a=1, a=1", "a=1, b=2, a=3", "a=1;x=1;x=2", 'a=("b";x;x)', "sig=(), sig=()"])
def test_what_stands_twice_is_refused(text):
    with pytest.raises(NotStructured):
        read_dictionary(text)


@pytest.mark.parametrize(
    ("name", "text", "whole"),
    [
        ("content-digest", "sha-256=:YQ==:,   sha-512=:Yg==:", "sha-256=:YQ==:, sha-512=:Yg==:"),
        ("cache-control", "max-age=60,   private", "max-age=60, private"),
        ("accept", "a/b;q=0.50 ,c/d", "a/b;q=0.5, c/d"),
        ("idempotency-key", '"one";  a=1', '"one";a=1'),
        ("signature-input", 'sig=( "a"   "b" );created=1', 'sig=("a" "b");created=1'),
        ("cache-control", "", ""),
    ],
)
def test_a_field_is_written_in_one_form(name, text, whole):
    assert rewritten(name, text) == whole


@pytest.mark.parametrize(("name", "text"), [("x-ours", "a=1"), ("date", "@1"), ("priority", "u=(")])
def test_a_field_of_no_known_type_or_form_has_none(name, text):
    with pytest.raises(NotStructured):
        rewritten(name, text)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=40), st.text("ab=();:\"'?@%-.0159, \\", max_size=40)))
def test_whatever_comes_is_read_or_refused(text):
    for read in (read_dictionary, read_item):
        with contextlib.suppress(NotStructured):
            assert read(text) is not None


@settings(deadline=None)
@given(st.dictionaries(st.from_regex("[a-z][a-z0-9]{0,8}", fullmatch=True), st.binary(max_size=70), min_size=1))
def test_bytes_come_through(members):
    text = ", ".join(f"{key}=:{base64.b64encode(value).decode()}:" for key, value in members.items())
    assert {key: value for key, (value, _) in read_dictionary(text).items()} == members
