"""Where a server is that asks for a password: a URL without one, or a reference to a URL that may hold one.

The password never stays in a text that could be printed; a message never repeats what was written.
"""

import re
from urllib.parse import unquote

import msgspec

from gateway.secrets.references import Secret, Secrets

_REDIS = re.compile(
    r"(?P<scheme>rediss?)://"
    r"((?P<username>[^:@/\s]*):(?P<password>[^@/\s]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(:(?P<port>[0-9]{1,5}))?(/(?P<database>[0-9]{1,4})?)?"
)
_REDIS_PORT = 6379


class ServerAddress(msgspec.Struct, frozen=True):
    """A server: `tls` says whether it is reached over TLS; who we are to it is None where the URL does not say."""

    host: str
    port: int
    database: int
    tls: bool
    username: str | None = None
    password: Secret | None = None


def read_redis_address(written: str, secrets: Secrets) -> ServerAddress:
    """Reads `redis://host:port/database`, `rediss://` for TLS (the schemes of IANA's register), or a reference to it.

    Raises ValueError where it is no such URL, and SecretUnreadable where the reference leads nowhere.
    """
    url = written if written.startswith(("redis://", "rediss://")) else secrets.text(written).strip()
    found = _REDIS.fullmatch(url)
    if found is None:
        raise ValueError("is not a URL such as redis://HOST:PORT/DATABASE (it is not shown, it may hold a password)")
    port = int(found["port"] or _REDIS_PORT)
    if not 0 < port <= 65535:
        raise ValueError("the port must be from 1 to 65535")
    return ServerAddress(
        host=found["host"].strip("[]"),
        port=port,
        database=int(found["database"] or 0),
        tls=found["scheme"] == "rediss",
        username=unquote(found["username"]) if found["username"] else None,
        password=Secret(unquote(found["password"]).encode()) if found["password"] else None,
    )
