"""The tree at the top of errors.py is the tree of the classes, and every failure says the same thing each time."""

import re
from collections.abc import Iterator

import pytest

from gateway import errors
from gateway.errors import GatewayError, kinds

KINDS = [kind for kind in kinds() if kind.__module__ == errors.__name__]  # tests make kinds of their own


def drawn() -> Iterator[tuple[int, str, str | None]]:
    """Depth, name and status of each class of the picture."""
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ([│ ├└─]*)([A-Z][A-Za-z]+)(?:\s+([0-9]{3}))?", line)
        if found:
            yield len(found[1]) // 4, found[2], found[3]


def classes(root: type[GatewayError] = GatewayError, depth: int = 0) -> Iterator[tuple[int, str]]:
    yield depth, root.__name__
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from classes(kind, depth + 1)


def test_the_picture_is_the_tree():
    assert [(depth, name) for depth, name, _ in drawn()] == list(classes())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_a_kind_of_failure_is_whole(kind):
    status = next((status for _, name, status in drawn() if name == kind.__name__), None)
    assert status is None or int(status) == kind.status
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)
    assert 400 <= kind.status < 600
    assert kind.title[0].isupper()
    assert not kind.title.endswith(".")
    assert (kind.__doc__ or "").strip()
    assert kind.origin in {"gateway", "bank"}


def test_codes_and_types_are_unique():
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    assert len({kind().type_uri for kind in KINDS}) == len(KINDS)


def test_only_what_may_have_had_an_effect_is_unsafe_to_repeat():
    unsafe = {kind.__name__ for kind in KINDS if not kind.safe_to_repeat}
    assert unsafe == {"BankTimedOut", "GatewayFault", "UpstreamTimedOut", "UpstreamNonsense"}


def test_a_failure_carries_what_it_was_given():
    failure = errors.RequestInvalid("One sentence.", headers=(("Retry-After", "5"),), errors=[{"name": "from"}])
    assert (failure.detail, str(failure)) == ("One sentence.", "One sentence.")
    assert failure.headers == (("Retry-After", "5"),)
    assert failure.members == {"errors": [{"name": "from"}]}
    assert failure.type_uri == "urn:bank-gateway:problem:request_invalid"
    assert str(errors.NotFound()) == "There is no such resource"
    assert errors.NotFound().detail is None
