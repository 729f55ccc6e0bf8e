"""What a simulated bank receives and answers: frozen values between the sockets and the dialects."""

import urllib.parse
from collections.abc import Mapping
from datetime import date, datetime

import msgspec

from gateway.simulator.configuration import Access, Account, Bank, Operation


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """The client certificate of a connection. `thumbprint` is RFC 8705's `x5t#S256` (base64url, unpadded)."""

    common_name: str | None
    organisation: str | None
    organisation_identifier: str | None
    thumbprint: str


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came in. `path` and `query` are raw; header names are lower case.

    A header that came several times has its values in order. `origin` is scheme and authority as the client used them.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, tuple[str, ...]]
    certificate: Certificate
    origin: str
    at: datetime
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The value of a header that may stand once; several values joined as RFC 9110 section 5.3 has it."""
        values = self.headers.get(name)
        return ", ".join(values) if values else None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. `records` is the path to the list of records in the JSON body, empty where there is none."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    records: tuple[str, ...] = ()


class Located(msgspec.Struct, frozen=True):
    """What a path asks for: an operation, of an account's id as the client wrote it (decoded)."""

    operation: Operation
    account: str | None


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request that was let in: who asks, for what, on which of the bank's days.

    `account` is the one asked for; `account_id` the id under which this consent knows it. `parameters` is the decoded
    query, of which the first page was asked (`page` is 0) or a later one.
    """

    name: str
    bank: Bank
    received: Received
    operation: Operation
    access: Access
    today: date
    account: Account | None = None
    account_id: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    page: int = 0
    page_size: int = 0


def locate(base_path: str, path: str) -> Located | None:
    """The operation of a path; the dialects simulated here share one layout of account resources."""
    if not path.startswith(base_path + "/"):
        return None
    steps = [urllib.parse.unquote(step) for step in path[len(base_path) + 1 :].split("/")]
    match steps:
        case ["accounts"]:
            return Located("accounts.list", None)
        case ["accounts", account] if account:
            return Located("accounts.get", account)
        case ["accounts", account, "balances"] if account:
            return Located("balances.list", account)
        case ["accounts", account, "transactions"] if account:
            return Located("transactions.list", account)
        case _:
            return None
