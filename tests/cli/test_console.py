"""Whatever goes wrong is one line and a code that is not zero; never a traceback."""

import os
import subprocess
import sys

import pytest

from gateway.cli import serving
from gateway.errors import BankNonsense
from gateway.files import Problem, Refused
from tests.cli.commands import ENVIRONMENT, ROOT, gateway, refused

UNEXPECTED = "unexpected RuntimeError: one two; please report it with the command that you ran"


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (RuntimeError("one\ntwo"), 1, [f"gateway: {UNEXPECTED}"]),
        (BankNonsense("It is none."), 1, ["gateway: bank_nonsense: It is none."]),
        (BankNonsense(), 1, ["gateway: bank_nonsense: The bank's answer can not be read"]),
        (KeyboardInterrupt(), 130, []),
        (
            Refused([Problem("b.yaml", 2, 1, "", "late"), Problem("a.yaml", 1, 1, "k", "early")]),
            1,
            ["a.yaml:1:1 k: early", "b.yaml:2:1 late", "gateway: 2 problems"],
        ),
    ],
)
def test_a_failure_is_one_line_or_one_for_each_problem(monkeypatch, inside, raised, code, told):
    def fail(_layers):
        raise raised

    monkeypatch.setattr(serving, "read_files", fail)
    assert inside("openapi") == (code, "", told)


@pytest.mark.parametrize("arguments", [(), ("nothing",), ("check", "--nothing"), ("mapping", "run")])
def test_what_can_not_be_understood_ends_with_two(inside, arguments):
    code, answer, told = inside(*arguments)
    assert code == 2
    assert "Usage: " in "\n".join([answer, *told])


def test_a_process_of_its_own_ends_alike():
    assert gateway("nothing").returncode == 2
    assert refused("check", "--files", "/nowhere") == ["gateway: --files /nowhere: there is no such folder"]


def test_a_reader_that_goes_away_is_no_failure_to_tell():
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "gateway", "openapi"]
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, cwd=ROOT, env=ENVIRONMENT) as process:
        os.close(writing)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (1, b"")


@pytest.mark.parametrize("command", [("check",), ("routes",), ("openapi",), ("mapping", "test")])
def test_a_folder_that_is_not_there_is_named(inside, command):
    told = "gateway: --files /nowhere/at/all: there is no such folder"
    assert inside(*command, "--files", "/nowhere/at/all") == (1, "", [told])
