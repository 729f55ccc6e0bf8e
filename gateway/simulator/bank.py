"""One simulated bank: a request comes in, an answer or a refusal in the dialect's words goes out. No I/O here."""

import urllib.parse
import zoneinfo
from datetime import date, datetime
from typing import assert_never

import msgspec

from gateway.contract import Clock
from gateway.simulator import admission, paging, wording
from gateway.simulator.berlin_group import DIALECT as BERLIN_GROUP
from gateway.simulator.body_signatures import check_body_signature, sign_answer
from gateway.simulator.configuration import Access, Account, Bank, DialectName, Operation, Permission
from gateway.simulator.dialect import Dialect, Page
from gateway.simulator.faults import Faults
from gateway.simulator.header_signatures import check_header_signature
from gateway.simulator.journal import Journal
from gateway.simulator.ledger import Ledger, keep
from gateway.simulator.message_signatures import check_message_signature, sign_message
from gateway.simulator.received import Answer, Located, Received, Visit, locate
from gateway.simulator.refusal import Refusal
from gateway.simulator.seals import Seals
from gateway.simulator.stet import DIALECT as STET
from gateway.simulator.uk_openbanking import DIALECT as UK_OPENBANKING

DIALECTS: dict[DialectName, Dialect] = {
    "uk_openbanking": UK_OPENBANKING,
    "berlin_group": BERLIN_GROUP,
    "stet": STET,
}
_NEEDS: dict[Operation, Permission] = {
    "accounts.list": "accounts",
    "accounts.get": "accounts",
    "balances.list": "balances",
    "transactions.list": "transactions",
}
_MOST_BUILT = 1024


class SimulatedBank:
    """A bank's configuration, and what it remembers: ledgers of the day, built answers, budget, faults, journal."""

    def __init__(self, name: str, bank: Bank, clock: Clock, seals: Seals | None = None) -> None:
        self.name = name
        self.bank = bank
        self.faults = Faults(bank.faults)
        self.journal = Journal()
        self._clock = clock
        self._seals = seals
        self._zone = zoneinfo.ZoneInfo(bank.zone)
        self._dialect = DIALECTS[bank.dialect]
        self._doorkeeper = admission.Doorkeeper(bank, clock())
        self._ledgers: dict[tuple[str, date], Ledger] = {}
        self._built: dict[tuple[str, str, str, str, date], Answer] = {}

    def locate(self, received: Received) -> Located | None:
        """What a request asks for, before anything is checked; None for a path that the bank does not have."""
        return locate(self.bank.base_path, received.path)

    def answer(self, received: Received) -> Answer:
        """The answer to a request: a document, or the refusal."""
        try:
            answer = self._answer(received)
        except Refusal as refusal:
            answer = self._dialect.refuse(self.bank, received, refusal)
        return self._echoed(received, answer)

    def refuse(self, received: Received, refusal: Refusal) -> Answer:
        """A refusal that a fault asks for, in the bank's own words."""
        return self._echoed(received, self._dialect.refuse(self.bank, received, refusal))

    def sign(self, received: Received, answer: Answer, at: datetime, *, wrongly: bool) -> Answer:
        """The answer to a request as it goes out: signed after whatever happened to it, where this bank signs."""
        seals, added = self._seals, list[tuple[str, str]]()
        if seals is not None and self.bank.signs is not None and answer.body:
            added.append(sign_answer(self.bank.signs, seals, answer, at, wrongly=wrongly))
        if seals is not None and self.bank.signs_messages is not None:
            added += sign_message(self.bank.signs_messages, seals, answer, received, at, wrongly=wrongly)
        return msgspec.structs.replace(answer, headers=(*answer.headers, *added)) if added else answer

    def _check_signature(self, received: Received) -> None:
        wanted = self.bank.requires
        if self._seals is not None and wanted.signed_requests is not None:
            check_header_signature(wanted.signed_requests, self._seals, received)
        if self._seals is not None and wanted.signed_bodies is not None:
            check_body_signature(wanted.signed_bodies, self._seals, received)
        if self._seals is not None and wanted.signed_messages is not None:
            check_message_signature(wanted.signed_messages, self._seals, received)

    def _answer(self, received: Received) -> Answer:
        located = self.locate(received)
        if located is None:
            raise Refusal("resource_unknown")
        admission.check_certificate(self.bank, received)
        self._check_signature(received)
        if received.method != "GET":
            raise Refusal("method_not_allowed")
        self._dialect.check_headers(self.bank, received)
        attended = admission.check_address(received, self._dialect.psu_address)
        access = self._doorkeeper.admit(received)
        self._dialect.check_access(self.bank, received, access)
        if not admission.accepts(received, self._dialect.media_types):
            raise Refusal("not_acceptable", "Accept")
        if _NEEDS[located.operation] not in access.permissions:
            raise Refusal("permission_missing")
        visit = self._visit(received, located, access)
        if not attended and visit.page == 0:
            self._doorkeeper.spend(access, visit.operation, visit.account_id, visit.today)
        key = (access.token, received.path, received.query, received.origin, visit.today)
        if key not in self._built:
            if len(self._built) >= _MOST_BUILT:
                self._built.clear()
            self._built[key] = self._build(visit)
        return self._built[key]

    def _visit(self, received: Received, located: Located, access: Access) -> Visit:
        operation = located.operation
        account = None if located.account is None else self._account(access, located.account)
        known = self._dialect.parameters.get(operation, frozenset())
        if operation == "transactions.list":
            parameters, page, size = paging.unfold(self.name, self.bank.paging, received.query)
        else:
            parameters, page, size = tuple(urllib.parse.parse_qsl(received.query, keep_blank_values=True)), 0, 0
        for parameter, _ in parameters:
            if parameter not in known:
                raise Refusal("parameter_unknown", parameter)
        return Visit(
            name=self.name,
            bank=self.bank,
            received=received,
            operation=operation,
            access=access,
            today=self._clock().astimezone(self._zone).date(),
            account=account,
            account_id=located.account or "",
            parameters=parameters,
            page=page,
            page_size=size,
        )

    def _account(self, access: Access, account_id: str) -> Account:
        for account in self._opened(access):
            if admission.known_as(self.bank, access, account.id) == account_id:
                return account
        raise Refusal("account_unknown", "AccountId" if self.bank.dialect == "uk_openbanking" else "account-id")

    def _opened(self, access: Access) -> list[Account]:
        return [one for one in self.bank.accounts if not access.accounts or one.id in access.accounts]

    def _build(self, visit: Visit) -> Answer:
        match visit.operation:
            case "accounts.list":
                ledgers = tuple(self._ledger(account, visit.today) for account in self._opened(visit.access))
                return self._dialect.accounts(visit, ledgers)
            case "accounts.get":
                return self._dialect.accounts(visit, (self._asked(visit),))
            case "balances.list":
                return self._dialect.balances(visit, self._asked(visit))
            case "transactions.list":
                return self._dialect.transactions(visit, self._page(visit))
            case never:
                assert_never(never)

    def _page(self, visit: Visit) -> Page:
        window = self._dialect.window(visit)
        ledger = self._asked(visit)
        pages = paging.cut(self.bank, [row for row in ledger.entries if window.holds(row)], visit.page_size)
        if visit.page >= len(pages):
            raise Refusal("parameter_invalid", self.bank.paging.parameter)
        resource = f"/accounts/{urllib.parse.quote(visit.account_id, safe='')}/transactions"
        folded = (self.name, self.bank.paging, visit.parameters)
        more = visit.page + 1 < len(pages)
        return Page(
            ledger=ledger,
            rows=tuple(pages[visit.page]),
            statuses=window.statuses,
            pages=len(pages),
            self_link=wording.link(visit, resource, visit.received.query),
            next_link=wording.link(visit, resource, paging.fold(*folded, visit.page + 1, visit.page_size))
            if more
            else None,
        )

    def _asked(self, visit: Visit) -> Ledger:
        assert visit.account is not None
        return self._ledger(visit.account, visit.today)

    def _ledger(self, account: Account, today: date) -> Ledger:
        """Kept for the day; a new day forgets the old one's ledgers, and what was built from them."""
        key = (account.id, today)
        if key not in self._ledgers:
            if any(day != today for _, day in self._ledgers):
                self._ledgers.clear()
                self._built.clear()
            self._ledgers[key] = keep(self.name, self.bank, account, today)
        return self._ledgers[key]

    def _echoed(self, received: Received, answer: Answer) -> Answer:
        echoed = tuple((name, value) for name in self._dialect.echoed if (value := received.header(name)) is not None)
        return msgspec.structs.replace(answer, headers=(*answer.headers, *echoed)) if echoed else answer
