"""`gateway demo`: the guided tour."""

import pathlib
from typing import Annotated

import typer

from gateway.cli.console import fail


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the tour; exit code 0 if every step held.")] = False,
    folder: Annotated[
        pathlib.Path | None, typer.Option(help="Keep the files in this folder, which must be empty.")
    ] = None,
) -> None:
    """Simulated banks, a gateway with throw-away certificates, and a tour of real calls; then it stays up.

    Takes free ports only, and leaves no process, no port and, without --folder, no file behind.
    """
    from gateway.demo.screen import Screen
    from gateway.demo.tour import TourFailed, run

    try:
        run(once=once, folder=folder, screen=Screen())
    except TourFailed as failed:
        fail(str(failed))
    except KeyboardInterrupt:
        fail("ended before the tour was over", 130)
