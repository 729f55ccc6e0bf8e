"""A new connection to the Redis of the settings: TLS verified, who we are read anew, since passwords change."""

import asyncio
import ssl
from typing import Any

import msgspec
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection

from gateway.secrets import Secrets, load_chain, read_redis_address
from gateway.settings import RedisSettings

_PLAIN = {"protocol": 2, "driver_info": None, "client_name": "gateway", "socket_timeout": None}


class Opening(msgspec.Struct, frozen=True):
    """How a connection is made; `settings` holds references, `secrets` follows them."""

    settings: RedisSettings
    secrets: Secrets

    async def connection(self) -> AbstractConnection:
        """A connection that is authenticated and knows its database.

        Raises what redis-py and the network raise, SecretUnreadable and CertificateUnusable.
        """
        connection = await asyncio.to_thread(self._build)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    def where(self) -> str:
        """`host:port`, for operators."""
        address = read_redis_address(self.settings.url, self.secrets)
        return f"{address.host}:{address.port}"

    def _build(self) -> AbstractConnection:
        settings, secrets = self.settings, self.secrets
        address = read_redis_address(settings.url, secrets)
        password = address.password.reveal().decode() if address.password is not None else None
        said: dict[str, Any] = {
            **_PLAIN,
            "host": address.host,
            "port": address.port,
            "db": address.database,
            "username": secrets.text(settings.username) if settings.username is not None else address.username,
            "password": secrets.text(settings.password) if settings.password is not None else password,
            "socket_connect_timeout": settings.connect_timeout,
        }
        if not address.tls:
            return Connection(**said)
        connection = SSLConnection(**said)
        # The library would read certificates from files only.
        connection.ssl_context.context = self._context()
        return connection

    def _context(self) -> ssl.SSLContext:
        settings, secrets = self.settings, self.secrets
        authorities = secrets.read(settings.ca).decode("ascii") if settings.ca is not None else None
        context = ssl.create_default_context(cadata=authorities)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.certificate is not None and settings.key is not None:
            load_chain(context, secrets.read(settings.certificate), secrets.read(settings.key))
        return context
