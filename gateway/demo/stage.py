"""Puts up everything that is called: simulated banks, a trace receiver and a gateway, each a process of its own."""

import contextlib
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping

import msgspec
import orjson

from gateway.demo.children import Child, end
from gateway.demo.folder import CONSENTS, Consented, Folder


class Stage(msgspec.Struct, frozen=True):
    """What is up. `ports` are the gateway's, by listener; URLs have no trailing slash."""

    folder: Folder
    ports: Mapping[str, int]
    simulator_admin: str
    receiver: str
    children: tuple[Child, ...]

    @property
    def service(self) -> str:
        """The service listener."""
        return f"https://localhost:{self.ports['service']}"

    @property
    def admin(self) -> str:
        """The admin listener."""
        return f"http://127.0.0.1:{self.ports['admin']}"

    @property
    def health(self) -> str:
        """The health listener."""
        return f"http://127.0.0.1:{self.ports['health']}"


@contextlib.contextmanager
def put_up(
    root: pathlib.Path,
    *,
    consents: tuple[Consented, ...] = CONSENTS,
    files: Mapping[str, str] | None = None,
    receiver: str | None = None,
) -> Iterator[Stage]:
    """Everything up while the context lasts; then no process and no port is left.

    `files` are laid into the operator's layer besides the demo's own; `receiver` is an OTLP endpoint to use in the
    place of a receiver of our own. Raises ChildFailed, and FileExistsError where the folder is not empty.
    """
    folder = Folder(root)
    folder.write_credentials(consents)
    with contextlib.ExitStack() as stack:
        children: list[Child] = []
        stack.callback(end, children)
        banks = start_banks(folder)
        children.append(banks)
        if receiver is None:
            child = Child("the trace receiver", ["gateway.demo.receiver"], folder.logs / "receiver.log")
            children.append(child)
            receiver = f"http://127.0.0.1:{child.first(_listening)}"
        simulator_admin = banks.first(_simulator_admin)
        addresses = {one.bank: banks.first(_address_of(one.simulated)) for one in consents}
        folder.write_settings(consents, addresses, receiver)
        for relative, content in (files or {}).items():
            folder.write(relative, content)
        gateway = start_gateway(folder, "gateway")
        children.append(gateway)
        yield Stage(folder, ports_of(gateway), simulator_admin, receiver, tuple(children))


def start_banks(folder: Folder) -> Child:
    """The simulated banks, on free ports."""
    material = {
        "certificate": "server.pem",
        "key": "server.key",
        "client-ca": "client-ca.pem",
        "signers": "signers.pem",
        "signing-key": "signing.key",
    }
    options = [part for name, file in material.items() for part in (f"--{name}", str(folder.banks / file))]
    arguments = ["gateway", "simulate", "--any-ports", "--admin-port", "0", *options]
    return Child("the simulator", arguments, folder.logs / "banks.log")


def start_gateway(folder: Folder, name: str) -> Child:
    """A gateway on the folder's settings; its log is called like it."""
    arguments = ["gateway", "serve", "--settings", str(folder.settings)]
    return Child("the gateway", arguments, folder.logs / f"{name}.log")


def ports_of(gateway: Child) -> dict[str, int]:
    """The ports that a gateway has opened, by listener, once it serves. Raises ChildFailed."""
    return gateway.first(_ports)


def _ports(line: str) -> dict[str, int] | None:
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return msgspec.convert(told["ports"], dict[str, int]) if told.get("event") == "serving" else None


def _listening(line: str) -> str | None:
    words, _, port = line.rpartition(" ")
    return port if words == "listening on" else None


def _simulator_admin(line: str) -> str | None:
    found = re.fullmatch(r"faults +(http://\S+)", line)
    return found[1] if found else None


def _address_of(bank: str) -> Callable[[str], str | None]:
    pattern = re.compile(rf"{re.escape(bank)} +https://127\.0\.0\.1(\S+)")

    def look(line: str) -> str | None:
        found = pattern.fullmatch(line)
        return f"https://localhost{found[1]}" if found else None

    return look
