"""The engine as the proof calls it: the shipped mappings, with the bank's own file and overlays where there is one."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from gateway.app.files import find_bank, readers
from gateway.contract import BankProfile
from gateway.errors import BankNonsense
from gateway.files import Layers, Refused
from gateway.mapping.cases import KEY
from gateway.mapping.library import Library, read_library
from gateway.mapping.pages import MappingCall
from gateway.mapping.records import BoundMapping
from tests.corpus.cases import Case
from tests.corpus.comparison import Facts
from tests.corpus.walk import PageRefused

DIALECTS: Mapping[str, str] = {
    "uk-openbanking": "uk_openbanking",
    "berlin-group": "berlin_group",
    "redsys": "berlin_group",
    "cbi-globe": "berlin_group",
    "stet": "stet",
}
# Which of a row's dates that project calls its date, where it is another than elsewhere.
_MOMENTS: Mapping[str, tuple[str, ...]] = {"cbi-globe.json#2": ("value_on", "booked_on")}
# A bank group of the recordings whose houses have files of their own.
_HOUSES: Mapping[str, str] = {
    "deutsche-bank.json#2": "deutsche-bank-it",
    "ing.json#1": "ing-it",
    "unicredit.json#0": "unicredit-hypovereins",
    "unicredit.json#1": "unicredit-it",
    "unicredit.json#2": "unicredit-ro",
}


class Engine:
    """Runs the shipped mappings on recorded bytes; ids are made with the key of cases."""

    def __init__(self) -> None:
        self._layers = Layers.over_shipped()
        self._library: Library = read_library(self._layers)
        self._readers = readers()
        self._bound: dict[tuple[str, str, str], BoundMapping] = {}
        self._profiles: dict[str, BankProfile | None] = {}

    def facts(self, case: Case) -> tuple[str | None, Facts]:
        """The bank's file by name, where there is one, and the zone that the recordings' authors took."""
        name = _HOUSES.get(case.name, case.bank)
        profile = self.profile(name)
        zone = profile.zone if profile is not None else self._zone(DIALECTS[case.standard])
        moment = _MOMENTS.get(case.name)
        facts = Facts(ZoneInfo(zone), moment) if moment else Facts(ZoneInfo(zone))
        return (name if profile is not None else None), facts

    def profile(self, bank: str) -> BankProfile | None:
        """A bank's file, abstract ones too; None where there is none."""
        if bank not in self._profiles:
            try:
                self._profiles[bank] = find_bank(self._layers, bank)
            except Refused:
                self._profiles[bank] = None
        return self._profiles[bank]

    def run_mapping(self, operation: str, body: bytes, bank: str | None, call: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `walk`: the contract's page as parsed JSON, with the records' positions in the bank's page."""
        standard, _, name = operation.partition("/")
        dialect, form = DIALECTS[standard], ""
        if body.lstrip()[:1] == b"<":
            form = "camt"
            try:
                body = self._readers[dialect, form](body)
            except (BankNonsense, KeyError) as error:
                raise PageRefused(str(error)) from None
        profile = self.profile(bank) if bank is not None else None
        bound = self._mapping(dialect, profile, name, form)
        account = call.get("account") or {}
        resource = call.get("account_id")
        identifier = account.get("id") or KEY.account("tenant", bank or "bank", "resource", resource or "", "")
        mapping_call = MappingCall(
            tenant="tenant",
            bank=profile.name if profile is not None else "bank",
            bank_title=profile.title if profile is not None else "Bank",
            bank_bic=None,
            fetched_at="2026-01-01T00:00:00.000Z",
            raw_ref=None,
            account_id=identifier,
            resource_id=resource,
            currency=account.get("currency"),
            numbers=frozenset(one["value"] for one in account.get("identifications", ())),
        )
        try:
            page = bound.run(body, {}, mapping_call)
        except BankNonsense as error:
            raise PageRefused(str(error)) from None
        return {**msgspec.json.decode(page.render(page.next)), "source_positions": page.positions}

    def _mapping(self, dialect: str, profile: BankProfile | None, operation: str, form: str) -> BoundMapping:
        key = (profile.name if profile is not None else "", operation, form)
        if (dialect, *key) not in self._bound:
            lineage = profile.lineage if profile is not None else ()
            compiled = self._library.select(dialect, lineage, operation, form)
            if compiled is None:
                raise PageRefused(f"no mapping reads {operation} {form}")
            zone = profile.zone if profile is not None else compiled.file.zone
            self._bound[dialect, *key] = BoundMapping(compiled, self._library.contract.records, zone, KEY)
        return self._bound[dialect, *key]

    def _zone(self, dialect: str) -> str:
        return self._library.mappings[f"{dialect}/transactions.list"].file.zone
