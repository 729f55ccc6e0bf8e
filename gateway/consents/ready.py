"""Ready-made consents from a file, kept in memory: the simplest `ConsentStore` that keeps all of its promises.

A tenant sees its own consents only. What lists of accounts tell is kept per consent, and forgotten with the process.
"""

import pathlib
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from gateway.contract import Clock
from gateway.errors import AuthenticationDue, ConsentExpired
from gateway.exchange import Consent, Grant
from gateway.files import Refused, Schema, read_file
from gateway.secrets import Secret, Secrets, SecretUnreadable

_SCHEMA = pathlib.Path(__file__).with_name("consents.schema.json")
_NONE: Mapping[str, Grant] = MappingProxyType({})


class Ready(msgspec.Struct, frozen=True):
    """A consent, its end (None: none), its token, and the accounts known beforehand."""

    consent: Consent
    ends: datetime | None
    token: Secret
    grants: tuple[Grant, ...]


class ReadyConsents:
    """Implements `gateway.exchange.ConsentStore` over a file's consents."""

    def __init__(self, consents: tuple[Ready, ...], clock: Clock) -> None:
        self._consents = {(ready.consent.tenant, ready.consent.id): ready for ready in consents}
        self._tokens = {ready.consent.id: ready.token for ready in consents}
        self._grants = {ready.consent.id: {one.account_id: one for one in ready.grants} for ready in consents}
        self._clock = clock

    async def find(self, tenant: str, consent_id: str) -> Consent | None:
        """A usable consent of a tenant; another tenant's is None. Raises ConsentExpired for one that has ended."""
        ready = self._consents.get((tenant, consent_id))
        if ready is None:
            return None
        if ready.ends is not None and ready.ends <= self._clock():
            raise ConsentExpired("The consent has ended: the person must give a new one.")
        return ready.consent

    async def grants(self, consent: Consent) -> Mapping[str, Grant]:
        """Account id -> grant, as far as known."""
        return self._grants.get(consent.id, _NONE)

    async def learn(self, consent: Consent, grants: tuple[Grant, ...]) -> None:
        """Keeps what a list of accounts told; replaces what was known of the same accounts."""
        known = self._grants.setdefault(consent.id, {})
        for grant in grants:
            known[grant.account_id] = grant

    async def access_token(self, consent: Consent) -> str:
        """The token that the bank takes for this consent. Raises AuthenticationDue."""
        token = self._tokens.get(consent.id)
        if token is None:
            raise AuthenticationDue("The consent has no token that the bank would take.")
        return token.reveal().decode()


def read_consents(path: pathlib.Path, secrets: Secrets, clock: Clock) -> ReadyConsents:
    """Reads a file of consents. Raises Refused with every problem."""
    loaded, problems = read_file(path)
    if loaded is None:
        raise Refused(problems)
    problems += Schema.read(_SCHEMA.read_bytes()).check(loaded)
    if problems:
        raise Refused(problems)
    seen: set[str] = set()
    consents: list[Ready] = []
    for index, one in enumerate(loaded.value["consents"]):
        at = ("consents", index)
        if one["id"] in seen:
            problems.append(loaded.problem((*at, "id"), f"the id '{one['id']}' stands twice"))
        seen.add(one["id"])
        consent = Consent(one["id"], one["tenant"], one["bank"], one.get("bank_consent_id"), one.get("psu_reference"))
        try:
            ends = datetime.fromisoformat(one["ends"]) if "ends" in one else None
        except ValueError:
            problems.append(loaded.problem((*at, "ends"), f"'{one['ends']}' is not an instant of the calendar"))
            continue
        try:
            token = Secret(secrets.text(one["access_token"]).encode())
        except SecretUnreadable as error:
            problems.append(loaded.problem((*at, "access_token"), str(error)))
            continue
        grants = tuple(msgspec.convert(known, Grant) for known in one.get("accounts", ()))
        consents.append(Ready(consent, ends, token, grants))
    if problems:
        raise Refused(problems)
    return ReadyConsents(tuple(consents), clock)
