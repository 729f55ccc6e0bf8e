"""Runs a compiled mapping: a bank's bytes in, the contract's records out, and what is wrong with the others.

The quick way decodes the whole page at once. Where that fails, the page is decoded again with the records as bytes, and
each record alone: a bad one is set aside, the others answer. Slow is allowed there.
"""

import codecs
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.errors import BankNonsense
from gateway.exchange import Grant
from gateway.mapping.code import Code, CompiledMapping, bind
from gateway.mapping.identity import Identities
from gateway.mapping.pages import Incomplete, MappingCall, Page, Review, ReviewNote
from gateway.mapping.target import Target

_PLURAL = {"account": "accounts", "balance": "balances", "transaction": "transactions"}
_PAGES = {
    plural: msgspec.defstruct("Page", [(plural, Any), ("incomplete", Any), ("next", Any)], frozen=True, gc=False)
    for plural in _PLURAL.values()
}
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_encode = msgspec.json.Encoder().encode
_ESCAPES = re.compile(rb"(?<!\\)((?:\\\\)*)((?:\\u[0-9a-fA-F]{4})+)")
_LONE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F][0-9a-fA-F])\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_NO_RECORDS = frozenset({type(None), str, int, float, bool})
_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode


class MappedPage(msgspec.Struct, frozen=True):
    """A document in the contract's words; `next` is the bank's own link, not yet a cursor.

    `positions` are the places of the records in the bank's page; `grants` what a list of accounts told; `equals` the
    counts of equal fingerprints that the next page goes on from; `document_url` what a relative link is relative to.
    """

    plural: str
    mapping: str
    records: list[Any]
    incomplete: Incomplete | None
    next: str | None
    positions: list[int]
    grants: tuple[Grant, ...] = ()
    equals: dict[str, int] = {}
    document_url: str = ""

    def render(self, cursor: str | None) -> bytes:
        """The contract's page as JSON."""
        return _encode(_PAGES[self.plural](self.records, self.incomplete, cursor))


class BoundMapping:
    """A compiled mapping for one bank: its zone, its name, its keys."""

    def __init__(self, compiled: CompiledMapping, contract: Mapping[str, Target], zone: str, keys: Identities) -> None:
        file = compiled.file
        self.name = f"{file.name}@{file.version}"
        self.version = file.version
        self.operation = file.operation
        self.plural = _PLURAL[file.target]
        self._source = contract[file.target].fields["source"].struct
        self._keys = keys
        self._containers = range(len(file.sources))
        self._exact = (compiled.exact, bind(compiled.exact, zone))
        self._quick = self._exact if compiled.quick is compiled.exact else (compiled.quick, bind(compiled.quick, zone))

    def run(self, body: bytes, header: Mapping[str, str], call: MappingCall) -> MappedPage:
        """Maps one document; an empty body is a page without records.

        Raises BankNonsense where the document as a whole can not be read.
        """
        page = Page(call, self._keys, self._source(call.bank, self.name, call.fetched_at, call.raw_ref))
        if not body or body.isspace():
            return self._page(page, None, 0, [])
        body = body.removeprefix(codecs.BOM_UTF8)  # RFC 8259 section 8.1 lets readers pass over it
        for code, functions in (self._quick, self._exact):
            try:
                document = code.document.decode(body)
            except _UNREADABLE:
                if code is self._exact[0]:
                    break
                continue
            return self._whole(document, functions, body, header, page)
        return self._each(_without_lone_surrogates(body), header, page)

    def _whole(self, document: Any, functions: dict[str, Any], body: bytes, header: Any, page: Page) -> MappedPage:
        call, total = page.call, 0
        for number in self._containers:
            records = _held(functions, number, document, call, _unfold)
            if records:
                functions[f"records_{number}"](records, total, document, header, call, page)
                total += len(records)
        raw = self._raw(_shell(self._exact[0], body), call) if page.left_out else []
        try:
            link = functions["next_link"](document, header, call, page)
        except _UNREADABLE:
            # A text whose type the shape leaves open is read only now: its bytes may be no UTF-8.
            return self._page(page, None, total, raw, gap="next_link_malformed")
        return self._page(page, link, total, raw)

    def _each(self, body: bytes, header: Any, page: Page) -> MappedPage:
        code, functions = self._exact
        shell = _shell(code, body)
        raw = self._raw(shell, page.call)
        for position, (number, record) in enumerate(raw):
            try:
                decoded = code.records[number].decode(record)
            except _UNREADABLE as error:
                page.review(position, Review("", "shape", _place(error)))
            else:
                functions[f"records_{number}"]([decoded], position, shell, header, page.call, page)
        try:
            link = functions["next_link_alone"](code.tail.decode(body), header, page.call, page)
        except _UNREADABLE:
            return self._page(page, None, len(raw), raw, gap="next_link_malformed")
        return self._page(page, link, len(raw), raw)

    def _raw(self, shell: Any, call: MappingCall) -> list[tuple[int, msgspec.Raw]]:
        """All records as they stand in the document, each with the number of its container."""
        functions = self._exact[1]
        return [
            (number, record)
            for number in self._containers
            for record in _held(functions, number, shell, call, _unfold_raw)
        ]

    def _page(
        self, page: Page, link: str | None, total: int, raw: list[tuple[int, msgspec.Raw]], gap: str | None = None
    ) -> MappedPage:
        page.part_accounts()
        incomplete, positions = None, list(range(total))
        if page.left_out or page.skipped or page.noted or gap:
            reviews = tuple(
                ReviewNote(
                    self._keys.review(page.call.bank, self.operation, bytes(raw[position][1])),
                    position,
                    review.field or None,
                    review.reason,
                    review.path or "$",
                )
                for position, review in page.left_out
            )
            incomplete = Incomplete(len(reviews), reviews, page.unknown(), len(page.skipped), gap)
            gone = {*page.skipped, *(position for position, _ in page.left_out)}
            positions = [position for position in positions if position not in gone]
        return MappedPage(
            self.plural, self.name, page.records, incomplete, link, positions, tuple(page.grants), page.equals()
        )


def _held(functions: dict[str, Any], number: int, document: Any, call: MappingCall, unfold: Any) -> Any:
    """The records of a container. Raises BankNonsense where it is chosen by a text whose bytes are no UTF-8."""
    try:
        return functions[f"holder_{number}"](document, call, unfold)
    except _UNREADABLE:
        raise BankNonsense("The bank's document can not be read: it is not UTF-8.") from None


def _unfold(records: Any, _null: bool, _lone: bool, _others: bool) -> Any:  # noqa: FBT001 - called by generated code
    """The records of a container; the only one, where it is an object by itself. The decoder has judged its type."""
    kind = records.__class__
    return records if kind is list else () if kind in _NO_RECORDS else (records,)


def _unfold_raw(container: Any, null: bool, lone: bool, others: bool) -> Any:  # noqa: FBT001 - as above
    """As `_unfold`, of a container that was left as it stands: here its type is judged. Raises BankNonsense."""
    if container is None or container.__class__ is list:
        return container or ()
    held = bytes(container)
    if held[:1] == b"[":
        return _decode_raw(held)
    if held[:1] == b"{" and lone:
        return (container,)
    if others or (null and held == b"null"):
        return ()
    raise BankNonsense("The document is not of its declared shape: the records are no array.")


def _without_lone_surrogates(body: bytes) -> bytes:
    """Escapes of half a character, which systems write that cut a text in its middle, as U+FFFD."""
    return _ESCAPES.sub(_repaired, body) if b"\\ud" in body or b"\\uD" in body else body


def _repaired(match: re.Match[bytes]) -> bytes:
    return match[1] + _LONE.sub(rb"\\ufffd", match[2])


def _shell(code: Code, body: bytes) -> Any:
    try:
        return code.shell.decode(body)
    except msgspec.ValidationError as error:
        raise BankNonsense(f"The document is not of its declared shape, at {_place(error)}.") from None
    except _UNREADABLE:
        raise BankNonsense("The document is not JSON.") from None


def _place(error: BaseException) -> str:
    """Where a decoder stopped; its message also has types, but never the value."""
    _, found, place = str(error).rpartition(" - at `")
    return place.rstrip("`").replace("[...]", "[*]") if found else "$"
