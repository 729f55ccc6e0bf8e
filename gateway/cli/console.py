"""How the command line speaks: results on standard output, everything else on standard error."""

import pathlib
import sys
from collections.abc import Iterable
from typing import Annotated, NoReturn

import typer

from gateway.files import Layers, Problem

SETTINGS_HELP = "The settings file; else what GATEWAY_SETTINGS names."
Files = Annotated[
    list[pathlib.Path] | None,
    typer.Option(
        "--files",
        help="A folder of your own files, laid over what ships; may be given several times, the last counts most.",
        show_default=False,
    ),
]


def layers_over(files: list[pathlib.Path] | None) -> Layers:
    """What ships with an operator's folders over it; a folder that is not there ends the command."""
    for folder in files or []:
        if not folder.is_dir():
            fail(f"--files {folder}: there is no such folder")
    return Layers.over_shipped(tuple(files or ()))


def fail(message: str, code: int = 1) -> NoReturn:
    """Ends the command with one line."""
    print(f"gateway: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(code)


def tell_problems(problems: Iterable[Problem]) -> None:
    """A line for each problem, and how many there are."""
    count = 0
    for problem in problems:
        count += 1
        print(problem, file=sys.stderr)
    print(f"gateway: {count} problem{'' if count == 1 else 's'}", file=sys.stderr)
