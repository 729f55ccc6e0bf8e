"""`gateway status`: what the admin listener tells of a gateway that serves, on one screen or as JSON."""

import http.client
import os
import pathlib
import ssl
import sys
from typing import Annotated, Any
from urllib.parse import urlsplit

import orjson
import typer

from gateway.cli.console import SETTINGS_HELP, fail
from gateway.cli.serving import Form

_SECONDS = 10.0
_COLUMNS = {
    "worker": "WORKER", "state": "STATE", "pid": "PID", "generation": "GENERATION", "hash": "HASH",
    "age_seconds": "AGE", "in_flight": "IN FLIGHT", "connections": "CONNECTIONS",
}  # fmt: skip
_HASH_SHOWN = 12
_ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on

Admin = Annotated[
    str | None,
    typer.Option(help="The admin listener, as http://HOST:PORT or https://HOST:PORT; else where the settings have it."),
]
Settings = Annotated[pathlib.Path | None, typer.Option(help=SETTINGS_HELP)]
Certificate = Annotated[pathlib.Path | None, typer.Option(help="A client certificate in PEM, where the listener asks.")]
Key = Annotated[pathlib.Path | None, typer.Option(help="Its key in PEM.")]
Authority = Annotated[pathlib.Path | None, typer.Option(help="Whom the listener's certificate must come from, in PEM.")]


def status(
    settings: Settings = None,
    admin: Admin = None,
    certificate: Certificate = None,
    key: Key = None,
    ca: Authority = None,
    form: Annotated[Form, typer.Option("--format", help="Table or JSON.")] = Form.TEXT,
) -> None:
    """Show what a gateway serves: generation, hash and age of its files, in each worker."""
    url = admin or _configured(settings)
    written = _get(url, certificate, key, ca)
    try:
        state = orjson.loads(written)
        if form is Form.JSON:
            sys.stdout.buffer.write(written + b"\n")
        else:
            _show(state)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        fail(f"{url}: what answers there is no admin listener of a gateway")


def _configured(settings: pathlib.Path | None) -> str:
    from gateway.settings import load

    listener = load(os.environ, settings).listeners.admin
    host, port = listener.address.host, listener.address.port
    if not port:
        fail("the settings let the admin listener take any port: name it with --admin")
    host = _ANY_HOST.get(host, host)
    return f"{'https' if listener.tls is not None else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _get(url: str, certificate: pathlib.Path | None, key: pathlib.Path | None, ca: pathlib.Path | None) -> bytes:
    connection: http.client.HTTPConnection
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=ca)
            if certificate is not None:
                context.load_cert_chain(certificate, key)
            connection = http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=context)
        elif parts.scheme == "http" and host:
            connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
        else:
            fail(f"--admin {url}: is not a URL of the form http://HOST:PORT")
        connection.request("GET", "/status")
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        fail(f"{url}: no gateway can be asked there: {error}")
    if answer.status != 200:
        fail(f"{url}: answers {answer.status}, it is no admin listener of a gateway")
    return content


def _show(state: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    files = state["files"]
    print(f"generation {files['generation']}, {files['hash'][:_HASH_SHOWN]}, for {_age(files['age_seconds'])}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in _COLUMNS.values():
        table.add_column(title, no_wrap=True)
    for worker in state["workers"]:
        shown = {**worker, "hash": worker.get("hash", "")[:_HASH_SHOWN], "age_seconds": _age(worker.get("age_seconds"))}
        table.add_row(*(str(shown.get(name, "")) for name in _COLUMNS))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)
    for word in ("files", "certificates"):
        refusal = files["last_refusal"] if word == "files" else state["certificates_refusal"]
        for number, problem in enumerate(refusal):
            print(f"{word} were refused, the old ones go on:\n  {problem}" if not number else f"  {problem}")


def _age(seconds: float | None) -> str:
    """In the largest unit that there is a whole one of."""
    if seconds is None:
        return ""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
