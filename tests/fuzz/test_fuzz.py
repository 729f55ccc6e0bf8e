"""A moment of each target, always with the same inputs, and every case that a longer run has found."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.catalogue import TARGETS
from tests.fuzz.target import CASES, Target


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_invariant_holds(target: Target) -> None:
    taken = settings(
        max_examples=target.examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    taken(given(target.inputs)(target.judge))()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_was_found_once_holds_now(target: Target) -> None:
    for case in target.cases():
        target.judge(case.read_bytes())


def test_each_target_has_its_name_and_invariant() -> None:
    assert len({target.name for target in TARGETS}) == len(TARGETS)
    assert all(target.invariant for target in TARGETS)
    assert {path.name for path in CASES.glob("*") if path.is_dir()} <= {target.name for target in TARGETS}
