"""What an answer that is no success means, by its status and its words; nothing else of it is told.

STET 1.5.0 `ErrorModel` is {timestamp, status, error, message, path} and has no codes: a bank puts a code or a sentence
into `message`, in English or French. Banks also send forms of what stands in front of them, a message in a header, or
nothing. Since the token is the consent, a 401 is the consent's end unless it speaks of us.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from adapters.refusals import LONGEST_BODY, by_status, challenged, is_html, limited
from adapters.stet.requests import asks_for_the_list, deviations
from gateway.contract import BankCall, BankResponse
from gateway.errors import (
    AuthenticationDue,
    BankMisconfigured,
    BankResourceUnknown,
    ConsentExpired,
    GatewayError,
)

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
    if response.status in {400, 401, 403}:
        found = _by_words(call, response, words, members)
        if found is not None:
            return found
    ended = ConsentExpired("The bank no longer takes the consent's token.", **members)
    return by_status(call, response, members, unauthenticated=ended, of_account=not asks_for_the_list(call))


def _by_words(call: BankCall, response: BankResponse, words: str, members: dict[str, Any]) -> GatewayError | None:
    # A bank's limit may come as a 403, its reason in a header: Crédit Agricole.
    if response.status == 403 and _LIMIT.search(words):
        return limited(call, response, members)
    if _AUTHENTICATE.search(words):
        return AuthenticationDue("The bank asks the person to authenticate again.", **members)
    if _OURS.search(words):
        return BankMisconfigured("The bank does not accept how the gateway asks.", **members)
    if _ENDED.search(words):
        return ConsentExpired("The bank no longer takes the consent's token.", **members)
    if response.status == 400 and not asks_for_the_list(call) and _UNKNOWN.search(words) and _OF_ACCOUNTS.search(words):
        return BankResourceUnknown("The bank does not know the account.", **members)
    return None


def _said(response: BankResponse) -> Iterator[str]:
    """Whatever an answer says: in its body, in headers named as the standard's members, in RFC 6750's challenge."""
    body = response.body if len(response.body) <= LONGEST_BODY else b""
    try:
        yield from _texts(json.loads(body), 0)
    except (ValueError, RecursionError):
        if not is_html(response):
            yield body.decode("utf-8", "replace").strip()
    for name in ("message", "error"):
        yield response.headers.get(name, "")
    yield from challenged(response)
    yield response.headers.get("WWW-Authenticate", "")


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
