import json
import tracemalloc

import pytest

from gateway.filters.bounded_json import Bounds, check

BOUNDS = Bounds(depth=32, values=10_000, text=64 * 1024, digits=40)


def nested(opening: bytes, closing: bytes, depth: int, inside: bytes = b"1") -> bytes:
    return opening * depth + inside + closing * depth


@pytest.mark.parametrize(
    "content",
    [
        b"null",
        b'"text"',
        b"-0.5e+12",
        b' {"a": [1, 2.50, true, {"b": {}}], "c": "\\u00e9 \\ud83d\\ude00 \\\\ \\" [[[", "": []} ',
        nested(b"[", b"]", 32),
        nested(b'{"a":', b"}", 32),
        json.dumps([0] * 9_999).encode(),
        json.dumps("x" * 64 * 1024).encode(),
        b"9" * 40,
        b"1e999",
        '{"é": "ü"}'.encode(),
    ],
)
def test_what_is_within_bounds_is_taken(content):
    check(content, BOUNDS)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(nested(b"[", b"]", 33), "nested more than 32 deep", id="one-level-too-deep"),
        pytest.param(b"[" * 1_000_000, "nested more than 32 deep", id="a-million-lists-opened"),
        pytest.param(nested(b'{"a":', b"}", 100_000), "nested more than 32 deep", id="a-hundred-thousand-objects"),
        pytest.param(b"[" + b"[]," * 5_000 + b"[" * 40, "nested more than 32 deep", id="deep-after-many"),
        pytest.param(json.dumps([0] * 10_000).encode(), "more than 10000 keys and values", id="one-value-too-many"),
        pytest.param(
            json.dumps({f"k{n}": n for n in range(1_000_000)}).encode(), "more than 10000 keys", id="a-million-keys"
        ),
        pytest.param(b'"' + b"x" * (64 * 1024 + 1) + b'"', "a text of more than 65536 bytes", id="a-huge-text"),
        pytest.param(b'{"' + b"x" * 70_000 + b'":1}', "a text of more than 65536 bytes", id="a-huge-key"),
        pytest.param(b'"' + b"\\u0041" * 20_000 + b'"', "a text of more than 65536 bytes", id="a-huge-text-in-escapes"),
        pytest.param(b"1" * 41, "a number of more than 40 characters", id="a-number-one-digit-too-long"),
        pytest.param(b"[" + b"1" * 1_000_000 + b"]", "a number of more than 40 characters", id="a-huge-whole-number"),
        pytest.param(b"1e9999", "exponent leads too far", id="a-huge-exponent"),
        pytest.param(b"1E-00009999", "exponent leads too far", id="a-tiny-number"),
        pytest.param(b'{"a":1,"a":2}', "each member once", id="a-member-twice"),
        pytest.param(b'{"a":1,"\\u0061":2}', "each member once", id="a-member-twice-by-an-escape"),
        pytest.param(b'[{"x":{"b":1,"b":1}}]', "each member once", id="a-member-twice-deep-inside"),
        pytest.param(b'"\\ud800"', "half a surrogate pair", id="half-a-pair"),
        pytest.param(b'{"\\udc00\\ud800":1}', "half a surrogate pair", id="a-pair-the-wrong-way-round"),
        pytest.param(b'"never closed', "ends inside a text", id="a-text-without-an-end"),
        pytest.param(b'"' + b'\\"' * 500_000, "ends inside a text", id="a-million-escapes-without-an-end"),
        *(
            pytest.param(content, "is not JSON", id=f"not-json-{number}")
            for number, content in enumerate(
                [
                    b"",
                    b" ",
                    b"NaN",
                    b"-Infinity",
                    b"01",
                    b"+1",
                    b"1.",
                    b"[1,]",
                    b"{'a':1}",
                    b'{"a":1,}',
                    b"// x\n1",
                    b"1 2",
                    b'"\t"',
                    b'"\\x41"',
                    b'"\\u12"',
                    b"\xef\xbb\xbf{}",
                    b'"\xff"',
                    b'"\xc0\xae"',
                    b'"\xed\xa0\x80"',
                    "{}".encode("utf-16"),
                    b"]",
                    b"\x00",
                ]
            )
        ),
    ],
)
def test_what_is_not_is_refused_with_the_bound_that_it_passes(content, told):
    with pytest.raises(ValueError, match=told) as caught:
        check(content, BOUNDS)
    assert caught.value.__cause__ is None


def test_keys_that_are_made_to_collide_cost_no_more_than_others():
    """Hash flooding: texts are hashed under a secret of the process, numbers are no keys, and the count is bounded."""
    colliding_as_numbers = {str(n * (2**61 - 1)): 0 for n in range(4_000)}
    check(json.dumps(colliding_as_numbers).encode(), BOUNDS)


def test_a_refused_document_is_not_built_first():
    content = json.dumps([{"a": "b"}] * 300_000).encode()
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than 10000"):
        check(content, BOUNDS)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200_000


def test_nothing_of_the_content_is_told():
    with pytest.raises(ValueError, match="JSON") as caught:
        check(b'{"iban": DE89370400440532013000}', BOUNDS)
    assert "DE89" not in str(caught.value)
