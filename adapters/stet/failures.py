"""What an answer that is no success means, by its status and its words; nothing else of it is told.

STET 1.5.0 `ErrorModel` is {timestamp, status, error, message, path} and has no codes: a bank puts a code or a sentence
into `message`, in English or French. Banks also send forms of what stands in front of them, a message in a header, or
nothing. Since the token is the consent, a 401 is the consent's end unless it speaks of us.
"""

import email.utils
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from adapters.stet.requests import asks_for_the_list, deviations
from gateway.contract import BankCall, BankResponse
from gateway.errors import (
    AuthenticationDue,
    BankFailed,
    BankLimited,
    BankMisconfigured,
    BankNonsense,
    BankRefused,
    BankResourceUnknown,
    ConsentExpired,
    ConsentMissing,
    GatewayError,
)

_LONGEST_BODY = 64 * 1024
_DEEPEST = 4
_KEYS = ("code", "errorCode", "errorcode", "error_code", "message", "errorMessage", "error", "error_description",
         "faultstring", "moreInformation", "detail", "title", "text")  # fmt: skip
# An IBAN, a token or a name can not be of these forms: NAAC, FORBIDDEN, AC01, UNKNOWN_ACCOUNT; invalid_token.
_CODE = re.compile(r"[A-Z]{2,40}[0-9]{0,3}(?:[._-][A-Z]{1,40}[0-9]{0,3}){0,6}|[a-z]{2,20}(?:_[a-z]{2,20}){1,4}")

_LIMIT = re.compile(r"too many|quota|rate.?limit|limite d|nombre d.appels|appels par jour")
_AUTHENTICATE = re.compile(r"strong customer|strong authentication|\bsca\b|authentification forte|re-?authenticat")
_OURS = re.compile(
    r"certificat|signature|digest|keyid|third.?part|\btpp\b|\brole|invalid_client|unauthorized_client|not registered"
)
_ENDED = re.compile(
    r"expir|revo[kq]|révoq|withdr[ae]w|invalid.{0,20}token|token.{0,40}(?:invalid|unknown|not known)|jeton"
)
_UNKNOWN = re.compile(r"(?:unknown|inconnu|not found|introuvable|no such|does not exist|n'existe)")
_OF_ACCOUNTS = re.compile(r"account|compte|resource|ressource")


def says_no_accounts(call: BankCall, response: BankResponse) -> bool:
    """Whether a 404 of the list says, by a code that the bank's file knows, that there is nothing to list."""
    known = deviations(call.bank).no_accounts
    return response.status == 404 and asks_for_the_list(call) and not set(known).isdisjoint(_said(response))


def failure(call: BankCall, response: BankResponse) -> GatewayError:
    """The failure of our tree that an answer is; `bank_status` and, where the bank has said one, `bank_code`."""
    said = list(_said(response))
    members: dict[str, Any] = {"bank_status": response.status}
    code = next((text for text in said if _CODE.fullmatch(text)), None)
    if code is not None:
        members["bank_code"] = code
    words = " ".join(said).casefold()
    status = response.status
    if status == 429:
        return _limited(call, response, members)
    if status >= 500:
        return BankFailed("The bank failed to answer.", **members)
    if status in {400, 401, 403}:
        found = _by_words(call, response, words, members)
        if found is not None:
            return found
    match status:
        case 401 | 403 if "html" in response.headers.get("Content-Type", "").lower():
            return BankMisconfigured("What guards the bank's interface turned the gateway away.", **members)
        case 401:
            return ConsentExpired("The bank no longer takes the consent's token.", **members)
        case 403:
            return ConsentMissing("The bank does not let the consent read this.", **members)
        case 404 | 410:
            return _not_found(call, members)
        case 405 | 406 | 415:
            return BankMisconfigured("The bank does not take requests of this form.", **members)
        case 408:
            return BankFailed("The bank gave up waiting for the request.", **members)
        case _ if 400 <= status < 500:
            return BankRefused("The bank refused the request.", **members)
        case _:
            return BankNonsense("The bank answered with a status that the standard does not have.", **members)


def _by_words(call: BankCall, response: BankResponse, words: str, members: dict[str, Any]) -> GatewayError | None:
    # A bank's limit may come as a 403, its reason in a header: Crédit Agricole.
    if response.status == 403 and _LIMIT.search(words):
        return _limited(call, response, members)
    if _AUTHENTICATE.search(words):
        return AuthenticationDue("The bank asks the person to authenticate again.", **members)
    if _OURS.search(words):
        return BankMisconfigured("The bank does not accept how the gateway asks.", **members)
    if _ENDED.search(words):
        return ConsentExpired("The bank no longer takes the consent's token.", **members)
    if response.status == 400 and not asks_for_the_list(call) and _UNKNOWN.search(words) and _OF_ACCOUNTS.search(words):
        return BankResourceUnknown("The bank does not know the account.", **members)
    return None


def _not_found(call: BankCall, members: dict[str, Any]) -> GatewayError:
    if call.next_url is not None:
        return BankNonsense("The bank's own link to the next page leads nowhere.", **members)
    if asks_for_the_list(call):
        return BankMisconfigured("The bank has no accounts at the address of its file.", **members)
    return BankResourceUnknown("The bank does not know the account.", **members)


def _limited(call: BankCall, response: BankResponse, members: dict[str, Any]) -> GatewayError:
    wait = _retry_after(response.headers.get("Retry-After"), call.now)
    if wait is None:
        return BankLimited("The bank's own limit is reached.", **members)
    return BankLimited(
        "The bank's own limit is reached.", headers=(("Retry-After", str(wait)),), retry_after=wait, **members
    )


def _retry_after(value: str | None, now: datetime) -> int | None:
    """Whole seconds from now (RFC 9110 section 10.2.3: seconds or a date), None where it can not be read."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, round((moment - now).total_seconds()))


def _said(response: BankResponse) -> Iterator[str]:
    """Whatever an answer says: in its body, in headers named as the standard's members, in RFC 6750's challenge."""
    body = response.body if len(response.body) <= _LONGEST_BODY else b""
    try:
        yield from _texts(json.loads(body), 0)
    except (ValueError, RecursionError):
        if "html" not in response.headers.get("Content-Type", "").lower():
            yield body.decode("utf-8", "replace").strip()
    for name in ("message", "error"):
        yield response.headers.get(name, "")
    challenge = response.headers.get("WWW-Authenticate", "")
    yield from re.findall(r'error\s*=\s*"?([A-Za-z_]+)', challenge)
    yield challenge


def _texts(value: object, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for item in value[:20]:
            yield from _texts(item, depth + 1)
    elif isinstance(value, dict):
        for key in _KEYS:
            if isinstance(value.get(key), str):
                yield value[key].strip()
        for item in list(value.values())[:20]:
            if isinstance(item, list | dict):
                yield from _texts(item, depth + 1)
