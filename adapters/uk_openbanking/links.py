"""The link to a list's next page, as banks write it, brought to an absolute URL.

The standard has absolute URLs; banks also send paths, names relative to the page, and paths of servers behind their
own gateway. Where it may lead is the engine's to judge.
"""

import re

from adapters.links import read_link, resolved, written
from adapters.uk_openbanking.requests import base_url, deviations
from gateway.contract import BankProfile

_FROM_ACCOUNTS = re.compile(r"/accounts(?:/.*)?$")


def next_url(bank: BankProfile, link: str, document_url: str) -> str:
    """The absolute URL of a link; stray characters are percent-encoded, a fragment is dropped.

    Raises ValueError for a link that can not be read.
    """
    link = link.strip()
    given = read_link(link)
    if not given.netloc and deviations(bank).links == "rebased":
        return _rebased(base_url(bank), given.path, given.query)
    return resolved(document_url, link)


def _rebased(base: str, path: str, query: str) -> str:
    """What the path names below `/accounts`, below the bank's base URL."""
    below = _FROM_ACCOUNTS.search(path)
    if below is None:
        raise ValueError("the link names no accounts")
    return base + written(below[0], query)
