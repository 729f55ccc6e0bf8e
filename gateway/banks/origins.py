"""Where a bank may be asked: the origins of its base URLs (RFC 6454), and nowhere else, whatever a link says.

A URL goes out exactly as it was checked here. There is one strict reading for what is sent, and one that brings a
link, as banks write them, into that form or refuses it.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

import msgspec

from gateway.files.hosts import check_host

_PORTS = {"https": 443, "http": 80}
# What RFC 3986 lets stand in a path and a query, as it is; "#" never goes over the wire.
_TARGET = re.compile(r"[/?][A-Za-z0-9\-._~:/?@!$&'()*+,;=%\[\]]*")
_KEPT = "-._~:/?@!$&'()*+,;=%[]"
_UNSPEAKABLE = re.compile(r"[\x00-\x20\x7f\\]")


class UrlRefused(ValueError):
    """A URL that may not, or can not, be called; the message says why and holds nothing of it."""


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Scheme, host and port of a bank's server; `host` is without brackets, `authority` is for the Host header."""

    scheme: str
    host: str
    port: int
    authority: str

    @property
    def prefix(self) -> str:
        """How the origin is spelt at the front of a URL."""
        return f"{self.scheme}://{self.authority}"


def origin_of(url: str) -> Origin:
    """The origin of an absolute http or https URL whose host is in its one spelling. Raises UrlRefused, saying why."""
    origin = _read(url)
    try:
        check_host(origin.host)
    except ValueError as error:
        raise UrlRefused(str(error)) from None
    return origin


def _read(url: str) -> Origin:
    if _UNSPEAKABLE.search(url) or not url.isascii():
        raise UrlRefused("it holds a character that a URL can not")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlRefused("its host or port can not be read") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise UrlRefused("it is not an absolute https URL")
    if "@" in parts.netloc:
        raise UrlRefused("it names a user")
    port = _PORTS[parts.scheme] if port is None else port
    host = parts.hostname
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
    return Origin(parts.scheme, host, port, authority)


class Origins:
    """The origins of one bank's base URLs."""

    def __init__(self, base_urls: Iterable[str]) -> None:
        self.all: tuple[Origin, ...] = tuple(dict.fromkeys(origin_of(url) for url in base_urls))
        self._prefixes = tuple((origin.prefix, len(origin.prefix), origin) for origin in self.all)

    def split(self, url: str) -> tuple[Origin, str]:
        """The origin and the request target (RFC 9112 section 3.2.1) of a URL in its strict form.

        Raises UrlRefused when it lies outside of the bank or is not in that form.
        """
        for prefix, length, origin in self._prefixes:
            if url.startswith(prefix):
                target = url[length:]
                if _TARGET.fullmatch(target):
                    return origin, target if target[0] == "/" else f"/{target}"
                if not target:
                    return origin, "/"
        raise UrlRefused("the URL leads outside of the bank")

    def normalise(self, link: str) -> str:
        """A link in its strict form: scheme, host and port as in the bank's file, stray characters percent-encoded.

        A fragment is dropped; percent-encodings are kept as the bank wrote them. Raises UrlRefused when the link is
        not absolute, leads outside of the bank, or can not be sent.
        """
        origin = _read(link)
        if origin not in self.all:
            raise UrlRefused("the link leads outside of the bank")
        parts = urlsplit(link)
        query = f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
        return f"{origin.prefix}{quote(parts.path or '/', safe=_KEPT)}{query}"
