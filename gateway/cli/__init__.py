"""The command line: each command is a function in a module of its own, listed here by hand.

Whatever goes wrong is told in one line, or a line for each problem of a file, and ends with a non-zero exit: 1 where
what was asked failed, 2 where the command can not be understood. Never a traceback.

A module here imports what reads the command line, and a command what it needs, when it runs: `--help` and a misspelt
word are answered without a server, a store and their libraries.
"""

import os
import sys

import typer

from gateway.cli import mapping, reviewing, serving, simulating, status, touring
from gateway.cli.console import fail, tell_problems
from gateway.errors import GatewayError
from gateway.files import Refused

app = typer.Typer(
    name="gateway",
    help="One stable contract for every bank: serve it, check its files, try its mappings.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(serving.serve)
app.command()(status.status)
app.command()(serving.check)
app.command()(serving.routes)
app.command()(serving.openapi)
app.command()(simulating.simulate)
app.command()(touring.demo)
app.add_typer(mapping.app, name="mapping")
app.add_typer(reviewing.app, name="review")


def main() -> None:
    """Runs the command line; when it ends, what was to be written is, or it was told that it can not be."""
    try:
        try:
            _run()
        finally:
            # What is still held back goes out here: at the very end Python would tell of a failure in its own words.
            print(end="", flush=True)
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            fail(f"standard output: {error.strerror}")
        # A reader that has enough, as `| head` has, needs no word.
        os.dup2(nowhere, sys.stderr.fileno())
        sys.exit(1)


def _run() -> None:
    try:
        app(standalone_mode=True)
    except Refused as refused:
        tell_problems(refused.problems)
        sys.exit(1)
    except GatewayError as error:
        fail(f"{error.code}: {error.detail or error.title}")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the last door: a person sees one line
        fail(f"unexpected {type(error).__name__}: {error}; please report it with the command that you ran")
