"""`gateway simulate`: the simulated banks by themselves."""

import asyncio
import contextlib
import pathlib
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import fail

if TYPE_CHECKING:
    from gateway.simulator.server import Simulation


def simulate(  # noqa: PLR0913, PLR0917 # each option of a command is an argument
    certificate: Annotated[pathlib.Path, typer.Option(help="The banks' certificate chain (PEM).")],
    key: Annotated[pathlib.Path, typer.Option(help="Its key (PEM).")],
    client_ca: Annotated[pathlib.Path, typer.Option(help="The authorities that client certificates come from (PEM).")],
    banks: Annotated[
        list[pathlib.Path] | None, typer.Option(help="Files of banks; those that ship where none is given.")
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    admin_port: Annotated[int, typer.Option(help="Where faults are set; 0 is any free port.")] = 18440,
    any_ports: Annotated[bool, typer.Option("--any-ports", help="Take free ports, not those of the files.")] = False,
    signers: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Certificates of those who sign requests (PEM); with --signing-key, banks ask for signatures."
        ),
    ] = None,
    signing_key: Annotated[
        pathlib.Path | None, typer.Option(help="The RSA key with which banks sign their answers (PEM).")
    ] = None,
    today: Annotated[str | None, typer.Option(help="The day that the banks think it is: YYYY-MM-DD.")] = None,
) -> None:
    """Run banks that speak the dialects, over TLS with client certificates, until Ctrl-C.

    Faults are set by a call: curl -X PUT http://127.0.0.1:18440/banks/albion/faults -d '{"faults": [{"kind": "500"}]}'
    """
    import uvloop

    from gateway.simulator.data_file import SHIPPED
    from gateway.simulator.seals import SealsUnusable
    from gateway.simulator.server import Options, clock_on, run

    try:
        day = date.fromisoformat(today) if today else None
    except ValueError:
        fail(f"--today {today}: must be a date: YYYY-MM-DD", 2)
    if (signers is None) != (signing_key is None):
        fail("--signers and --signing-key go together", 2)
    for path in (certificate, key, client_ca, signers, signing_key):
        if path is not None and not path.is_file():
            fail(f"{path}: there is no such file")
    options = Options(
        certificate=certificate,
        key=key,
        client_authorities=client_ca,
        files=tuple(banks or (SHIPPED,)),
        host=host,
        fixed_ports=not any_ports,
        admin_port=admin_port,
        clock=clock_on(day),
        signers=signers,
        signing_key=signing_key,
    )
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            uvloop.run(run(options, _report))
    except SealsUnusable as error:
        fail(str(error))


def _report(simulation: "Simulation") -> None:
    for name, bank in simulation.banks.items():
        print(f"{name:12} {bank.base_url}", flush=True)
    print(f"{'faults':12} {simulation.admin_url}", flush=True)
