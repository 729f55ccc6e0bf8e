"""A bank's file as values; what each means, and the same defaults, stand in the schema beside the files."""

from typing import Any, Literal

import msgspec

from gateway.files import Seconds, Size, decode_quantity
from gateway.files.hosts import Network


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any part of the file."""


class Certificates(Part, frozen=True):
    """References to PEM."""

    certificate: str | None = None
    key: str | None = None
    server_ca: str | None = None


class Limits(Part, frozen=True):
    """What may be under way, and the bytes of one answer."""

    concurrency: int = 32
    queue: int = 64
    answer: Size = Size(8 * 1024 * 1024)


class Timeouts(Part, frozen=True):
    """Until connected, and from there until answered."""

    connect: Seconds = Seconds(3)
    answer: Seconds = Seconds(20)


class Retry(Part, frozen=True):
    """Sending again."""

    attempts: int = 3
    base: Seconds = Seconds(0.1)
    cap: Seconds = Seconds(2)


class Circuit(Part, frozen=True):
    """When the bank is left alone."""

    failures: int = 5
    window: Seconds = Seconds(30)
    open_for: Seconds = Seconds(15)
    shared: bool = False


class Signing(Part, frozen=True):
    """How messages are signed: keys, and the rules of both directions as they are written; see `signing.py`."""

    keys: tuple[dict[str, Any], ...] = ()
    bank_keys: tuple[dict[str, Any], ...] = ()
    requests: tuple[dict[str, Any], ...] = ()
    answers: tuple[dict[str, Any], ...] = ()


class Capabilities(Part, frozen=True):
    """What the bank never gives."""

    never: tuple[str, ...] = ()


class Entry(Part, frozen=True):
    """A whole bank, after everything it extends was laid under it."""

    title: str
    dialect: str
    version: str
    environment: Literal["sandbox", "production"]
    zone: str
    base_urls: dict[str, str]
    abstract: bool = False
    country: str | None = None
    bic: str | None = None
    network: Network = "public"
    certificates: Certificates = Certificates()
    client_id: str | None = None
    headers: dict[str, str] = {}
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    retry: Retry = Retry()
    circuit: Circuit = Circuit()
    signing: Signing = Signing()
    capabilities: Capabilities = Capabilities()
    deviations: dict[str, Any] = {}


def decode_entry(value: dict[str, Any]) -> Entry:
    """The values of a merged file that holds to the schema and lacks nothing."""
    return msgspec.convert(value, Entry, dec_hook=decode_quantity)
