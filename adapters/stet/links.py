"""The link to a list's next page, as banks write it, brought to an absolute URL.

HAL has RFC 3986 references, and RFC 6570 templates where `templated` says so; banks also send paths that only count
from their base URL. Where a link may lead is the engine's to judge.
"""

import re
from urllib.parse import urlsplit

from adapters.links import read_link, resolved, written
from adapters.stet.requests import base_url, deviations
from gateway.contract import BankProfile

_TEMPLATE = re.compile(r"\{[^{}]*\}")


def next_url(bank: BankProfile, link: str, document_url: str) -> str:
    """The absolute URL of a link; stray characters are percent-encoded, a fragment is dropped.

    A template's expressions have no values here and expand to nothing (RFC 6570 section 3.2.1). Raises ValueError for
    a link that can not be read.
    """
    link = _TEMPLATE.sub("", link.strip())
    given = read_link(link)
    if not given.netloc and deviations(bank).links == "rebased":
        return _rebased(base_url(bank), given.path, given.query)
    return resolved(document_url, link)


def _rebased(base: str, path: str, query: str) -> str:
    """What the path names, below the bank's base URL, unless it is written from the host on all the same."""
    whole = "/" + path.lstrip("/")
    above = urlsplit(base).path
    below = whole.removeprefix(above) if whole.startswith(f"{above}/") else whole
    return base + written(below, query)
