"""The one place where the exceptions of aiohttp, ssl and the system become ours.

What decides is whether a byte of the request was sent: before that a failure is `BankUnreachable` and anything may be
repeated; after it the outcome is unknown. No text of the foreign exception goes on: it may hold what was sent.
"""

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from gateway.errors import BankNonsense, BankTimedOut, BankUnreachable, GatewayError, GatewayFault

_OF_CONNECTIONS = (aiohttp.ClientError, HttpProcessingError, OSError, EOFError)
_OF_URLS = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, aiohttp.RedirectClientError)


class AnswerLost(BankTimedOut):
    """The connection broke after the request was sent, before the whole answer was there: the outcome is unknown."""


def translate(error: BaseException, *, sent: bool) -> GatewayError:
    """Our error for a foreign one; `sent` says whether anything of the request may have left.

    A GatewayError is itself. What is no failure of a connection is ours: a GatewayFault.
    """
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, _OF_URLS) or not isinstance(error, _OF_CONNECTIONS):
        return GatewayFault("The call to the bank failed inside the gateway.")
    return _after_sending(error) if sent else _before_sending(error)


def _before_sending(error: BaseException) -> BankUnreachable:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ServerFingerprintMismatch):
        return BankUnreachable("The bank's certificate could not be verified.")
    if isinstance(error, aiohttp.ClientSSLError):
        return BankUnreachable("The TLS handshake with the bank failed.")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return BankUnreachable("The bank's name could not be resolved.")
    if isinstance(error, TimeoutError):
        return BankUnreachable("The bank did not take the connection in time.")
    return BankUnreachable("The connection to the bank could not be made.")


def _after_sending(error: BaseException) -> BankTimedOut | BankNonsense:
    if isinstance(error, TimeoutError):
        return BankTimedOut("The bank did not answer in the time that was left.")
    if isinstance(error, HttpProcessingError | aiohttp.ClientResponseError):
        return BankNonsense("The bank's answer is not HTTP as it is specified.")
    return AnswerLost("The connection to the bank broke before the whole answer was there.")
