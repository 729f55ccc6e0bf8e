"""Whatever goes wrong is one line and a code that is not zero; never a traceback."""

import os
import pathlib
import subprocess
import sys

import pytest

from gateway import cli
from gateway.app import files
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

    monkeypatch.setattr(files, "read_files", fail)
    assert inside("openapi") == (code, "", told)


@pytest.mark.parametrize("arguments", [(), ("nothing",), ("check", "--nothing"), ("mapping", "run")])
def test_what_can_not_be_understood_ends_with_two(inside, arguments):
    code, answer, told = inside(*arguments)
    assert code == 2
    assert "Usage: " in "\n".join([answer, *told])


def test_a_process_of_its_own_ends_alike():
    assert gateway("nothing").returncode == 2
    assert refused("check", "--files", "/nowhere") == ["gateway: --files /nowhere: there is no such folder"]


def ended_before_a_reader(*arguments: str, errors_too: bool = False) -> tuple[int, bytes | None]:
    """The code of a command whose standard output nobody reads, and what it told."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "gateway", *arguments]
    stderr = writing if errors_too else subprocess.PIPE
    environment = {key: value for key, value in ENVIRONMENT.items() if key != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, stdout=writing, stderr=stderr, cwd=ROOT, env=environment) as process:
        os.close(writing)
        _, told = process.communicate(timeout=60)
    return process.returncode, told


@pytest.mark.parametrize("command", ["openapi", "check"])
def test_a_reader_that_goes_away_is_no_failure_to_tell(command):
    """Of little that is written, only the end of the process would tell."""
    assert ended_before_a_reader(command) == (1, b"")


def test_a_reader_of_everything_that_goes_away_is_none_either():
    assert ended_before_a_reader("nothing", errors_too=True) == (1, None)


def test_a_reader_of_the_first_line_gets_it():
    command = [sys.executable, "-m", "gateway", "routes"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=ENVIRONMENT
    ) as process:
        first = process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
    assert (first.split()[:2], told) == ([b"METHOD", b"PATH"], b"")


def test_what_can_not_be_written_is_told(monkeypatch, capfd):
    full = pathlib.Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with full.open("w") as stdout:
        monkeypatch.setattr(sys, "argv", ["gateway", "mapping", "test", "stet/accounts.list"])
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert (ended.value.code, capfd.readouterr().err) == (1, "gateway: standard output: No space left on device\n")


@pytest.mark.parametrize("command", [("check",), ("routes",), ("openapi",), ("mapping", "test")])
def test_a_folder_that_is_not_there_is_named(inside, command):
    told = "gateway: --files /nowhere/at/all: there is no such folder"
    assert inside(*command, "--files", "/nowhere/at/all") == (1, "", [told])


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (("--help",), {"aiohttp", "redis", "cryptography", "requests", "opentelemetry", "lxml", "rich.table"}),
        (
            ("check",),
            {"gateway.app.process", "gateway.simulator", "gateway.demo", "gateway.web", "gateway.telemetry.export"},
        ),
    ],
)
def test_a_command_imports_what_it_needs(arguments, unneeded):
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gateway", *arguments],
        capture_output=True,
        cwd=ROOT,
        env=ENVIRONMENT,
        timeout=60,
        check=True,
    ).stderr.decode()
    imported = {line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")}
    assert "gateway.cli" in imported
    assert not imported & unneeded
