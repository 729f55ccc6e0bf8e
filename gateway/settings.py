"""One gateway's set-up: `gateway.yaml`, over it a few variables of the environment, read once into frozen values.

Secrets appear only as references; every reference is followed when the file is read, so that one that leads nowhere is
told with its line, and nothing has a secret default. Each setting is described in `settings.schema.json`.
"""

import difflib
import functools
import ipaddress
import json
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from gateway.files import Loaded, Path, Problem, Refused, Schema, Seconds, Size, decode_quantity, read_file
from gateway.files.hosts import url_refusal
from gateway.secrets import Secrets, SecretUnreadable, read_redis_address

SETTINGS_VARIABLE = "GATEWAY_SETTINGS"
ADDRESS_VARIABLES: Mapping[str, str] = {
    "GATEWAY_SERVICE_ADDRESS": "service",
    "GATEWAY_PUBLIC_ADDRESS": "public",
    "GATEWAY_ADMIN_ADDRESS": "admin",
    "GATEWAY_HEALTH_ADDRESS": "health",
}
OTLP_VARIABLE = "GATEWAY_OTLP_ENDPOINT"

_VARIABLES = (SETTINGS_VARIABLE, *ADDRESS_VARIABLES, OTLP_VARIABLE)


class Address(str):
    """Where to listen, written `host:port`, `[::1]:port` for IPv6; port 0 takes any that is free."""

    __slots__ = ()

    @property
    def host(self) -> str:
        """The host, without the brackets of IPv6."""
        return self.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port."""
        return int(self.rpartition(":")[2])

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A listener's certificates, as references."""

    certificate: str
    key: str
    client_ca: str | None = None
    revocation_lists: tuple[str, ...] = ()
    client_certificate: Literal["required", "optional"] = "required"
    identity: Literal["uri", "dns", "subject"] = "uri"
    minimum_version: Literal["1.2", "1.3"] = "1.2"


class BalancerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whose word about callers counts on a listener, and for what; `addresses` are networks, `depth` counts from 1."""

    addresses: tuple[str, ...]
    certificate_from: Literal["client-cert", "x-forwarded-client-cert", "proxy-protocol"] | None = None
    client_ca: str | None = None
    revocation_lists: tuple[str, ...] = ()
    identity: Literal["uri", "dns", "subject"] = "uri"
    address_from: Literal["x-forwarded-for", "forwarded"] | None = None
    depth: int = 1
    proxy_protocol: bool = False


class ListenerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One of the four doors; without `tls` it is plain."""

    address: Address
    tls: TlsSettings | None = None


class BalancedSettings(ListenerSettings, frozen=True, kw_only=True):
    """A door that may stand behind a balancer; without `balancer` nobody speaks for another."""

    balancer: BalancerSettings | None = None


class ServiceSettings(BalancedSettings, frozen=True, kw_only=True):
    """The service listener, wherever nothing else is said."""

    address: Address = Address("0.0.0.0:8443")


class AdminSettings(ListenerSettings, frozen=True, kw_only=True):
    """The admin listener, wherever nothing else is said."""

    address: Address = Address("127.0.0.1:8444")


class HealthSettings(ListenerSettings, frozen=True, kw_only=True):
    """The health listener, wherever nothing else is said."""

    address: Address = Address("0.0.0.0:8081")


class ListenersSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The four doors; `public` is None where it is not opened."""

    service: ServiceSettings
    public: BalancedSettings | None = None
    admin: AdminSettings = AdminSettings()
    health: HealthSettings = HealthSettings()


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection or request may take; bytes and seconds."""

    header_bytes: Size = Size(16 * 1024)
    headers: int = 100
    header_timeout: Seconds = Seconds(5)
    body_rate: Size = Size(1024)
    idle_timeout: Seconds = Seconds(75)
    handshake_timeout: Seconds = Seconds(5)
    write_timeout: Seconds = Seconds(30)
    connections: int = 10_000


class Drain(msgspec.Struct, frozen=True, kw_only=True):
    """How the gateway stops; seconds."""

    notice: Seconds = Seconds(1)
    grace: Seconds = Seconds(20)


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Our own keys, as references: of `cursors` the first seals, all unseal."""

    ids: str
    cursors: tuple[str, ...]
    hashes: str


class ReviewSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where answers are kept whose signatures fail; of the keys, as references, the first seals, all unseal."""

    folder: pathlib.Path
    keys: tuple[str, ...]
    most: int = 1000
    size: Size = Size(256 * 1024 * 1024)


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The Redis that processes share; all but what it is called and how long it may take are references."""

    url: str
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    username: str | None = None
    password: str | None = None
    prefix: str = "gateway"
    timeout: Seconds = Seconds(0.25)
    connect_timeout: Seconds = Seconds(2)


class TelemetrySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Traces and logs; `ratio` is between 0 and 1."""

    otlp_endpoint: str | None = None
    otlp_ca: pathlib.Path | None = None
    service_name: str = "bank-integration-gateway"
    ratio: float = 0.1
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"
    trust_traceparent: bool = True


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All of it; paths are absolute, `secrets` follows references, without `redis` each process counts for itself."""

    listeners: ListenersSettings
    keys: Keys
    secrets: Secrets
    limits: Limits = Limits()
    drain: Drain = Drain()
    files: tuple[pathlib.Path, ...] = ()
    banks: tuple[str, ...] = ()
    consents: pathlib.Path | None = None
    redis: RedisSettings | None = None
    reviews: ReviewSettings | None = None
    workers: int = 1
    telemetry: TelemetrySettings = TelemetrySettings()


@functools.cache
def schema() -> dict[str, Any]:
    """The JSON Schema of the settings file, every setting described."""
    content: dict[str, Any] = json.loads(pathlib.Path(__file__).with_name("settings.schema.json").read_bytes())
    return content


def load(environment: Mapping[str, str], path: pathlib.Path | None = None) -> Settings:
    """Reads the settings file (`path`, else what GATEWAY_SETTINGS names). Raises Refused with every problem found."""
    if path is None:
        if not environment.get(SETTINGS_VARIABLE):
            raise Refused([_variable(SETTINGS_VARIABLE, "is not set: it names the settings file (gateway.yaml)")])
        path = pathlib.Path(environment[SETTINGS_VARIABLE])
    loaded, problems = read_file(path)
    if loaded is None:
        raise Refused(problems)
    problems += Schema(schema()).check(loaded)
    if problems:
        raise Refused(problems)
    settings = _decoded(loaded.value, path.absolute().parent, environment)
    settings, problems = _overridden(settings, environment)
    problems += [*_meaning(loaded, settings), *_misspelt_variables(environment)]
    if problems:
        raise Refused(problems)
    return settings


def _decoded(value: dict[str, Any], folder: pathlib.Path, environment: Mapping[str, str]) -> Settings:
    def decode(kind: type, written: str) -> Any:
        if kind is Address:
            return Address(written)
        if kind is pathlib.Path:
            return folder / written
        return decode_quantity(kind, written)

    secrets = {"folder": value.get("secrets"), "environment": dict(environment)}
    return msgspec.convert({**value, "secrets": secrets}, Settings, dec_hook=decode)


def _overridden(settings: Settings, environment: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
    """What the environment says goes before the file."""
    listeners, telemetry, problems = settings.listeners, settings.telemetry, []
    for variable, name in ADDRESS_VARIABLES.items():
        written = environment.get(variable)
        if not written:
            continue
        listener = getattr(listeners, name)
        if listener is None:
            problems.append(_variable(variable, f"the file opens no {name} listener: add 'listeners.{name}'"))
        elif not re.fullmatch(schema()["$defs"]["address"]["pattern"].rstrip("$"), written):
            problems.append(_variable(variable, "is not an address of the form host:port"))
        else:
            listeners = replace(listeners, **{name: replace(listener, address=Address(written))})
    endpoint = environment.get(OTLP_VARIABLE)
    if endpoint:
        if not re.fullmatch(r"https?://[!-~]+", endpoint):
            problems.append(_variable(OTLP_VARIABLE, "is not an http or https URL"))
        else:
            telemetry = replace(telemetry, otlp_endpoint=endpoint)
    return replace(settings, listeners=listeners, telemetry=telemetry), problems


def _meaning(loaded: Loaded, settings: Settings) -> Iterator[Problem]:
    """What a schema can not say: ports, plain listeners, folders that must exist, references that lead somewhere."""
    for name in ("service", "public", "admin", "health"):
        listener = getattr(settings.listeners, name)
        at: Path = ("listeners", name, "address")
        if listener is None:
            continue
        if listener.address.port > 65535:
            yield loaded.problem(at, "the port must be at most 65535")
        if listener.tls is None and name != "health" and not listener.address.loopback:
            yield loaded.problem(at, "is reached from other machines: add 'tls', or listen on 127.0.0.1")
        if isinstance(listener, BalancedSettings) and listener.balancer is not None:
            yield from _balancer(loaded, name, listener, listener.balancer)
    for number, folder in enumerate(settings.files):
        if not folder.is_dir():
            yield loaded.problem(("files", number), f"{folder} is not a folder")
    for at, file in ((("consents",), settings.consents), (("telemetry", "otlp_ca"), settings.telemetry.otlp_ca)):
        if file and not file.is_file():
            yield loaded.problem(at, f"{file} is not a file")
    if settings.reviews is not None and not settings.reviews.folder.is_dir():
        yield loaded.problem(("reviews", "folder"), f"{settings.reviews.folder} is not a folder")
    refused = url_refusal(settings.telemetry.otlp_endpoint or "")
    if settings.telemetry.otlp_endpoint and refused is not None:
        in_file = loaded.value.get("telemetry", {}).get("otlp_endpoint") == settings.telemetry.otlp_endpoint
        at = ("telemetry", "otlp_endpoint")
        yield loaded.problem(at, refused) if in_file else _variable(OTLP_VARIABLE, refused)
    if settings.secrets.folder and not settings.secrets.folder.is_dir():
        yield loaded.problem(("secrets",), f"{settings.secrets.folder} is not a folder")
    else:
        yield from _references(loaded, settings.secrets)


def _balancer(loaded: Loaded, name: str, listener: ListenerSettings, balancer: BalancerSettings) -> Iterator[Problem]:
    at: Path = ("listeners", name, "balancer")
    asks = listener.tls is not None and listener.tls.client_ca is not None
    if name == "service" and balancer.certificate_from is None and not asks:
        yield loaded.problem(
            at[:2], "nobody asks callers for a certificate: add 'certificate_from', or 'tls.client_ca'"
        )
    for number, written in enumerate(balancer.addresses):
        try:
            if ipaddress.ip_network(written).prefixlen == 0:
                yield loaded.problem((*at, "addresses", number), "trusts everyone: name the balancer's networks")
        except ValueError:
            told = "must be an address or a network such as 10.1.0.0/16, whose bits beyond the prefix are zero"
            yield loaded.problem((*at, "addresses", number), told)
    if balancer.certificate_from == "proxy-protocol" and not balancer.proxy_protocol:
        yield loaded.problem((*at, "certificate_from"), "needs 'proxy_protocol: true'")
    if (balancer.certificate_from is None) != (balancer.client_ca is None):
        yield loaded.problem(at, "'certificate_from' and 'client_ca' go together", key=True)


def _references(loaded: Loaded, secrets: Secrets) -> Iterator[Problem]:
    keys = loaded.value["keys"]
    places: list[Path] = [
        ("keys", "ids"),
        ("keys", "hashes"),
        *(("keys", "cursors", n) for n in range(len(keys["cursors"]))),
        *(("reviews", "keys", n) for n in range(len(loaded.value.get("reviews", {}).get("keys", ())))),
    ]
    for at in places:
        yield from _followed(loaded, at, secrets.key)
    for name, listener in loaded.value["listeners"].items():
        for part in ("tls", "balancer"):
            said = listener.get(part, {})
            places = [(field,) for field in ("certificate", "key", "client_ca") if field in said]
            places += [("revocation_lists", number) for number in range(len(said.get("revocation_lists", ())))]
            for place in places:
                yield from _followed(loaded, ("listeners", name, part, *place), secrets.read)
    redis = loaded.value.get("redis", {})
    for field in ("ca", "certificate", "key", "username", "password"):
        if field in redis:
            follow = secrets.text if field.endswith(("name", "word")) else secrets.read
            yield from _followed(loaded, ("redis", field), follow)
    if redis:
        yield from _redis(loaded, redis, secrets)


def _redis(loaded: Loaded, redis: Mapping[str, Any], secrets: Secrets) -> Iterator[Problem]:
    try:
        address = read_redis_address(redis["url"], secrets)
    except (SecretUnreadable, ValueError) as error:
        yield loaded.problem(("redis", "url"), str(error))
        return
    for field in ("ca", "certificate"):
        if field in redis and not address.tls:
            yield loaded.problem(("redis", field), "is for a rediss:// URL: this one is not over TLS")


def _followed(loaded: Loaded, at: Path, follow: Callable[[str], object]) -> Iterator[Problem]:
    try:
        follow(functools.reduce(lambda value, step: value[step], at, loaded.value))
    except SecretUnreadable as error:
        yield loaded.problem(at, str(error))


def _misspelt_variables(environment: Mapping[str, str]) -> Iterator[Problem]:
    """A misspelt variable would be passed over in silence; GATEWAY_ names of other meaning (secrets) are let be."""
    for name in environment:
        close = difflib.get_close_matches(name, _VARIABLES, n=1, cutoff=0.85)
        if close and name not in _VARIABLES:
            yield _variable(name, f"is not a variable of the gateway (did you mean '{close[0]}'?)")


def _variable(name: str, message: str) -> Problem:
    return Problem("environment", 1, 1, name, message)
