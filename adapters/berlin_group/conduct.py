"""The dialogue of every reading operation: one request, whose success goes to the mapping unread.

NextGenPSD2 1.3.11 section 6: a report is JSON, or camt.05x where the bank has nothing else (4.14, `Accept`).
"""

from adapters.berlin_group.camt import read_camt
from adapters.berlin_group.failures import failure
from adapters.berlin_group.links import following
from adapters.berlin_group.requests import CARDS, build_request, deviations, list_url
from gateway.contract import BankCall, BankResponse, Dialogue, Document
from gateway.errors import BankNonsense

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read(call: BankCall) -> Dialogue:
    """Reads accounts, an account, balances or transactions, one page of them.

    Raises what failures.py makes of an answer that is no success, and BankNonsense for a success that is no document.
    """
    response: BankResponse = yield build_request(call)
    if response.status in {403, 404, 405, 501} and _adds_cards(call):
        return _document(response, b"")
    if response.status not in {200, 204}:
        raise failure(call, response)
    body = response.body.removeprefix(_BYTE_ORDER_MARK).strip() if response.status == 200 else b""
    if body.startswith(b"<"):
        return _xml(call, response, body)
    if body and not body.startswith((b"{", b"[")):
        raise BankNonsense("The bank answered neither JSON nor camt.05x.", bank_status=response.status)
    return _document(response, body, following=following(call, response))


def _adds_cards(call: BankCall) -> bool:
    """Whether the list of card accounts is what we put behind that of accounts: without cards there is none."""
    return deviations(call.bank).card_accounts == "also" and call.next_url == list_url(call.bank, CARDS)


def _xml(call: BankCall, response: BankResponse, body: bytes) -> Document:
    if call.operation != "transactions.list":
        raise BankNonsense("The bank answered XML where the standard has JSON.", bank_status=response.status)
    return _document(response, read_camt(body), form="camt")


def _document(response: BankResponse, body: bytes, *, form: str = "", following: str | None = None) -> Document:
    return Document(
        body=body,
        headers=response.headers,
        url=response.url,
        request_id=response.request_id,
        form=form,
        next=following,
    )
