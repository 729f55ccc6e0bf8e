"""The dialogue of every reading operation: one request, whose success goes to the mapping unread."""

from adapters.stet.failures import failure, says_no_accounts
from adapters.stet.requests import build_request
from gateway.contract import BankCall, BankResponse, Dialogue, Document


def read(call: BankCall) -> Dialogue:
    """Reads accounts, balances or transactions, one page of them.

    Nothing is a good answer here: 204 by the standard, 200 without a body at banks, and codes of a bank's file for a
    person without accounts. Raises BankResourceUnknown before asking for an account that can not be named, and what
    failures.py makes of an answer that is no success.
    """
    response: BankResponse = yield build_request(call)
    if response.status == 200:
        return _document(response, response.body)
    if response.status == 204 or says_no_accounts(call, response):
        return _document(response, b"")
    raise failure(call, response)


def _document(response: BankResponse, body: bytes) -> Document:
    return Document(body=body, headers=response.headers, url=response.url, request_id=response.request_id)
