import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.paths import EVERY, parse, write

STEPS = st.text(max_size=8) | st.integers(0, 10**6) | st.just(EVERY)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("$", ()),
        ("$.Data.Transaction[*]", ("Data", "Transaction", EVERY)),
        ("$['a b'].c", ("a b", "c")),
        ('$["a\'b"]', ("a'b",)),
        (r"$['a\'b\\c']", ("a'b\\c",)),
        ("$['*']", ("*",)),
        ("$['0'][0][10]", ("0", 0, 10)),
        ("$.a-b._c.é", ("a-b", "_c", "é")),
    ],
)
def test_a_singular_query_is_read(text, path):
    assert parse(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        ".a",
        "$a",
        "$.",
        "$..a",
        "$.*",
        "$[?@.a]",
        "$[-1]",
        "$[01]",
        "$[0:1]",
        "$[a]",
        "$['a",
        "$.0a",
        "$. a",
        "$.a ",
    ],
)
def test_anything_else_is_refused_with_the_whole_path(text):
    with pytest.raises(ValueError, match=r"^the path '") as caught:
        parse(text)
    assert f"'{text}'" in str(caught.value)


@given(st.lists(STEPS, max_size=6).map(tuple))
def test_what_is_written_is_read_again(path):
    assert parse(write(path)) == path
