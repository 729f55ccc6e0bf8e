"""Who gets in: the certificate's subject, the bearer token and its binding, and the budget of unattended reads."""

import hashlib
import ipaddress
import uuid
from datetime import date, datetime

from gateway.simulator.configuration import Access, Bank, Operation
from gateway.simulator.received import Received
from gateway.simulator.refusal import Refusal


def check_certificate(bank: Bank, received: Received) -> None:
    """TLS has verified the chain; a bank also pins who registered with it. Raises Refusal."""
    pinned = bank.requires
    subject = received.certificate
    if pinned.client_common_name not in (None, subject.common_name):
        raise Refusal("certificate_refused", "common name")
    if pinned.client_organisation not in (None, subject.organisation):
        raise Refusal("certificate_refused", "organisation")


def check_uuid(received: Received, name: str, *, required: bool) -> None:
    """A header that is a UUID (RFC 9562 section 4, in its hyphenated form). Raises Refusal."""
    value = received.header(name.lower())
    if value is None:
        if required:
            raise Refusal("header_missing", name)
        return
    try:
        correct = str(uuid.UUID(value)) == value.lower()
    except ValueError:
        correct = False
    if not correct:
        raise Refusal("header_invalid", name)


def check_address(received: Received, name: str) -> bool:
    """Whether the PSU is present: its address stands in the header. Raises Refusal where that is no address."""
    value = received.header(name.lower())
    if value is None:
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise Refusal("header_invalid", name) from None
    return True


def accepts(received: Received, media_types: tuple[str, ...]) -> bool:
    """Whether `Accept` takes one of the types that the bank writes (RFC 9110 section 12.5.1); absent: anything."""
    wanted = received.header("accept")
    if wanted is None:
        return True
    for one in wanted.lower().split(","):
        media, *parameters = (part.strip() for part in one.split(";"))
        refused = any(part.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for part in parameters)
        taken = media == "*/*" or media in media_types or (media.endswith("/*") and _family(media, media_types))
        if taken and not refused:
            return True
    return False


def _family(media: str, media_types: tuple[str, ...]) -> bool:
    return any(known.startswith(media[:-1]) for known in media_types)


def check_alive(access: Access, header: str) -> None:
    """The consent behind a token has not ended; `header` is where the dialect carries it. Raises Refusal."""
    if access.status == "expired":
        raise Refusal("consent_expired", header)
    if access.status == "revoked":
        raise Refusal("consent_revoked", header)


class Doorkeeper:
    """Knows a bank's tokens, when they end, and how often each resource was read without the PSU."""

    def __init__(self, bank: Bank, started: datetime) -> None:
        self._bank = bank
        self._started = started
        self._accesses = {access.token: access for access in bank.accesses}
        self._day: date | None = None
        self._spent: dict[tuple[str, str, Operation], int] = {}

    def admit(self, received: Received) -> Access:
        """The access that the bearer token opens (RFC 6750 section 2.1). Raises Refusal."""
        values = received.headers.get("authorization", ())
        if not values:
            raise Refusal("token_missing", "Authorization")
        scheme, _, token = values[0].partition(" ")
        if len(values) > 1 or scheme.lower() != "bearer" or not token.strip():
            raise Refusal("token_unknown", "Authorization")
        access = self._accesses.get(token.strip())
        if access is None:
            raise Refusal("token_unknown", "Authorization")
        if (received.at - self._started).total_seconds() >= access.token_expires_in:
            raise Refusal("token_expired", "Authorization")
        certificate = received.certificate
        if access.bound_to_common_name not in (None, certificate.common_name):
            raise Refusal("token_bound_elsewhere", "Authorization")
        if access.bound_to_thumbprint not in (None, certificate.thumbprint):
            raise Refusal("token_bound_elsewhere", "Authorization")
        return access

    def spend(self, access: Access, operation: Operation, account_id: str, today: date) -> None:
        """Counts one read without the PSU; the pages that follow a first one are not counted. Raises Refusal."""
        most = self._bank.requires.unattended_per_day
        if most is None:
            return
        if today != self._day:
            self._day = today
            self._spent.clear()
        key = (access.consent, account_id, operation)
        if self._spent.get(key, 0) >= most:
            raise Refusal("access_exceeded", retry_after="3600")
        self._spent[key] = self._spent.get(key, 0) + 1


def known_as(bank: Bank, access: Access, account_id: str) -> str:
    """The id of an account under a consent: some banks draw a new one for each (`account_ids_per_consent`)."""
    if not bank.quirks.account_ids_per_consent:
        return account_id
    return hashlib.sha256(f"{access.consent}/{account_id}".encode()).hexdigest()[:32]
