"""TLS that is verified both ways, and passwords: what is right gets in, and what is wrong is told in one word."""

import pathlib
import re
from collections.abc import Awaitable, Callable, Iterator

import pytest
import trustme

from gateway.errors import StoreUnavailable
from gateway.store.counters import Window
from gateway.store.redis import Line, RedisCircuits, RedisCounters, RedisReplays
from tests.store.conftest import Tally
from tests.store.servers import RedisServer

Lines = Callable[..., Awaitable[Line]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator["House"]:
    made = House(tmp_path_factory.mktemp("tls"))
    yield made
    made.server.close()


class Heard:
    """A circuit of which nothing is asked."""

    def share(self, _announce):
        """It opens never."""

    def leave_alone(self, _seconds):
        """It is not looked at."""


class House:
    """A server that asks for certificates and passwords, and what one needs for it, by name."""

    def __init__(self, folder: pathlib.Path) -> None:
        authority, stranger = trustme.CA(), trustme.CA()
        leaf = authority.issue_cert("127.0.0.1")
        ours = authority.issue_cert("gateway.example")
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        leaf.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
        self.secrets = {
            "CA": authority.cert_pem.bytes().decode(),
            "OTHER_CA": stranger.cert_pem.bytes().decode(),
            "CERTIFICATE": b"".join(blob.bytes() for blob in ours.cert_chain_pems).decode(),
            "KEY": ours.private_key_pem.bytes().decode(),
            "PASSWORD": "canary-password\n",
            "WRONG": "canary-wrong",
            "USER": "gate",
        }
        self.server = RedisServer(
            folder,
            *("--tls-cert-file", "server.pem", "--tls-key-file", "server.pem", "--tls-ca-cert-file", "ca.pem"),
            *("--tls-auth-clients", "yes", "--requirepass", "canary-password"),
            *("--user", "gate", "on", ">canary-word", "~gateway:*", "+@all"),
            *("--user", "reader", "on", ">canary-word", "~*", "+@read", "+client"),
            tls=True,
        )
        at = f"127.0.0.1:{self.server.port}"
        self.secrets["URL"] = f"rediss://:canary-password@{at}/3"
        self.secrets["USER_URL"] = f"rediss://gate:canary-word@{at}"
        self.secrets["READER_URL"] = f"rediss://reader:canary-word@{at}"
        self.url = f"rediss://{at}"


OURS = {"ca": "env:CA", "certificate": "env:CERTIFICATE", "key": "env:KEY"}


@pytest.mark.parametrize(
    ("url", "prefix", "said"),
    [
        ("", "anything", {"password": "env:PASSWORD"}),
        ("env:URL", "anything", {}),
        ("env:USER_URL", "gateway", {}),
        ("env:USER_URL", "anything", {"username": "env:DEFAULT", "password": "env:PASSWORD"}),
    ],
    ids=["a password", "in the URL", "a user in the URL", "settings go before the URL"],
)
async def test_what_is_right_gets_in(house: House, lines: Lines, url: str, prefix: str, said: dict[str, str]):
    secrets = house.secrets | {"DEFAULT": "default"}
    line = await lines(url or house.url, prefix=prefix, secrets=secrets, **OURS, **said)
    assert line.there
    info = await line.ask("info", "CLIENT", "INFO")
    assert b" db=3 " in info if url == "env:URL" else b" db=0 " in info
    assert b" name=gateway " in info


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (OURS | {"ca": "env:OTHER_CA", "password": "env:PASSWORD"}, "tls_refused"),
        # The alert may come too late to be read: TLS 1.3 ends the handshake before our certificate is looked at.
        ({"ca": "env:CA", "password": "env:PASSWORD"}, "tls_refused|unreachable"),
        (OURS, "not_authenticated"),
        (OURS | {"password": "env:WRONG"}, "not_authenticated"),
        (OURS | {"url": "env:READER_URL"}, "not_permitted"),
        (OURS | {"password": "env:WENT_AWAY"}, "secret_unreadable"),
        (OURS | {"key": "env:CA", "password": "env:PASSWORD"}, "certificate_unusable"),
    ],
    ids=[
        "another authority",
        "without our certificate",
        "without a password",
        "a wrong password",
        "a user who may only read",
        "a secret that is gone",
        "a key of something else",
    ],
)
async def test_what_is_wrong_is_told_in_a_word(
    house: House, lines: Lines, tally: Tally, said: dict[str, str], word: str
):
    line = await lines(**{"url": house.url, **said}, secrets=house.secrets)
    assert not line.there
    assert tally.failures[0] in word.split("|")


async def test_a_name_that_is_not_the_certificates_is_refused(house: House, lines: Lines, tally: Tally):
    line = await lines(
        house.url.replace("127.0.0.1", "localhost"), secrets=house.secrets, **OURS, password="env:PASSWORD"
    )
    assert not line.there
    assert tally.failures[0] == "tls_refused"


async def test_the_rights_that_the_documentation_gives_are_enough(server: RedisServer, lines: Lines):
    text = (pathlib.Path(__file__).parents[3] / "docs/operations.md").read_text()
    written = re.search(r"`ACL (SETUSER [^`]+)`", text)
    assert written is not None
    words = written[1].replace(">PASSWORD", ">word").split()
    assert server.say("ACL", *words).startswith("+OK")
    narrow = await lines("env:URL", prefix="gateway", secrets={"URL": f"redis://gate:word@127.0.0.1:{server.port}/1"})
    assert (await RedisCounters(narrow).take((("a", Window("w", 1, 60)),)))[0]
    assert not await RedisReplays(narrow, lambda: 1e9).seen(b"once", 1e9 + 60)
    circuits = RedisCircuits(narrow)
    circuits.share({"albion": Heard()})
    await circuits.look()
    with pytest.raises(StoreUnavailable):
        await narrow.ask("keys", "KEYS", "*")
