import ssl

from gateway.errors import BankTimedOut
from gateway.telemetry.failures import describe


def caught(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as raised:  # noqa: BLE001 - groups and exits are described too
        return raised


def test_the_text_of_a_foreign_error_is_withheld_but_its_kind_and_place_are_told():
    (described,) = describe(caught(ValueError("invalid literal: Canary")))
    assert described["type"] == "ValueError"
    assert "message" not in described
    assert described["at"][-1].startswith("test_failures.py:")
    assert described["at"][-1].endswith(" caught")
    assert "Canary" not in str(described)


def test_our_own_errors_and_the_systems_keep_their_message_redacted():
    (ours,) = describe(caught(BankTimedOut("No answer within 5 seconds.")))
    assert (ours["type"], ours["message"]) == ("gateway.errors.BankTimedOut", "No answer within 5 seconds.")
    (system,) = describe(caught(ConnectionRefusedError(111, "Connection refused")))
    assert system["message"] == "[Errno 111] Connection refused"
    (tls,) = describe(caught(ssl.SSLError(1, "token=Canary")))
    assert "Canary" not in str(tls)


def test_causes_contexts_and_groups_are_told_without_their_texts():
    cause = caught(KeyError("Canary"))
    group = ExceptionGroup("Canary", [caught(ValueError("Canary")), caught(TypeError("Canary"), cause)])
    described = describe(caught(group, caught(RuntimeError("Canary"))))
    assert [one["type"] for one in described] == [
        "ExceptionGroup",
        "ValueError",
        "TypeError",
        "KeyError",
        "RuntimeError",
    ]
    assert "Canary" not in str(described)


def test_a_suppressed_context_is_not_told_and_a_circle_ends():
    hidden = caught(OSError("plain"))
    hidden.__context__, hidden.__suppress_context__ = KeyError("Canary"), True
    assert len(describe(hidden)) == 1
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert len(describe(first)) == 2


def test_a_long_chain_and_a_deep_stack_are_cut():
    error: BaseException | None = None
    for _ in range(30):
        error = caught(ValueError("x"), error)
    assert error is not None
    assert len(describe(error)) == 8

    def deep(level: int) -> None:
        if level:
            deep(level - 1)
        raise ValueError("x")

    try:
        deep(60)
    except ValueError as raised:
        (described,) = describe(raised)
        assert len(described["at"]) == 20
        assert described["at"][-1].endswith(" deep")
