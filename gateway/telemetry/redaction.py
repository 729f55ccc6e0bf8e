"""What may not be written is taken out here, by name and by shape: one set of pure functions for every sink.

By name: a value under a key that speaks of a secret or of a person's account. By shape: tokens, keys, card and account
numbers wherever they stand in a text. Rather too much is taken than too little, and taking twice changes nothing.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePath
from typing import Any
from uuid import UUID

REDACTED = "[redacted]"
_DEEPEST = 8
_LONGEST = 16 * 1024

_FRAGMENTS = (
    *("authorization", "cookie", "token", "secret", "password", "passwd", "passphrase", "assertion", "credential"),
    *("privatekey", "apikey", "verifier", "iban", "jwt", "sortcode", "accountnumber", "maskedpan", "authcode"),
    *("usercode", "devicecode", "signature"),
)
_WORDS = frozenset({"psu", "pan", "bban", "pin", "otp", "cvv", "cvc", "dpop", "pem"})
# Harmless as part of a longer name (`status_code`), so only these names themselves count.
_WHOLE = frozenset({"code", "state", "nonce", "cursor", "body", "payload", "query"})

_OURS = frozenset({"trace_id", "span_id", "hash"})
_HEX = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64}")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
)
_HEADER_LINE = re.compile(
    r"""((?:authorization|cookie|dpop|signature|assertion)\\{0,3}["']?\s{0,3}[:=])\s{0,3}[^\r\n]+""", re.IGNORECASE
)
_NAME = re.compile(r"""(?<![A-Za-z0-9_.-])([A-Za-z][A-Za-z0-9_.-]{0,63})(\\{0,3}["']?\s{0,3}[=:]\s{0,3}\\{0,3}["']?)""")
_QUOTED = re.compile(r"""[^"'\\]+""")
_BARE = re.compile(r"""(?:\[redacted\]|[^\s"'&,;})\]\\])+""")
_SCHEME = re.compile(r"(?<![A-Za-z])(bearer|basic|dpop)[ \t]{1,4}[^\s,;\"'\\]+", re.IGNORECASE)
# A compact JWS or JWE: base64url of a JSON object's beginning, then at least one more segment.
_JOSE = re.compile(r"(?<![A-Za-z0-9_-])e[yw][A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){0,3}")
_URL = re.compile(r"""([A-Za-z][A-Za-z0-9+.-]{1,15}://)([^\s/?#"'<>@]*@)?([^\s?#"'<>]*)([?#][^\s"'<>]*)?""")
_MAIL = re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_ACCOUNT = re.compile(r"(?<![A-Za-z0-9])(?=([A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}))")
_CARD = re.compile(r"(?<![A-Za-z0-9])(?=([2-9](?:[ -]?[0-9]){12,18}))")
# A word of a path, or a version: all that a path may show of itself.
_PLAIN_SEGMENT = re.compile(r"[A-Za-z]{1,20}(?:-[A-Za-z]{1,20}){0,3}|v?[0-9]{1,2}(?:\.[0-9]{1,2}){0,3}")
_KIND = re.compile(r"[A-Za-z_][A-Za-z_.]{0,63}|[1-5][0-9]{2}")


@lru_cache(maxsize=4096)
def is_sensitive(name: str) -> bool:
    """Whether values under this name are never written, in whatever case and punctuation it is spelt."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name[:128]).lower())
    joined = "".join(words)
    return (
        joined in _WHOLE
        or joined in _WORDS
        or not _WORDS.isdisjoint(words)
        or any(fragment in joined for fragment in _FRAGMENTS)
    )


def redact(value: Any, depth: int = 0) -> Any:
    """A copy of any value that can be written as JSON: nested values by key and shape, unknown objects by type only."""
    match value:
        case None | bool() | float():
            return value
        case str():
            return redact_text(value)
        case int():
            if is_card_number(str(abs(value))):
                return REDACTED
            # JSON's integers have 64 bits in most readers.
            return value if abs(value) < 1 << 63 else "a huge number"
        case date():
            return value.isoformat()
        case Decimal() | UUID() | PurePath():
            return redact_text(str(value))
        case bytes() | bytearray():
            return redact_text(bytes(value).decode("latin-1"))
        case _ if depth >= _DEEPEST:
            return REDACTED
        case Mapping():
            return {
                redact_text(str(name)): redact_member(str(name), member, depth + 1) for name, member in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [redact(member, depth + 1) for member in value]
        case _:
            return f"<{type(value).__qualname__}>"


def redact_member(name: str, value: Any, depth: int = 0) -> Any:
    """A value that stands under a name.

    Hex digits of our own making are kept under the names that we give them: by chance some look like account numbers,
    and the line that an operator needs would lose its trace.
    """
    if is_sensitive(name):
        return REDACTED
    if name in _OURS and isinstance(value, str) and _HEX.fullmatch(value):
        return value
    return redact(value, depth)


def redact_text(text: str) -> str:
    """The text without anything that has the name or the shape of a secret; a text above 16 KiB is withheld whole."""
    if len(text) > _LONGEST:
        return REDACTED
    # Half a surrogate pair cannot be written as UTF-8.
    text = text if text.isascii() else text.encode(errors="backslashreplace").decode()
    text = _PRIVATE_KEY.sub(REDACTED, text)
    text = _HEADER_LINE.sub(rf"\1 {REDACTED}", text)
    text = _redact_pairs(text)
    text = _SCHEME.sub(rf"\1 {REDACTED}", text)
    text = _JOSE.sub(REDACTED, text)
    text = _URL.sub(_redact_url, text)
    text = _MAIL.sub(REDACTED, text)
    text = _redact_numbers(text, _ACCOUNT, range(15, 35), is_iban)
    return _redact_numbers(text, _CARD, range(13, 20), is_card_number)


def redact_path(path: str) -> str:
    """A raw path with every segment hidden that is not a plain word or a version; a query is dropped."""
    segments = path.partition("?")[0].split("/")
    return "/".join(s if not s or _PLAIN_SEGMENT.fullmatch(s) else "REDACTED" for s in segments[:32])


def redact_url(url: str) -> str:
    """An absolute URL as `url.full` may show it: origin, redacted path, a marker where there was a query."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("?")[0].partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{redact_path(path)}{'?REDACTED' if '?' in rest else ''}"


def kind(text: str | None) -> str | None:
    """A class name, problem code or status as it is; any other text, which might tell more, as `other`."""
    return text if not text or _KIND.fullmatch(text) else "other"


def is_iban(compact: str) -> bool:
    """Whether a text of letters and digits alone has an IBAN's form and checksum (ISO 13616, ISO 7064 mod 97-10)."""
    if not 15 <= len(compact) <= 34 or not compact.isascii() or not compact.isalnum():
        return False
    if not (compact[:2].isalpha() and compact[2:4].isdigit()):
        return False
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


def is_card_number(digits: str) -> bool:
    """Whether digits are a card's primary account number by length, first digit and Luhn's checksum (ISO/IEC 7812)."""
    if not 13 <= len(digits) <= 19 or not (digits.isascii() and digits.isdigit()) or digits[0] in "01":
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _redact_pairs(text: str) -> str:
    """Takes the value out of `name=value`, `name: value` and `"name": "value"`, however deep the quotes are escaped."""
    pieces: list[str] = []
    written = 0
    for found in _NAME.finditer(text):
        name, separator = found.groups()
        if found.start() < written or not is_sensitive(name):
            continue
        quoted = separator.endswith(('"', "'"))
        # "error code: 7" is a sentence; code=7 and "code": 7 are not.
        if name.lower() in _WHOLE and not quoted and separator.strip() == ":":
            continue
        value = (_QUOTED if quoted else _BARE).match(text, found.end())
        if value is not None:
            pieces += (text[written : value.start()], REDACTED)
            written = value.end()
    return "".join((*pieces, text[written:])) if pieces else text


def _redact_url(found: re.Match[str]) -> str:
    scheme, credentials, rest, query = found.groups()
    return f"{scheme}{REDACTED + '@' if credentials else ''}{rest}{query[0] + REDACTED if query else ''}"


def _redact_numbers(text: str, candidates: re.Pattern[str], lengths: range, is_number: Callable[[str], bool]) -> str:
    """Replaces numbers that may be grouped by spaces or dashes, whatever words follow them."""
    pieces: list[str] = []
    written = 0
    for found in candidates.finditer(text):
        start = found.start()
        if start < written:
            continue
        end = _end_of_number(text, start, found.end(1), lengths, is_number)
        if end is not None:
            pieces += (text[written:start], REDACTED)
            written = end
    return "".join((*pieces, text[written:])) if pieces else text


def _end_of_number(
    text: str, start: int, furthest: int, lengths: range, is_number: Callable[[str], bool]
) -> int | None:
    compact = ""
    end = None
    for place in range(start, furthest):
        if text[place] in " -":
            continue
        compact += text[place]
        at_boundary = place + 1 == len(text) or not (text[place + 1].isascii() and text[place + 1].isalnum())
        if at_boundary and len(compact) in lengths and is_number(compact):
            end = place + 1
    return end
