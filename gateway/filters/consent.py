"""`consent`: finds the consent that the call names, among those of the caller's tenant, and whether the PSU is present.

`Consent-Id` is the contract's own header: it ends here and is never forwarded (Berlin Group has one of that name).
`PSU-IP-Address`, with or without `PSU-User-Agent`, says that the person is present at this very call.
"""

import functools
import ipaddress
import re
from collections.abc import Callable

import msgspec
from msgspec.structs import replace
from multidict import istr

from gateway.contract import Psu
from gateway.errors import NotFound, RequestInvalid, Unauthenticated
from gateway.exchange import CallNext, Exchange, Filter, HeaderMap, Response
from gateway.filters.building import Building

CONSENT, PSU_ADDRESS, PSU_AGENT = istr("consent-id"), istr("psu-ip-address"), istr("psu-user-agent")

_CONSENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_AGENT = re.compile(r"[\x20-\x7e]{1,512}")
_NONE: list[str] = []
_HASHES_HELD = 4096

Wrong = list[dict[str, str]]


class ConsentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing can be chosen."""


def build(_settings: ConsentSettings, building: Building) -> Filter:
    """Builds the filter.

    It raises RequestInvalid (all malformed headers at once), NotFound for a consent that the tenant does not have, and
    what the store raises for one that has ended (ConsentExpired).
    """
    consents = building.consents
    hash_consent = functools.lru_cache(_HASHES_HELD)(building.hash_consent)

    async def consent(exchange: Exchange, call_next: CallNext) -> Response:
        principal = exchange.principal
        if principal is None:
            raise Unauthenticated
        wrong: Wrong = []
        received = exchange.request.headers
        consent_id = _one(received, CONSENT, _CONSENT_ID.fullmatch, "must be one consent's id", wrong)
        psu = _psu(received, wrong)
        if consent_id is None and not wrong:
            wrong.append({"name": str(CONSENT), "in": "header", "message": "is required: it names the consent to use"})
        if wrong or consent_id is None:
            raise RequestInvalid(
                "The headers that name the consent or the PSU are not as the contract says.", errors=wrong
            )
        exchange.record.consent_hash = hash_consent(consent_id)
        found = await consents.find(principal.tenant, consent_id)
        if found is None:
            raise NotFound("There is no such consent.")
        return await call_next(replace(exchange, consent=found, psu=psu))

    return consent


def _psu(received: HeaderMap, wrong: Wrong) -> Psu | None:
    address = _one(received, PSU_ADDRESS, _is_address, "must be one IPv4 or IPv6 address", wrong)
    agent = _one(received, PSU_AGENT, _AGENT.fullmatch, "must be printable ASCII of at most 512 characters", wrong)
    if address is not None:
        return Psu(ip_address=address, user_agent=agent)
    if agent is not None and not any(error["name"] == PSU_ADDRESS for error in wrong):
        wrong.append({"name": str(PSU_AGENT), "in": "header", "message": "goes with PSU-IP-Address, which is missing"})
    return None


def _one(received: HeaderMap, name: str, accepts: Callable[[str], object], message: str, wrong: Wrong) -> str | None:
    values = received.getall(name, _NONE)
    if not values:
        return None
    if len(values) == 1 and accepts(values[0]):
        return values[0]
    wrong.append({"name": str(name), "in": "header", "message": message})
    return None


def _is_address(text: str) -> bool:
    try:
        # A zone ("fe80::1%eth0") means something on one machine only.
        return "%" not in text and ipaddress.ip_address(text) is not None
    except ValueError:
        return False
