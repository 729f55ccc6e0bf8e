"""The link to a list's next page, as banks write it, brought to an absolute URL.

The standard has absolute URLs; banks also send paths, names relative to the page, and paths of servers behind their
own gateway. Where it may lead is the engine's to judge.
"""

import re
from urllib.parse import quote, urljoin, urlsplit

from adapters.uk_openbanking.requests import base_url, deviations
from gateway.contract import BankProfile

_UNSPEAKABLE = re.compile(r"[\x00-\x20\x7f\\]")
_FROM_ACCOUNTS = re.compile(r"/accounts(?:/.*)?$")
_KEPT = "-._~:/?@!$&'()*+,;=%[]"


def next_url(bank: BankProfile, link: str, document_url: str) -> str:
    """The absolute URL of a link; stray characters are percent-encoded, a fragment is dropped.

    Raises ValueError for a link that can not be read.
    """
    link = link.strip()
    if not link or _UNSPEAKABLE.search(link):
        raise ValueError("the link is empty, or holds blanks")
    given = urlsplit(link)
    if given.scheme not in {"", "http", "https"} or (given.scheme and not given.netloc):
        raise ValueError("the link is no http URL")
    if not given.netloc and deviations(bank).links == "rebased":
        return _rebased(base_url(bank), given.path, given.query)
    whole = urlsplit(urljoin(document_url, link))
    return f"{whole.scheme}://{whole.netloc}{_path(whole.path, whole.query)}"


def _rebased(base: str, path: str, query: str) -> str:
    """What the path names below `/accounts`, below the bank's base URL."""
    below = _FROM_ACCOUNTS.search(path)
    if below is None:
        raise ValueError("the link names no accounts")
    return base + _path(below[0], query)


def _path(path: str, query: str) -> str:
    return quote(path or "/", safe=_KEPT) + (f"?{quote(query, safe=_KEPT)}" if query else "")
