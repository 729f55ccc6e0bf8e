"""Ids that are ours: keyed hashes (HMAC-SHA256, RFC 2104) of what identifies a thing at its bank, never the bank's own.

The key is never rotated: an id is stored by our callers. The same account has the same id under every consent.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

_SEPARATOR = "\x1f"
_HEX = 32


class Identities:
    """Derives ids with one key of at least 32 bytes; raises ValueError for a shorter one."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise ValueError("the id key needs at least 32 bytes")
        self._keyed = HMAC(key, SHA256())

    def digest(self, *parts: str) -> str:
        """32 hex digits: the first half of the HMAC over the parts, kept apart by a separator."""
        return self.under(*parts[:-1])(parts[-1])

    def under(self, *parts: str, prefix: str = "") -> Callable[[str], str]:
        """As `digest` with the first parts fixed: what is common to a page is hashed once. `prefix` begins each id."""
        common = self._keyed.copy()
        common.update("".join(part + _SEPARATOR for part in parts).encode("utf-8", "surrogatepass"))
        copy = common.copy

        def derive(last: str) -> str:
            whole = copy()
            try:
                whole.update(last.encode())
            except UnicodeEncodeError:  # half a character, which no reader of ours lets through
                whole.update(last.encode("utf-8", "surrogatepass"))
            return prefix + whole.finalize().hex()[:_HEX]

        return derive

    def account(self, tenant: str, bank: str, scheme: str, value: str, currency: str) -> str:
        """The id of an account by an identification of it; `currency` is empty where it is not part of it."""
        return "acc_" + self.digest("account", tenant, bank, scheme, value, currency)

    def review(self, bank: str, operation: str, record: bytes) -> str:
        """The id of a record that could not be normalised, the same each time the bank sends it."""
        return "rev_" + self.digest("review", bank, operation, hashlib.sha256(record).hexdigest())

    def transactions(self, account_id: str) -> Callable[[str], str]:
        """Derives ids of one account's transactions from the bank's key or a fingerprint."""
        return self.under("transaction", account_id, prefix="txn_")


def fingerprint(parts: tuple[Any, ...]) -> str:
    """The text that stands for a transaction without a key of its own."""
    return msgspec.json.encode(parts).decode()
