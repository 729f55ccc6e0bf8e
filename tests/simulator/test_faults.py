from gateway.simulator.configuration import Fault
from gateway.simulator.faults import Faults


def test_counts_run_down_for_the_calls_that_meet_a_fault() -> None:
    faults = Faults((Fault(kind="429", operation="accounts.list", count=2), Fault(kind="latency", milliseconds=5)))
    assert [fault.kind for fault in faults.meet("balances.list")] == ["latency"]
    assert [fault.kind for fault in faults.meet("accounts.list")] == ["429", "latency"]
    assert [(fault.kind, fault.count) for fault in faults.listed()] == [("429", 1), ("latency", None)]
    faults.meet("accounts.list")
    assert [fault.kind for fault in faults.listed()] == ["latency"]


def test_two_equal_faults_are_two() -> None:
    faults = Faults((Fault(kind="500", count=1), Fault(kind="500", count=1)))
    assert len(faults.meet("accounts.list")) == 2
    assert faults.listed() == ()


def test_a_path_of_no_operation_meets_only_faults_of_any_operation() -> None:
    faults = Faults((Fault(kind="500", operation="accounts.list"), Fault(kind="latency")))
    assert [fault.kind for fault in faults.meet(None)] == ["latency"]
