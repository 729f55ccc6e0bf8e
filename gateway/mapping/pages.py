"""A page in the making: the records, and what is wrong with the others. One bad record never costs the page.

`Review` sets a record aside; `Page.note` tells of a value that became null. Both keep places and codes, never a value
(a code is what a bank's enumeration says, cut at 64 characters).
"""

from collections import Counter
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.exchange import Grant
from gateway.mapping.identity import Identities, fingerprint

_LONGEST_CODE = 64
_MOST_NOTES = 100
_BY_NUMBER = ("iban", "scan", "bban", "other", "pan_masked")


class Review(Exception):
    """A record can not be normalised: the contract's field, the reason, and the bank's path."""

    def __init__(self, field: str, reason: str, path: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason, self.path = field, reason, path


class MappingCall(msgspec.Struct, frozen=True, kw_only=True):
    """What a mapping may know of the call that it serves; the root `call` of mapping files.

    `numbers` are the account's own identifications, compacted; `basis` is what its id was made of. `from_date` and
    `to_date` are the contract's days.
    """

    tenant: str
    bank: str
    bank_title: str
    bank_bic: str | None
    fetched_at: str
    raw_ref: str | None
    account_id: str | None = None
    resource_id: str | None = None
    currency: str | None = None
    numbers: frozenset[str] = frozenset()
    from_date: date | None = None
    to_date: date | None = None
    status: str | None = None
    basis: str = "identification"
    equals: dict[str, int] = {}


CALL_NAMES = ("bank", "account_id", "resource_id", "currency", "status")


class ReviewNote(msgspec.Struct, frozen=True):
    """One record left out, as the contract tells it; `position` counts from 0 in the bank's page."""

    review_id: str
    position: int
    field: str | None
    reason: str
    path: str
    kept: bool = False


class UnknownNote(msgspec.Struct, frozen=True):
    """Values that became null, or the mapping's `else`, because the mapping does not know the code."""

    field: str
    path: str
    code: str | None
    count: int


class Incomplete(msgspec.Struct, frozen=True):
    """What a page lacks."""

    left_out: int
    reviews: tuple[ReviewNote, ...]
    unknown: tuple[UnknownNote, ...]
    skipped: int
    gap: str | None


class Page:
    """Collects what the generated code finds while it maps one document."""

    def __init__(self, call: MappingCall, identities: Identities, source: Any) -> None:
        self.call = call
        self.source = source
        self.records: list[Any] = []
        self.grants: list[Grant] = []
        self.left_out: list[tuple[int, Review]] = []
        self.skipped: list[int] = []
        self._identities = identities
        self._notes: dict[tuple[str, str, str | None], int] = {}
        self._equals: dict[str, int] = dict(call.equals)
        self.identify = identities.transactions(call.account_id) if call.account_id else None

    def note(self, field: str, reason: str, path: str, code: object) -> None:
        """A value became null; at most a hundred different ones are told."""
        shown = str(code)[:_LONGEST_CODE] if reason == "unknown_value" and code is not None else None
        key = (field, path, shown)
        if key in self._notes or len(self._notes) < _MOST_NOTES:
            self._notes[key] = self._notes.get(key, 0) + 1

    def review(self, position: int, review: Review) -> None:
        """A record is set aside."""
        self.left_out.append((position, review))

    def account(
        self, identifications: Any, currency: str | None, part: str | None, resource: str | None
    ) -> tuple[str, str]:
        """Id and basis of an account: by its best identification, else by the bank's resource id. Raises Review.

        `part` tells accounts apart that share a number (a building society's roll number). An account that was told
        apart by its resource id once is asked for again on that basis.
        """
        chosen = min(identifications, key=lambda one: _BY_NUMBER.index(one.scheme), default=None)
        call, basis = self.call, "identification"
        if chosen is None or call.basis == "resource":
            basis, out = "resource", self._by_resource(resource)
        else:
            value = chosen.value if part is None else f"{chosen.value}\x1e{part}"
            out = self._identities.account(call.tenant, call.bank, chosen.scheme, value, currency or "")
        numbers = tuple(dict.fromkeys(one.value for one in identifications))
        self.grants.append(Grant(out, resource or "", currency, numbers, basis))
        return out, basis

    def part_accounts(self) -> None:
        """Gives accounts of the page that one id would stand for ids by their resources: none may pass for another."""
        if len(self.grants) < 2:
            return
        shared = {one for one, count in Counter(grant.account_id for grant in self.grants).items() if count > 1}
        if not shared:
            return
        for index, grant in enumerate(self.grants):
            if grant.account_id in shared and grant.resource_id:
                out = self._by_resource(grant.resource_id)
                self.grants[index] = replace(grant, account_id=out, basis="resource")
                self.records[index] = replace(self.records[index], id=out, id_basis="resource")

    def _by_resource(self, resource: str | None) -> str:
        if resource is None:
            raise Review("id", "missing", "$")
        return self._identities.account(self.call.tenant, self.call.bank, "resource", resource, "")

    def derived(self, *parts: Any) -> str:
        """The key of a transaction that the bank gave none: a fingerprint, and its ordinal among equals.

        The count goes on across the pages of a list (the cursor carries it), so paging does not change it.
        """
        text = fingerprint(parts)
        short = self._identities.digest("equal", text)[:12]
        ordinal = self._equals[short] = self._equals.get(short, 0) + 1
        return f"fingerprint\x1f{text}\x1f{ordinal}"

    def equals(self, most: int = 64) -> dict[str, int]:
        """The counts of the last fingerprints, for the cursor; rows that are equal lie close together in a list."""
        return dict(list(self._equals.items())[-most:])

    @property
    def noted(self) -> bool:
        """Whether any value became null."""
        return bool(self._notes)

    def unknown(self) -> tuple[UnknownNote, ...]:
        """What became null, with counts."""
        return tuple(UnknownNote(f, path or "$", code, count) for (f, path, code), count in self._notes.items())


def instant(moment: datetime) -> str:
    """RFC 3339 with milliseconds, of an instant in UTC."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"
