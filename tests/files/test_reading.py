"""YAML in, plain values with their places out; whatever could be read in two ways is refused, each with its remedy."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.files import read_file, read_yaml


def told(content: str | bytes) -> list[str]:
    _, problems = read_yaml("f.yaml", content)
    return [str(problem).removeprefix("f.yaml:") for problem in problems]


def value(content: str | bytes) -> object:
    loaded, problems = read_yaml("f.yaml", content)
    assert loaded is not None
    assert problems == []
    return loaded.value


OTHER_BASE = "YAML 1.1 reads it as a number in another base: quote it, or write it in decimals"
NUMBER = "YAML 1.1 reads it as a number: quote it, or write it in plain decimals"
TRUTH = "YAML 1.1 reads it as a truth value: quote it, or write true or false"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: [1, -5, 1.5, true, false, null, ~, text]", {"a": [1, -5, 1.5, True, False, None, None, "text"]}),
        ("a: ['NO', \"on\", '010', '12:30']", {"a": ["NO", "on", "010", "12:30"]}),
        ("a: 2026-11-20", {"a": "2026-11-20"}),
        ("a:\nb: {}\nc: []", {"a": None, "b": {}, "c": []}),
        ('{"a": 1, "b": "x\\ny"}', {"a": 1, "b": "x\ny"}),
        ("\ufeffa: 1\r\nb: é\r\n", {"a": 1, "b": "é"}),
        ("1: one\ntrue: yes it is", {"1": "one", "true": "yes it is"}),
        ("a: &name 1", {"a": 1}),
        ("a: !!str 1", {"a": "1"}),
        ("a: -123456789012345678", {"a": -123456789012345678}),
        ("--- ~", None),
    ],
)
def test_what_can_be_read_in_one_way_is_read(content, expected):
    assert value(content) == expected
    assert value(content.encode()) == expected


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("country: NO", f"1:10 country: 'NO': {TRUTH}"),
        ("a: {b: on}", f"1:8 a.b: 'on': {TRUTH}"),
        ("NO: 1", f"1:1 NO: the key 'NO': {TRUTH}"),
        ("a: 010", f"1:4 a: '010': {OTHER_BASE}"),
        ("a: 0x1f", f"1:4 a: '0x1f': {OTHER_BASE}"),
        ("a: 1_000", f"1:4 a: '1_000': {OTHER_BASE}"),
        ("a: 12:30:00", f"1:4 a: '12:30:00': {OTHER_BASE}"),
        ("a: .inf", f"1:4 a: '.inf': {NUMBER}"),
        ("a: 1.", f"1:4 a: '1.': {NUMBER}"),
        ("a: 1e3", f"1:4 a: '1e3': {NUMBER}"),
        ("a: 1.0e+999", f"1:4 a: '1.0e+999': {NUMBER}"),
        ("a: NULL", "1:4 a: 'NULL': YAML 1.1 reads it as null: quote it, or write null"),
        ("a: =", "1:4 a: '=': quote it"),
        ("a: 12345678901234567890", "1:4 a: '12345678901234567890': a number of more than 18 digits: quote it"),
        ("a: " + "1" * 5000, f"1:4 a: '{'1' * 60}…': a number of more than 18 digits: quote it"),
        ("a: 1\nb: 2\na: 3", "3:1 a: the key 'a' stands twice"),
        ("- x: {y: 1, y: 1}", "1:13 [0].x.y: the key 'y' stands twice"),
        ("a: &x 1\nb: *x", "2:4 aliases are not taken: write the value of *x out"),
        ("<<: {a: 1}", "1:1 <<: the key '<<': merge keys are not taken: write the keys out, or use 'extends'"),
        ("a: !foo {b: 1}", "1:4 a: the tag !foo is not taken"),
        ("a: !!python/name:os.system x", "1:4 a: 'x': the tag tag:yaml.org,2002:python/name:os.system is not taken"),
        ("? [1]\n: 2", "1:3 ?: a key must be text"),
        ("a: [}", "1:5 not YAML: did not find expected node content"),
        ("a: 1\n---\nb: 2", "2:1 not YAML: but found another document"),
        ("é: é\nb: \x01", "2:1 not YAML: unacceptable character #x0001: control characters are not allowed"),
        (b"a: 1\nb: \xff", "2:1 the file is not UTF-8"),
        ("", "1:1 the file is empty"),
        ("# only a comment", "1:1 the file is empty"),
        ("[" * 3000, "1:41 nested too deeply"),
        ("é: [é, NO]", f"1:8 é[1]: 'NO': {TRUTH}"),
        (b"a" * (4 * 1024 * 1024 + 1), "1:1 the file is larger than 4 MiB"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(content, problem):
    assert told(content) == [problem]


def test_every_problem_of_a_file_is_told():
    assert [one.split(" ")[0] for one in told("a: NO\nb: [010, 'fine', on]\na: 1\n")] == ["1:4", "2:5", "2:18", "3:1"]


def test_an_expansion_bomb_costs_nothing():
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(30))
    assert len(told(bomb)) == 270


def test_a_problem_stands_at_the_value_the_key_or_what_is_around_it():
    loaded, _ = read_yaml("f.yaml", "routes:\n  - name: one\n    filters: [{name: jwt}]\n")
    assert loaded is not None
    assert str(loaded.problem(("routes", 0, "name"), "x")) == "f.yaml:2:11 routes[one].name: x"
    assert str(loaded.problem(("routes", 0, "name"), "x", key=True)) == "f.yaml:2:5 routes[one].name: x"
    assert (
        str(loaded.problem(("routes", 0, "filters", 0, "keys"), "x")) == "f.yaml:3:15 routes[one].filters[jwt].keys: x"
    )
    assert str(loaded.problem((), "x")) == "f.yaml:1:1 x"


@given(st.text(max_size=200))
def test_no_content_makes_it_raise(content):
    for form in (content.encode("utf-8", "replace"), content.encode("utf-16")):
        loaded, problems = read_yaml("f.yaml", form)
        assert loaded is not None or problems
        assert all("\n" not in str(problem) for problem in problems)


texts = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs", "Cn")), max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_json_is_read_as_json(document):
    loaded, problems = read_yaml("f.json", json.dumps(document))
    assert loaded is not None
    assert (loaded.value, problems) == (document, [])


def test_a_file_is_called_by_its_path_and_one_that_is_not_there_is_a_problem(tmp_path):
    (tmp_path / "some.yaml").write_text("a: 1\n")
    loaded, problems = read_file(tmp_path / "some.yaml")
    assert loaded is not None
    assert (loaded.name, loaded.value, problems) == (str(tmp_path / "some.yaml"), {"a": 1}, [])
    loaded, (problem,) = read_file(tmp_path / "none.yaml")
    assert loaded is None
    assert str(problem) == f"{tmp_path}/none.yaml:1:1 can not be read: No such file or directory"
