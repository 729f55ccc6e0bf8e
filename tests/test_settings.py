"""gateway.yaml becomes frozen settings, or every problem with its place; no secret has a default."""

import base64
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from gateway import settings
from gateway.files import Refused
from gateway.settings import Settings

LEAST = """\
listeners:
  service:
    tls: {certificate: "file:server.pem", key: "file:server.key", client_ca: "file:clients.pem"}
secrets: secrets
keys: {ids: "file:ids.key", cursors: ["file:new.key", "file:old.key"], hashes: "env:HASH_KEY"}
"""
KEY = base64.b64encode(b"k" * 32).decode()
ENVIRONMENT = {"HASH_KEY": KEY}
NOT_A_REFERENCE = "must be a reference: file:NAME or env:NAME (what stands here is not shown, it may be a secret)"
NOT_A_KEY = "a key of 32 bytes is needed; make one with: openssl rand -base64 32"


@pytest.fixture
def written(tmp_path: pathlib.Path) -> Callable[[str], pathlib.Path]:
    """Writes a settings file into a folder that holds all secrets of `LEAST`."""
    (tmp_path / "secrets").mkdir()
    for name in ("server.pem", "server.key", "clients.pem"):
        (tmp_path / "secrets" / name).write_text("PEM")
    for name in ("ids.key", "new.key", "old.key"):
        (tmp_path / "secrets" / name).write_text(KEY)

    def write(content: str) -> pathlib.Path:
        (tmp_path / "gateway.yaml").write_text(content)
        return tmp_path / "gateway.yaml"

    return write


Write = Callable[[str], pathlib.Path]


def refusal(path: pathlib.Path, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(Refused) as refused:
        settings.load(ENVIRONMENT | (environment or {}), path)
    return [str(problem).removeprefix(f"{path.parent}/") for problem in refused.value.problems]


def test_the_least_file_gives_the_documented_defaults(written: Write):
    loaded = settings.load(ENVIRONMENT, written(LEAST))
    assert (loaded.listeners.service.address.host, loaded.listeners.service.address.port) == ("0.0.0.0", 8443)
    assert loaded.listeners.public is None
    assert loaded.limits.header_bytes == 16 * 1024
    assert loaded.drain.notice == 1.0
    assert loaded.secrets.key(loaded.keys.cursors[0]).reveal() == b"k" * 32


def test_everything_can_be_said(written: Write, tmp_path: pathlib.Path):
    (tmp_path / "ours").mkdir()
    (tmp_path / "consents.yaml").touch()
    loaded = settings.load(
        ENVIRONMENT,
        written(
            LEAST.replace("  service:", "  service:\n    address: '[::1]:9443'")
            + "limits: {header_timeout: 250ms, idle_timeout: 2m, header_bytes: 64KiB, headers: 50}\n"
            "drain: {notice: 0s, grace: 5s}\n"
            "files: [ours]\nbanks: [albion-sandbox]\nconsents: consents.yaml\n"
            "redis: {url: 'rediss://[::1]:6380/2', ca: 'env:HASH_KEY', password: 'env:HASH_KEY', timeout: 50ms}\n"
            "reviews: {folder: ours, keys: ['file:new.key', 'file:old.key'], most: 7, size: 1KiB}\n"
            "telemetry: {otlp_endpoint: 'http://localhost:4318', ratio: 1, "
            "otlp_ca: consents.yaml, log_format: text, trust_traceparent: false}\n"
        ),
    )
    assert (loaded.listeners.service.address.host, loaded.listeners.service.address.port) == ("::1", 9443)
    limits = loaded.limits
    assert (limits.header_timeout, limits.idle_timeout, limits.header_bytes) == (0.25, 120.0, 65536)
    assert loaded.files == (tmp_path / "ours",)
    assert loaded.consents == tmp_path / "consents.yaml"
    assert loaded.redis is not None
    assert (loaded.redis.prefix, loaded.redis.timeout, loaded.redis.connect_timeout) == ("gateway", 0.05, 2)
    assert loaded.reviews is not None
    assert (loaded.reviews.folder, loaded.reviews.most, loaded.reviews.size) == (tmp_path / "ours", 7, 1024)
    assert loaded.banks == ("albion-sandbox",)
    assert loaded.telemetry.ratio == 1.0
    assert not loaded.telemetry.trust_traceparent


def test_the_environment_names_the_file_and_goes_before_it(written: Write):
    path = written(LEAST + "telemetry: {otlp_endpoint: 'http://one:4318'}\n")
    loaded = settings.load(
        {
            **ENVIRONMENT,
            "GATEWAY_SETTINGS": str(path),
            "GATEWAY_SERVICE_ADDRESS": "127.0.0.1:0",
            "GATEWAY_OTLP_ENDPOINT": "http://two:4318",
        }
    )
    assert loaded.listeners.service.address == "127.0.0.1:0"
    assert loaded.telemetry.otlp_endpoint == "http://two:4318"


def test_every_problem_is_told_with_its_place(written: Write):
    path = written(
        "listeners:\n"
        "  service:\n"
        "    adress: 0.0.0.0:1\n"
        "    tls: {certificate: 'file:server.pem', key: 'file:server.key'}\n"
        "limits:\n"
        "  header_timeout: 5\n"
        "  header_bytes: 1 MB\n"
        "keys: {ids: canary-secret, cursors: []}\n"
    )
    told = refusal(path)
    assert told == [
        "gateway.yaml:3:5 listeners.service.adress: unknown key 'adress' (did you mean 'address'?)",
        "gateway.yaml:4:10 listeners.service.tls: 'client_ca' is required",
        "gateway.yaml:6:19 limits.header_timeout: must be text",
        "gateway.yaml:7:17 limits.header_bytes: '1 MB' is not a size such as 512B, 64KiB or 1MiB",
        "gateway.yaml:8:7 keys: 'hashes' is required",
        f"gateway.yaml:8:8 keys.ids: {NOT_A_REFERENCE}",
        "gateway.yaml:8:37 keys.cursors: must not be empty",
    ]


def test_a_reference_that_leads_nowhere_is_a_problem_at_its_line(written: Write, tmp_path: pathlib.Path):
    path = written(LEAST.replace("file:ids.key", "file:absent.key").replace("file:server.key", "env:SERVER_KEY"))
    absent = tmp_path / "secrets" / "absent.key"
    assert refusal(path, {"HASH_KEY": "canary"}) == [
        "gateway.yaml:3:48 listeners.service.tls.key: env:SERVER_KEY: the variable SERVER_KEY is not set",
        f"gateway.yaml:5:13 keys.ids: file:absent.key: {absent} can not be read: No such file or directory",
        f"gateway.yaml:5:83 keys.hashes: env:HASH_KEY: {NOT_A_KEY}",
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("files: [absent]", "7:9 files[0]: {folder}/absent is not a folder"),
        (
            "reviews: {folder: absent, keys: ['file:ids.key']}",
            "7:19 reviews.folder: {folder}/absent is not a folder",
        ),
        ("reviews: {folder: secrets, keys: []}", "7:34 reviews.keys: must not be empty"),
        (
            "reviews: {folder: secrets, keys: ['env:NONE']}",
            "7:35 reviews.keys[0]: env:NONE: the variable NONE is not set",
        ),
        ("consents: absent.yaml", "7:11 consents: {folder}/absent.yaml is not a file"),
        ("telemetry: {otlp_ca: absent.pem}", "7:22 telemetry.otlp_ca: {folder}/absent.pem is not a file"),
        ("banks: [../etc]", "7:9 banks[0]: '../etc' is not the name of a bank file, without folder and .yaml"),
        ("telemetry: {ratio: 1.5}", "7:20 telemetry.ratio: must be at most 1"),
        (
            "telemetry: {otlp_endpoint: 'http://2852039166:4318'}",
            (
                "7:28 telemetry.otlp_endpoint: is not a URL that can be called: its host is neither a name nor an "
                "address as it is usually written (such as 192.0.2.1)"
            ),
        ),
        (
            "telemetry: {otlp_endpoint: localhost:4318}",
            "7:28 telemetry.otlp_endpoint: {quoted} is not an http or https URL",
        ),
    ],
)
def test_a_setting_without_meaning_is_refused(written: Write, tmp_path: pathlib.Path, line: str, told: str):
    path = written(LEAST + "\n" + line + "\n")
    assert refusal(path) == ["gateway.yaml:" + told.format(folder=tmp_path, quoted="'localhost:4318'")]


INLINE = (
    "must be redis://HOST:PORT/DATABASE or rediss://... without a password, or a reference to it: "
    "file:NAME or env:NAME (what stands here is not shown, it may hold a secret)"
)


@pytest.mark.parametrize(
    ("redis", "told"),
    [
        ("{url: 'redis://:canary@cache:6379'}", f"6:9 redis.url: {INLINE}"),
        ("{url: 'redis://cache:70000'}", "6:14 redis.url: the port must be from 1 to 65535"),
        (
            "{url: 'env:CACHE'}",
            "6:14 redis.url: is not a URL such as redis://HOST:PORT/DATABASE (it is not shown, it may hold a password)",
        ),
        ("{url: 'redis://cache', password: canary}", f"6:31 redis.password: {NOT_A_REFERENCE}"),
        ("{url: 'redis://cache', password: 'env:NONE'}", "6:41 redis.password: env:NONE: the variable NONE is not set"),
        (
            "{url: 'redis://cache', ca: 'file:clients.pem'}",
            "6:35 redis.ca: is for a rediss:// URL: this one is not over TLS",
        ),
        ("{url: 'rediss://cache', key: 'file:server.key'}", "6:8 redis: "),
        ("{url: 'redis://cache', prefix: 'a{b}'}", "6:39 redis.prefix: 'a{b}' is not a beginning of small letters, "),
    ],
)
def test_a_redis_that_can_not_be_reached_as_written_is_refused(written: Write, redis: str, told: str):
    environment = {"CACHE": "http://canary@cache"}
    (found,) = refusal(written(LEAST + f"redis: {redis}\n"), environment)
    assert found.startswith(f"gateway.yaml:{told}")
    assert "canary" not in found


@pytest.mark.parametrize("listener", ["admin", "public"])
def test_a_plain_listener_is_for_this_machine_only(written: Write, listener: str):
    def at(address: str) -> pathlib.Path:
        return written(LEAST.replace("listeners:", f"listeners:\n  {listener}: {{address: '{address}'}}"))

    for address in ("127.0.0.1:1", "[::1]:1", "localhost:1"):
        assert str(getattr(settings.load(ENVIRONMENT, at(address)).listeners, listener).address) == address
    (told,) = refusal(at("0.0.0.0:1"))
    assert told.startswith(f"gateway.yaml:2:{len(listener) + 15} listeners.{listener}.address: ")
    assert told.endswith("is reached from other machines: add 'tls', or listen on 127.0.0.1")


def test_a_port_that_does_not_exist_is_refused(written: Write):
    path = written(LEAST.replace("  service:", "  service:\n    address: localhost:65536"))
    assert refusal(path) == ["gateway.yaml:3:14 listeners.service.address: the port must be at most 65535"]


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("GATEWAY_SERVICE_ADDRESS", "8443", "is not an address of the form host:port"),
        ("GATEWAY_PUBLIC_ADDRESS", ":1", "the file opens no public listener: add 'listeners.public'"),
        ("GATEWAY_OTLP_ENDPOINT", "jaeger", "is not an http or https URL"),
        ("GATEWAY_OTLP_ENDPOINT", "http://me:pw@jaeger", "must be without user, query and fragment"),
        (
            "GATEWAY_OTLP_ENDPOINT",
            "http://169.254.169.254:4318",
            "is an address that is never called (link-local, metadata service, multicast or unspecified)",
        ),
        (
            "GATEWAY_SERVICE_ADRESS",
            "x",
            "is not a variable of the gateway (did you mean 'GATEWAY_SERVICE_ADDRESS'?)",
        ),
    ],
)
def test_a_variable_is_checked_as_the_file_is(written: Write, variable: str, value: str, told: str):
    assert refusal(written(LEAST), {variable: value}) == [f"environment:1:1 {variable}: {told}"]


def test_what_kubernetes_tells_every_pod_is_let_be(written: Write):
    links = {"GATEWAY_SERVICE_HOST": "10.0.0.1", "GATEWAY_SERVICE_PORT": "8443", "GATEWAY_PORT_8443_TCP": "tcp://"}
    assert settings.load(ENVIRONMENT | links, written(LEAST))


def test_without_a_file_the_remedy_is_told(tmp_path: pathlib.Path):
    with pytest.raises(Refused, match="GATEWAY_SETTINGS: is not set: it names the settings file"):
        settings.load({})
    assert refusal(tmp_path / "gateway.yaml") == ["gateway.yaml:1:1 can not be read: No such file or directory"]


def test_settings_show_no_secret(written: Write):
    assert KEY not in repr(settings.load(ENVIRONMENT, written(LEAST)))


def described(node: dict[str, Any], at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, setting in node.get("properties", {}).items():
        reference = setting.get("$ref", "").rpartition("/")[2]
        whole = {**settings.schema()["$defs"].get(reference, {}), **setting}
        yield f"{at}{name}", whole
        yield from described(whole, f"{at}{name}.")


def test_every_setting_is_described():
    told = dict(described(settings.schema()))
    assert len(told) > 40
    assert [name for name, setting in told.items() if not setting.get("description", "").endswith(".")] == []


def test_the_schema_and_the_settings_agree_on_names_and_defaults():
    told = dict(described(settings.schema()))
    known = dict(defaults(Settings))
    assert told.keys() == known.keys()
    for name, setting in told.items():
        default = known[name]
        if "default" in setting:
            assert spelled(setting["default"]) == default, name
        else:
            assert default in (None, msgspec.NODEFAULT) or isinstance(default, msgspec.Struct), name


def defaults(struct: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    for field in msgspec.structs.fields(struct):
        kinds = getattr(field.type, "__args__", (field.type,))
        yield f"{at}{field.name}", field.default
        for kind in kinds:
            if field.name != "secrets" and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                if at == "listeners." and field.name == "health":
                    yield "listeners.health.address", kind().address  # it is always plain
                else:
                    yield from defaults(kind, f"{at}{field.name}.")


def spelled(default: Any) -> Any:
    """A default of the schema as the settings hold it."""
    units = {"ms": 0.001, "s": 1, "m": 60, "KiB": 1024, "MiB": 1024 * 1024}
    if isinstance(default, list):
        return tuple(default)
    if isinstance(default, str):
        for unit, factor in units.items():
            number = default.removesuffix(unit)
            if number.isdecimal() and number != default:
                return int(number) * factor
    return default


def test_variables_are_described_where_they_apply():
    told = {
        setting["x-environment"]: name for name, setting in described(settings.schema()) if "x-environment" in setting
    }
    assert told == {
        **{variable: f"listeners.{name}.address" for variable, name in settings.ADDRESS_VARIABLES.items()},
        settings.OTLP_VARIABLE: "telemetry.otlp_endpoint",
    }


BALANCER = """\
    balancer: {addresses: [10.1.0.0/16, '::1'], certificate_from: client-cert, client_ca: 'file:clients.pem'}
"""


def test_a_balancer_may_have_asked_callers_for_their_certificates(written: Write):
    plain = LEAST.replace(LEAST.splitlines()[2] + "\n", "    address: 127.0.0.1:0\n" + BALANCER)
    loaded = settings.load(ENVIRONMENT, written(plain))
    balancer = loaded.listeners.service.balancer
    assert balancer is not None
    assert loaded.listeners.service.tls is None
    assert (balancer.addresses, balancer.depth, balancer.identity) == (("10.1.0.0/16", "::1"), 1, "uri")
    without = LEAST.replace(', client_ca: "file:clients.pem"', "").replace(
        "secrets: secrets", BALANCER + "secrets: secrets"
    )
    assert settings.load(ENVIRONMENT, written(without)).listeners.service.tls is not None


@pytest.mark.parametrize(
    ("balancer", "told"),
    [
        ("{addresses: [0.0.0.0/0], address_from: forwarded}", "addresses[0]: trusts everyone: name the balancer's"),
        ("{addresses: [10.1.2.3/16]}", "addresses[0]: must be an address or a network such as 10.1.0.0/16"),
        ("{addresses: [balancer.example]}", "addresses[0]: must be an address or a network"),
        ("{addresses: []}", "addresses: must not be empty"),
        ("{addresses: ['::1'], depth: 2}", "'depth': ['address_from']"),
        ("{addresses: ['::1'], certificate_from: client-cert}", "'certificate_from' and 'client_ca' go together"),
        ("{addresses: ['::1'], client_ca: 'file:clients.pem'}", "'certificate_from' and 'client_ca' go together"),
        (
            "{addresses: ['::1'], certificate_from: proxy-protocol, client_ca: 'file:clients.pem'}",
            "certificate_from: needs 'proxy_protocol: true'",
        ),
        (
            "{addresses: ['::1'], certificate_from: client-cert, client_ca: 'file:absent.pem'}",
            "client_ca: file:absent.pem: ",
        ),
    ],
)
def test_a_balancer_that_can_not_be_meant(written: Write, balancer: str, told: str):
    path = written(LEAST.replace("secrets: secrets", f"    balancer: {balancer}\nsecrets: secrets"))
    assert any(told in problem and "listeners.service.balancer" in problem for problem in refusal(path)), refusal(path)


def test_somebody_must_ask_callers_for_a_certificate(written: Write):
    content = LEAST.replace(', client_ca: "file:clients.pem"', "")
    path = written(content.replace("secrets: secrets", "    balancer: {addresses: ['::1']}\nsecrets: secrets"))
    (told,) = refusal(path)
    assert "listeners.service: nobody asks callers for a certificate" in told
    path = written(LEAST.replace('"file:clients.pem"}', '"file:clients.pem", revocation_lists: ["file:absent.crl"]}'))
    (told,) = refusal(path)
    assert "listeners.service.tls.revocation_lists[0]: file:absent.crl: " in told
