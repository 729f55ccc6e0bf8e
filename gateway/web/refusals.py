"""The one place where the failures of aiohttp's request parser become ours; of the bytes only the kind is told."""

import re

from aiohttp.http_exceptions import BadHttpMethod, LineTooLong

from gateway.errors import GatewayError, HeadersTooLarge, MethodUnknown, PathRefused, RequestInvalid

TARGET_BYTES = 8190
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32} [!-~]+ HTTP/1\.[01]\r\n")


def refusal_of(error: BaseException, received: bytes) -> GatewayError:
    """Our refusal for what the parser raised on `received`.

    The parser says by its limit what was too long, and by its words that there were too many fields.
    """
    if isinstance(error, LineTooLong):
        if error.args[1] == TARGET_BYTES:
            return PathRefused(f"The request line is longer than {TARGET_BYTES} bytes.")
        return HeadersTooLarge(f"A header field is longer than {error.args[1]} bytes.")
    if str(error).endswith("Too many headers received"):
        return HeadersTooLarge("There are more header fields than are taken.")
    if isinstance(error, BadHttpMethod) and _REQUEST_LINE.match(received):
        return MethodUnknown()
    return RequestInvalid("The request is not HTTP/1.1 as RFC 9112 writes it.")
