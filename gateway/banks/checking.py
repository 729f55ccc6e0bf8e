"""What a bank's file means, checked beyond its form: that its dialect, version, zone, URLs and deviations exist."""

import functools
import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.banks import wire
from gateway.banks.inheritance import Merged
from gateway.banks.origins import UrlRefused, origin_of
from gateway.banks.signing import signing_problems
from gateway.contract import Dialect
from gateway.files import Problem, Schema, hosts, near

_HTTPS, _FIRST_FREE_PORT = 443, 1024
REQUIRED = ("title", "dialect", "version", "environment", "zone", "base_urls")


def meaning(bank: Merged, dialects: Mapping[str, Dialect], contract: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
    """Every problem of a merged bank. An abstract one may lack things; what it has must be right all the same.

    `contract` holds the fields of each record of the contract, for `capabilities`.
    """
    value = bank.value
    if not value["abstract"]:
        yield from (bank.problem((), f"'{key}' is required") for key in REQUIRED if key not in value)
    yield from _zone(bank)
    yield from _urls(bank)
    yield from _certificates(bank)
    yield from _headers(bank)
    yield from _never(bank, contract)
    yield from signing_problems(bank, value.get("signing", {}))
    if "dialect" in value:
        yield from _dialect(bank, dialects)


def _dialect(bank: Merged, dialects: Mapping[str, Dialect]) -> Iterator[Problem]:
    name = bank.value["dialect"]
    dialect = dialects.get(name)
    if dialect is None:
        yield bank.problem(("dialect",), f"there is no dialect '{name}'{near(name, dialects)}")
        return
    version = bank.value.get("version")
    if version is not None and version not in dialect.VERSIONS:
        known = ", ".join(dialect.VERSIONS)
        yield bank.problem(("version",), f"{name} is spoken in the versions {known}, not {version}")
    yield from _deviations_schema(dialect.Deviations).problems(bank, ("deviations",), bank.value.get("deviations", {}))


@functools.cache
def _deviations_schema(kind: type[msgspec.Struct]) -> Schema:
    """The dialect's struct as a schema in which every object is closed, whatever the struct says."""
    schema = msgspec.json.schema(kind)
    for part in schema.get("$defs", {}).values():
        if "properties" in part:
            part["additionalProperties"] = False
    return Schema(schema)


def _zone(bank: Merged) -> Iterator[Problem]:
    zone = bank.value.get("zone")
    if zone is not None and zone not in _zones():
        yield bank.problem(("zone",), f"there is no time zone '{zone}'{near(zone, _zones())}")


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _urls(bank: Merged) -> Iterator[Problem]:
    urls: dict[str, str] = bank.value.get("base_urls", {})
    if not bank.value["abstract"] and urls and "default" not in urls:
        yield bank.problem(("base_urls",), "'default' is required")
    network = bank.value.get("network", "public")
    for group, url in urls.items():
        path = ("base_urls", group)
        try:
            origin = origin_of(url)
        except UrlRefused as error:
            yield bank.problem(path, f"not a URL that can be called: {error}")
            continue
        if origin.scheme == "http" and not hosts.is_loopback(origin.host):
            yield bank.problem(path, "must begin with https:// (http only to this machine)")
        refused = hosts.refusal(origin.host, network)
        if refused is not None:
            yield bank.problem(path, refused)
        elif (
            origin.scheme == "https"
            and origin.port != _HTTPS
            and origin.port < _FIRST_FREE_PORT
            and network == "public"
        ):
            yield bank.problem(path, f"the port {origin.port} belongs to another service than https")


def _certificates(bank: Merged) -> Iterator[Problem]:
    named: dict[str, str] = bank.value.get("certificates", {})
    for one, other in (("certificate", "key"), ("key", "certificate")):
        if one in named and other not in named:
            yield bank.problem(("certificates", one), f"'{one}' needs '{other}' beside it", key=True)
    production = bank.value.get("environment") == "production"
    if production and not bank.value["abstract"] and not named.keys() & {"certificate", "key"}:
        yield bank.problem(("environment",), "a bank in production needs 'certificates' with 'certificate' and 'key'")


def _headers(bank: Merged) -> Iterator[Problem]:
    seen: set[str] = set()
    for name in bank.value.get("headers", {}):
        path = ("headers", name)
        if name.lower() in wire.RESERVED:
            yield bank.problem(path, f"'{name}' is the gateway's to set", key=True)
        if name.lower() in seen:
            yield bank.problem(path, f"the header '{name}' stands twice", key=True)
        seen.add(name.lower())


def _never(bank: Merged, contract: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
    listed: list[Any] = bank.value.get("capabilities", {}).get("never", [])
    known = [f"{record}.{field}" for record, fields in contract.items() for field in fields]
    for position, name in enumerate(listed):
        if name not in known:
            message = f"the contract has no field '{name}'{near(name, known)}"
            yield bank.problem(("capabilities", "never", position), message)
