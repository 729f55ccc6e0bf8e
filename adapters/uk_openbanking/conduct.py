"""The dialogue of every reading operation: one request, whose success goes to the mapping unread."""

from adapters.uk_openbanking.failures import failure
from adapters.uk_openbanking.requests import build_request
from gateway.contract import BankCall, BankResponse, Dialogue, Document
from gateway.errors import BankNonsense


def read(call: BankCall) -> Dialogue:
    """Reads accounts, an account, balances or transactions, one page of them.

    Raises what failures.py makes of an answer that is no success, and BankNonsense for a success without a document.
    """
    response: BankResponse = yield build_request(call)
    if response.status == 204:
        # The standard answers 200 with an empty array; a bank that says "no content" says the same.
        return Document(body=b"", headers=response.headers, url=response.url, request_id=response.request_id)
    if response.status != 200:
        raise failure(call, response)
    if not response.body or response.body.isspace():
        raise BankNonsense("The bank answered 200 with no document.", bank_status=200)
    return Document(body=response.body, headers=response.headers, url=response.url, request_id=response.request_id)
