"""`gateway mapping`: try a mapping on a payload, and run the cases of mappings."""

import pathlib
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from gateway.cli.console import Files, fail, layers_over, tell_problems
from gateway.files import near

if TYPE_CHECKING:
    from gateway.mapping.cases import Outcome
    from gateway.mapping.library import Library

app = typer.Typer(help="Try mappings, and run their cases.", no_args_is_help=True)


@app.command()
def run(
    mapping: Annotated[
        str, typer.Argument(metavar="DIALECT/OPERATION", help="Such as uk_openbanking/transactions.list.")
    ],
    payload: Annotated[str, typer.Argument(metavar="[FILE|-]", help="The bank's answer; - is standard input.")] = "-",
    bank: Annotated[str | None, typer.Option(help="Read it as this bank's: its overlays and its zone.")] = None,
    account: Annotated[str, typer.Option(help="The bank's id of the account that was asked.")] = "account",
    number: Annotated[
        list[str] | None, typer.Option(help="A number of the account itself; may be given several times.")
    ] = None,
    files: Files = None,
) -> None:
    """Print the contract's page for a payload: the records, `incomplete` and `next`.

    Ids are made with a key for trials, not with the key of a gateway that serves. `next` is the bank's own link.
    """
    from gateway.app.files import find_bank, readers
    from gateway.mapping.cases import CaseCall, run_by_hand
    from gateway.mapping.library import read_library
    from gateway.mapping.pages import instant

    layers = layers_over(files)
    body = _read(payload)
    library = read_library(layers)
    call = CaseCall(resource_id=account, numbers=tuple(number or ()))
    if bank is not None:
        dialect, _, operation = mapping.partition("/")
        profile = find_bank(layers, bank)
        if profile.dialect != dialect:
            fail(f"'{bank}' speaks {profile.dialect}, '{mapping}' is for {dialect}")
        selected = library.select(dialect, profile.lineage, operation)
        mapping = selected.file.name if selected else mapping
        call = msgspec.structs.replace(call, bank=profile.name, title=profile.title, bic=profile.bic, zone=profile.zone)
    if mapping not in library.mappings:
        fail(f"there is no mapping '{mapping}'{near(mapping, library.mappings)}")
    page = run_by_hand(library, readers(), mapping, body, call, instant(datetime.now(UTC)))
    sys.stdout.buffer.write(msgspec.json.format(page, indent=2) + b"\n")


def _read(payload: str) -> bytes:
    if payload == "-":
        return sys.stdin.buffer.read()
    try:
        return pathlib.Path(payload).read_bytes()
    except OSError as error:
        fail(f"{payload}: {error.strerror}")


@app.command()
def test(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME ...]", help="Mappings, or mapping:case; all where none is named."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write what the cases become; read the change before you keep it.")
    ] = False,
    files: Files = None,
) -> None:
    """Run the cases of mappings; every mapping must have one."""
    from gateway.app.files import readers
    from gateway.mapping.cases import find_cases, run_case
    from gateway.mapping.library import read_library

    layers = layers_over(files)
    library = read_library(layers)
    chosen, only = _chosen(library, names or [])
    cases, problems = find_cases(layers, chosen)
    if problems:
        tell_problems(problems)
        raise typer.Exit(1)
    cases = [case for case in cases if not only or case.mapping not in only or case.name in only[case.mapping]]
    offered = readers()
    outcomes = [run_case(library, offered, case) for case in cases]
    if write:
        for outcome in outcomes:
            outcome.case.expected.write_bytes(msgspec.json.format(outcome.page, indent=2) + b"\n")
        print(f"{len(outcomes)} written")
        return
    _tell(outcomes, sorted(set(chosen) - {case.mapping for case in cases}))


def _chosen(library: "Library", names: list[str]) -> tuple[tuple[str, ...], dict[str, set[str]]]:
    only: dict[str, set[str]] = {}
    chosen: list[str] = []
    for name in names:
        mapping, _, case = name.partition(":")
        if mapping not in library.mappings:
            fail(f"there is no mapping '{mapping}'{near(mapping, library.mappings)}")
        chosen.append(mapping)
        if case:
            only.setdefault(mapping, set()).add(case)
    return tuple(dict.fromkeys(chosen)) or tuple(library.mappings), only


def _tell(outcomes: "list[Outcome]", without: list[str]) -> None:
    failed = [outcome for outcome in outcomes if outcome.differences]
    for outcome in failed:
        for difference in outcome.differences[:20]:
            print(f"{outcome.case.mapping}:{outcome.case.name}: {difference}", file=sys.stderr)
    for mapping in without:
        print(f"{mapping}: has no case", file=sys.stderr)
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} cases hold")
    if failed or without or not outcomes:
        raise typer.Exit(1)
