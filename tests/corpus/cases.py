"""The expected values of the corpus as cases of one form, and the recorded pages that each was taken from.

A case names folders; where they hold several conversations for one account, cases.yaml says which are not of this case.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tests.corpus.pairs import Pair, read_recording
from tests.corpus.readings import Kind

_ADDRESS = re.compile(
    r"/(?:card-)?accounts(?:/(?P<account>[^/]+)(?:/(?P<resource>balances|transactions)(?P<rest>.*))?)?$"
)
_KINDS: Mapping[str | None, Kind] = {None: "accounts", "balances": "balances", "transactions": "transactions"}
_FURTHER = re.compile(r"[?&](?:page|next)=|/next$|/page/?\d")
_MARKS = frozenset(
    (
        "page",
        "pageIndex",
        "navTok",
        "link",
        "index",
        "edgeToken",
        "truncatedFromDateTime",
        "toBookingDateTime",
        "offset",
    )
)


class Page(msgspec.Struct, frozen=True):
    """The body of one recorded answer; `further` says that it is reached only by a link.

    `embedded`: balances that stand inside an accounts page.
    """

    file: str
    kind: Kind
    account: str | None
    body: bytes
    further: bool = False
    embedded: bool = False

    def belongs_to(self, account: str, *, first: bool) -> bool:
        """Whether the page was asked for this account; an address for any account was recorded for the first."""
        if self.account in (".+", None):
            return first
        return self.account == account or bool(re.fullmatch(self.account, account))


class Case(msgspec.Struct, frozen=True):
    """One test of the recordings' authors: `accounts` as expected/README tells, `number` counts within the file."""

    file: str
    number: int
    bank: str
    standard: str
    accounts: Sequence[Mapping[str, Any]]
    accounts_count: int | None
    pages: tuple[Page, ...]

    @property
    def name(self) -> str:
        return f"{self.file}#{self.number}"

    def pages_of(self, kind: Kind, account: str | None = None, *, first: bool = True) -> list[Page]:
        """The pages of a kind in the order of a walk, first pages before further ones."""
        found = [page for page in self.pages if page.kind == kind]
        if account is not None:
            found = [page for page in found if page.belongs_to(account, first=first)]
        return sorted(found, key=lambda page: (page.further, page.file))


def read_cases(corpus: Path, notes: Path) -> Iterator[Case]:
    """Yields the cases of `expected/<bank>.json`, with `notes` (cases.yaml) telling what a case leaves aside."""
    without: Mapping[str, Sequence[str]] = yaml.safe_load(notes.read_text())["without"]
    for path in sorted((corpus / "expected").glob("*.json")):
        written = json.loads(path.read_text())
        standard = corpus / "recorded" / written["bank"] / written["standard"]
        for number, case in enumerate(written["cases"]):
            name = f"{path.name}#{number}"
            yield Case(
                path.name,
                number,
                written["bank"],
                written["standard"],
                case["accounts"],
                case.get("accountsCount"),
                tuple(read_pages(standard, case["recorded"], without.get(name, ()))),
            )


def read_bare_cases(corpus: Path) -> Iterator[Case]:
    """Yields a case without expectations for each bank that has none: its records are read and counted all the same."""
    named = {path.stem for path in (corpus / "expected").iterdir()}
    for standard in sorted((corpus / "recorded").glob("*/*")):
        bank = standard.parent.name
        if bank not in named:
            yield Case(bank, 0, bank, standard.name, (), None, tuple(read_pages(standard, ("",))))


def read_pages(standard: Path, below: Sequence[str], without: Sequence[str] = ()) -> Iterator[Page]:
    """Yields the pages of account reading that were answered with a success."""
    for pair in read_recording(standard, below, without).pairs:
        address = pair.address.partition("?")[0].rstrip("\\")
        found = _ADDRESS.search(address)
        if pair.method != "GET" or found is None or not 200 <= pair.response.status < 300 or pair.response.fault:
            continue
        kind = _KINDS[found["resource"]]
        account = found["account"] if found["resource"] else None
        if found["account"] and not found["resource"] and not _FURTHER.search(address):
            continue
        yield Page(pair.file, kind, account, pair.response.body, _is_further(pair))


def _is_further(pair: Pair) -> bool:
    marked = {
        name: matcher
        for name, matcher in pair.query.items()
        if name in _MARKS and "absent" not in matcher and (name, matcher.get("equalTo")) != ("offset", "1")
    }
    return bool(marked) or bool(_FURTHER.search(pair.address))
