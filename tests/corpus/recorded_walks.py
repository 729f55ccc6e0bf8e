"""The walks of walks.yaml: which recorded conversation, what an operator and a caller would say, and what is explained.

What the recording itself demands of callers and operators (token, consent, the person's address, ids of ours) is taken
from its matchers; a walk says it only where they leave it open. How a request looks beyond that is the adapter's.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tests.corpus.cases import Page, read_pages
from tests.corpus.matchers import is_address
from tests.corpus.pairs import Recording, read_recording

_PATTERN = re.compile(r"[\^$.*+?\[(\\]")


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records and pages that the contract told; the pages are of lists of transactions."""

    accounts: int = 0
    balances: int = 0
    transactions: int = 0
    pages: int = 0

    def reaches(self, least: "Counts") -> bool:
        return all(mine >= wanted for mine, wanted in zip(_numbers(self), _numbers(least), strict=True))


class RecordedWalk(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"first": "from", "last": "to"}
):
    """One conversation, `recorded` as `<bank>/<standard>`, of the files that start with one of `below`.

    `bank` is the file that the walk's own extends, `file` more keys of it, `base` its base URLs below the origin.
    `known` are the bank's ids of accounts that no recorded list leads to. `first` and `last` are the days asked for,
    and `outside` the recorded rows of other days, which the bank would not have sent. The last three explain, each by a
    pattern in which `*` is anything: requests (method and target) that matched nothing, pages of the recording that
    were not asked for (by file), and gaps that the contract told (by their word).
    """

    recorded: str
    below: tuple[str, ...] = ("",)
    without: tuple[str, ...] = ()
    bank: str | None = None
    base: str | dict[str, str] = ""
    file: dict[str, Any] = {}
    headers: dict[str, str | None] = {}
    client_id: str | None = None
    token: str | None = None
    consent: str | None = None
    known: tuple[str, ...] = ()
    first: dt.date = dt.date(2000, 1, 2)
    last: dt.date | None = None
    outside: int = 0
    at_least: Counts
    unmatched: dict[str, str] = {}
    unasked: dict[str, str] = {}
    gaps: dict[str, str] = {}


class Conversation(msgspec.Struct, frozen=True):
    """A walk with its recording: all pairs of it, and the pages of account reading among them."""

    name: str
    walk: RecordedWalk
    recording: Recording
    pages: tuple[Page, ...]
    demanded: Mapping[str, frozenset[str]]

    @property
    def token(self) -> str:
        """The access token; banks that want none get one all the same, which the adapter must not send."""
        return self.walk.token or (self._one("authorization") or "not-wanted").removeprefix("Bearer ")

    @property
    def consent(self) -> str | None:
        """The bank's id of the consent."""
        return self.walk.consent or self._one("consent-id")

    @property
    def psu_address(self) -> str | None:
        """The person's address, where the recording wants the person to be there."""
        wanted = self.demanded.get("psu-ip-address")
        if wanted is None:
            return None
        return next((value for value in sorted(wanted) if is_address(value)), "127.0.0.1")

    def bank_file(self, origin: str) -> dict[str, Any]:
        """What an operator would write in the bank's file, the bank being at `origin`."""
        walk = self.walk
        base = walk.base if isinstance(walk.base, dict) else {"default": walk.base}
        written = {
            "environment": "sandbox",
            "network": "private",
            "base_urls": {group: origin + path for group, path in base.items()},
            "headers": {name: value or self._one(name.lower()) for name, value in walk.headers.items()},
            **walk.file,
        }
        if walk.bank is not None:
            written["extends"] = walk.bank
        if walk.client_id is not None:
            written["client_id"] = self._one(walk.client_id.lower())
        return written

    def _one(self, header: str) -> str | None:
        """The only value of a header that the recording's matchers name."""
        values = self.demanded.get(header, frozenset())
        if len(values) > 1:
            raise ValueError(f"{self.name}: the recording wants several values of {header}: say which")
        return next(iter(values), None)


def walk_names(path: Path) -> list[str]:
    """The names of the walks of walks.yaml."""
    return list(yaml.safe_load(path.read_text()))


def read_walks(corpus: Path, path: Path) -> Iterator[Conversation]:
    """Reads walks.yaml and the recordings that it names."""
    for name, written in yaml.safe_load(path.read_text()).items():
        walk = msgspec.convert(written, RecordedWalk)
        standard = corpus / "recorded" / walk.recorded
        pages = tuple(read_pages(standard, walk.below, walk.without))
        recording = read_recording(standard, walk.below, walk.without)
        yield Conversation(name, walk, recording, pages, _demanded(recording, {page.file for page in pages}))


def _demanded(recording: Recording, files: set[str]) -> dict[str, frozenset[str]]:
    """The literal values of headers that the matchers of account reading name; none for a header of any value."""
    found: dict[str, set[str]] = {}
    for pair in recording.pairs:
        if pair.file not in files:
            continue
        for name, matcher in pair.headers.items():
            values = found.setdefault(name.lower(), set())
            values |= {
                text
                for kind, text in matcher.items()
                if kind == "equalTo" or (kind in ("contains", "matches") and not _PATTERN.search(text))
            }
    return {name: frozenset(values) for name, values in found.items()}


def unexplained(found: Mapping[str, object], explained: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """What of `found` no pattern explains, and the patterns that explain nothing."""
    patterns = {pattern: _compiled(pattern) for pattern in explained}
    left = [one for one in found if not any(whole.fullmatch(one) for whole in patterns.values())]
    unused = [pattern for pattern, whole in patterns.items() if not any(map(whole.fullmatch, found))]
    return left, unused


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))))


def _numbers(counts: Counts) -> tuple[int, ...]:
    return msgspec.structs.astuple(counts)
