"""How a list goes on: a link of the bank's brought to an absolute URL, or the next page by its number.

The standard has links full or relative; hubs cut their own part of the path off, or count pages instead. Where a link
may lead is the engine's to judge.
"""

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from adapters.berlin_group.requests import CARDS, deviations, list_url
from adapters.links import read_link, resolved
from gateway.contract import BankCall, BankProfile, BankResponse

_COUNT = re.compile(r"[0-9]{1,6}")


def next_url(bank: BankProfile, link: str, document_url: str) -> str:
    """The absolute URL of a link; stray characters are percent-encoded, a fragment is dropped.

    Raises ValueError for a link that can not be read.
    """
    link = link.strip()
    given = read_link(link)
    if not given.netloc and given.path.startswith("/") and deviations(bank).links == "prefixed":
        link = _cut_off(given.path, urlsplit(document_url).path) + link
    return resolved(document_url, link)


def _cut_off(path: str, document_path: str) -> str:
    """What the document's own path has before the link's first segment: `/hub` of `/hub/v1/...` for `/v1/...`."""
    first = path.split("/")[1]
    segments = document_path.split("/")
    return "/".join(segments[: segments.index(first)]) if first in segments else ""


def following(call: BankCall, response: BankResponse) -> str | None:
    """The next page where the adapter knows it: by number, or the card accounts after the accounts."""
    settings = deviations(call.bank)
    if settings.counted_pages is not None and call.operation in {"accounts.list", "accounts.get", "transactions.list"}:
        further = _by_number(response, settings.counted_pages.header)
        if further is not None:
            return further
    first = call.operation == "accounts.list" and (call.next_url is None or settings.counted_pages is not None)
    if first and settings.card_accounts == "also" and not urlsplit(response.url).path.endswith(f"/{CARDS}"):
        return list_url(call.bank, CARDS)
    return None


def _by_number(response: BankResponse, header: str) -> str | None:
    parts = urlsplit(response.url)
    query = dict(parse_qsl(parts.query))
    page, pages = query.get("offset", ""), response.headers.get(header, "").strip()
    if not (_COUNT.fullmatch(page) and _COUNT.fullmatch(pages)) or int(page) >= int(pages):
        return None
    return parts._replace(query=urlencode({**query, "offset": str(int(page) + 1)}, quote_via=quote)).geturl()
