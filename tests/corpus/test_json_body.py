"""The suite of JSON texts that parsers must take, must refuse, or may do either with: our guard takes no side twice."""

import pytest

from gateway.filters.bounded_json import Bounds, check
from tests.corpus import CORPUS, NEEDED

BOUNDS = Bounds(depth=600, values=200_000, text=64 * 1024, digits=1000)
FILES = sorted((CORPUS / "vectors" / "json-parsing").glob("*.json")) if CORPUS else []
# RFC 8259 leaves a member that stands twice to the reader; here it is refused.
TWICE = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
# Of those that a reader may take or leave, these are left to whoever reads the number.
TAKEN = {
    "i_number_too_big_neg_int.json",
    "i_number_too_big_pos_int.json",
    "i_number_very_big_negative_int.json",
    "i_number_double_huge_neg_exp.json",
    "i_structure_500_nested_arrays.json",
}


@pytest.mark.skipif(CORPUS is None, reason=NEEDED)
def test_the_suite_is_there():
    assert len(FILES) > 250


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_text_is_taken_or_refused(file):
    try:
        check(file.read_bytes(), BOUNDS)
    except ValueError:
        taken = False
    else:
        taken = True
    kind = file.name[0]
    assert taken == ((kind == "y" and file.name not in TWICE) or file.name in TAKEN)
