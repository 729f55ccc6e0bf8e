"""`gateway serve`, `check`, `routes`, `openapi`: the files of a gateway, and the gateway itself."""

import os
import pathlib
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import msgspec
import orjson
import typer

from gateway.cli.console import SETTINGS_HELP, Files, fail, layers_over, tell_problems
from gateway.files import Layers, Refused

if TYPE_CHECKING:
    from gateway.app.files import FileSet


class Form(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


def serve(
    settings: Annotated[pathlib.Path | None, typer.Option(help=SETTINGS_HELP)] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes that take calls; before the setting of that name.")
    ] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what is under way and end. A second signal ends it at once.

    SIGHUP reads files and certificates anew.
    """
    from gateway.app.hand import WorkerFailed
    from gateway.app.process import run
    from gateway.settings import load
    from gateway.web.listeners import ListenerUnavailable

    loaded = load(os.environ, settings)
    if workers is not None:
        loaded = msgspec.structs.replace(loaded, workers=workers)
    try:
        in_order = run(loaded)
    except (ListenerUnavailable, WorkerFailed) as error:
        fail(str(error))
    if not in_order:
        fail("ended in a hurry: calls in flight may have been cut")


def check(
    files: Files = None,
    settings: Annotated[
        pathlib.Path | None,
        typer.Option(help="Check this settings file too, with the folders, secrets and certificates that it names."),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How problems are written.")] = Form.TEXT,
) -> None:
    """Check all files: what ships, and your folders over it. Every problem of every file, with its place."""
    layers = layers_over(files)
    try:
        found = _read(layers) if settings is None else _read_whole(settings, layers)
    except Refused as refused:
        if form is Form.TEXT:
            tell_problems(refused.problems)
        else:
            _json({"ok": False, "problems": [_problem(problem) for problem in refused.problems]})
        raise typer.Exit(1) from None
    counts = _counts(found)
    if form is Form.TEXT:
        print(f"{', '.join(f'{count} {what}' for what, count in counts.items())}: no problems")
    else:
        _json({"ok": True, "problems": [], "counts": counts, "hash": found.content_hash})


def _read(layers: Layers) -> "FileSet":
    from gateway.app.files import read_files

    return read_files(layers)


def _read_whole(settings: pathlib.Path, layers: Layers) -> "FileSet":
    from gateway.app.checking import check_whole
    from gateway.settings import load

    return check_whole(load(os.environ, settings), layers.roots[1:])


def _problem(problem: object) -> dict[str, object]:
    return {name: getattr(problem, name) for name in ("file", "line", "column", "where", "message")}


def _counts(found: "FileSet") -> dict[str, int]:
    return {"routes": len(found.rows()), "banks": len(found.banks), "mappings": len(found.library.mappings)}


def _json(value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def routes(
    files: Files = None, form: Annotated[Form, typer.Option("--format", help="Table or JSON.")] = Form.TEXT
) -> None:
    """Print the table of routes: each with what it leads to, its filters, and where it is written."""
    rows = _read(layers_over(files)).rows()
    if form is Form.JSON:
        _json([{name: getattr(row, name) for name in row.__struct_fields__} for row in rows])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("METHOD", "PATH", "LEADS TO", "FILTERS", "WRITTEN AT"):
        table.add_column(title, overflow="fold", no_wrap=title == "METHOD")
    for row in rows:
        leads_to = row.operation or f"upstream {row.upstream}"
        table.add_row(row.method, row.template, leads_to, " → ".join(row.filters) or "public", row.place)
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(table)


def openapi(files: Files = None) -> None:
    """Print the OpenAPI 3.1 document of what the files serve."""
    sys.stdout.buffer.write(_read(layers_over(files)).openapi())
