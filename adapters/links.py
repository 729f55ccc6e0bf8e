"""Links to a next page as banks write them, brought to an absolute URL in one form.

Each dialect's `links` says what a relative link is relative to at its banks; where a link may lead is the engine's to
judge.
"""

import re
from urllib.parse import SplitResult, quote, urljoin, urlsplit

_UNSPEAKABLE = re.compile(r"[\x00-\x20\x7f\\]")
_KEPT = "-._~:/?@!$&'()*+,;=%[]"


def read_link(link: str) -> SplitResult:
    """The parts of a link. Raises ValueError for one that can not be read, or is no http URL."""
    if not link or _UNSPEAKABLE.search(link):
        raise ValueError("the link is empty, or holds what a URL can not")
    given = urlsplit(link)
    if given.scheme not in {"", "http", "https"} or (given.scheme and not given.netloc):
        raise ValueError("the link is no http URL")
    return given


def resolved(document_url: str, link: str) -> str:
    """The absolute URL of a link (RFC 3986 section 5) found in a document; its fragment is dropped."""
    whole = urlsplit(urljoin(document_url, link))
    return f"{whole.scheme}://{whole.netloc}{written(whole.path, whole.query)}"


def written(path: str, query: str) -> str:
    """Path and query with stray characters percent-encoded, and what is encoded kept as it is."""
    return quote(path or "/", safe=_KEPT) + (f"?{quote(query, safe=_KEPT)}" if query else "")
