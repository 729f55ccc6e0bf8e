"""`gateway review`: the answers of banks that were kept, sealed, because their signatures failed."""

import os
import pathlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import SETTINGS_HELP, fail

if TYPE_CHECKING:
    from gateway.store.reviews import Reviews

app = typer.Typer(no_args_is_help=True, help="Answers of banks that were not read, kept sealed: list, open, remove.")

SettingsFile = Annotated[pathlib.Path | None, typer.Option("--settings", help=SETTINGS_HELP)]
Id = Annotated[str, typer.Argument(help="The review's id, as `list` and the problem show it.")]


@app.command("list")
def list_reviews(settings: SettingsFile = None) -> None:
    """List what is kept, the oldest first: when, of which bank, and why it was not read."""
    from rich.console import Console
    from rich.table import Table

    reviews = _reviews(settings)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("ID", "BANK", "OPERATION", "STATUS", "WHY IT WAS NOT READ"):
        table.add_column(title, overflow="fold", no_wrap=title == "ID")
    for name, review in reviews.all():
        if review is None:
            table.add_row(name, "", "", "", "can not be opened with these keys")
        else:
            table.add_row(name, review.bank, review.operation, str(review.status), review.reason)
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


@app.command("open")
def open_review(name: Id, settings: SettingsFile = None) -> None:
    """Print an answer as it arrived: status, headers, body. It holds a customer's data: mind where it goes."""
    from gateway.store.reviews import ReviewUnknown

    try:
        review = _reviews(settings).open(name)
    except ReviewUnknown as error:
        fail(str(error))
    out = sys.stdout.buffer
    out.write(f"{review.method} {review.url}\n{review.status}\n".encode())
    for header, value in review.headers:
        out.write(header + b": " + value + b"\n")
    out.write(b"\n" + review.body)
    out.flush()


@app.command("remove")
def remove_review(name: Id, settings: SettingsFile = None) -> None:
    """Remove an answer once it is decided what it was."""
    from gateway.store.reviews import ReviewUnknown

    try:
        _reviews(settings).remove(name)
    except ReviewUnknown as error:
        fail(str(error))
    print(f"removed {name}")


def _reviews(settings: pathlib.Path | None) -> "Reviews":
    from gateway.app.reviewing import open_reviews
    from gateway.settings import load

    reviews = open_reviews(load(os.environ, settings))
    if reviews is None:
        fail("the settings name no folder for reviews: add 'reviews'")
    return reviews
