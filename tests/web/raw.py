"""Requests as raw bytes, written as latin-1: those that two readers read differently, and those that only look odd."""


def request(method: str, target: str, *lines: str, body: str = "") -> str:
    """A request with a host, these lines and this body."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: gateway.example", *lines, "", body])


CHUNKED = "1\r\nx\r\n0\r\n\r\n"

REFUSED = {
    # What aiohttp's parser lets through.
    "two authorisations": request("GET", "/v1/things", "Authorization: Bearer a", "Authorization: Bearer b"),
    "two authorisations in other case": request("GET", "/v1/things", "authorization: a", "AUTHORIZATION: b"),
    "two consents": request("GET", "/v1/things", "Consent-Id: a", "Consent-Id: b"),
    "two interaction ids": request("GET", "/v1/things", "x-fapi-interaction-id: a", "X-FAPI-Interaction-ID: a"),
    "two PSU addresses": request("GET", "/v1/things", "PSU-IP-Address: 1.1.1.1", "PSU-IP-Address: 2.2.2.2"),
    "bytes beyond ASCII": request("GET", "/v1/things", "Consent-Id: caf\u00e9"),
    "HTTP/2.0 in the line": "GET /v1/things HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/1.0 with chunks": f"POST /v1/things HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{CHUNKED}",
    "GET with a body": request("GET", "/v1/things", "Content-Length: 1", body="x"),
    "HEAD with a body": request("HEAD", "/v1/things", "Content-Length: 1", body="x"),
    "GET with chunks": request("GET", "/v1/things", "Transfer-Encoding: chunked", body=CHUNKED),
    # What it refuses itself.
    "length beside chunks": request(
        "POST", "/v1/things", "Content-Length: 1", "Transfer-Encoding: chunked", body=CHUNKED
    ),
    "chunks beside length": request(
        "POST", "/v1/things", "Transfer-Encoding: chunked", "Content-Length: 1", body=CHUNKED
    ),
    "two lengths": request("POST", "/v1/things", "Content-Length: 1", "Content-Length: 2", body="xx"),
    "two equal lengths": request("POST", "/v1/things", "Content-Length: 1", "Content-Length: 1", body="x"),
    "a list of lengths": request("POST", "/v1/things", "Content-Length: 1, 1", body="x"),
    "a length with a sign": request("POST", "/v1/things", "Content-Length: +1", body="x"),
    "a length in hexadecimal": request("POST", "/v1/things", "Content-Length: 0x1", body="x"),
    "a negative length": request("POST", "/v1/things", "Content-Length: -1", body="x"),
    "an unknown coding": request("POST", "/v1/things", "Transfer-Encoding: xchunked", body=CHUNKED),
    "a coding below the chunks": request("POST", "/v1/things", "Transfer-Encoding: gzip, chunked", body=CHUNKED),
    "identity below the chunks": request("POST", "/v1/things", "Transfer-Encoding: identity, chunked", body=CHUNKED),
    "chunks in chunks": request("POST", "/v1/things", "Transfer-Encoding: chunked, chunked", body=CHUNKED),
    "a parameter of the chunks": request("POST", "/v1/things", "Transfer-Encoding: chunked;q=1", body=CHUNKED),
    "an underscore in the length": request("POST", "/v1/things", "Content_Length: 1"),
    "an underscore in the coding": request("POST", "/v1/things", "TRANSFER_ENCODING: chunked"),
    "many hyphens in the coding": request("POST", "/v1/things", "Transfer---Encoding: chunked"),
    "chunks not last": request("POST", "/v1/things", "Transfer-Encoding: chunked, identity", body=CHUNKED),
    "two codings": request(
        "POST", "/v1/things", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=CHUNKED
    ),
    "a coding with a control": request("POST", "/v1/things", "Transfer-Encoding: \x0bchunked", body=CHUNKED),
    "a space before the colon": request("GET", "/v1/things", "Consent-Id : a"),
    "a folded line": request("GET", "/v1/things", "Consent-Id: a\r\n b"),
    "a bare line feed": "GET /v1/things HTTP/1.1\nHost: x\n\n",
    "a bare carriage return": request("GET", "/v1/things", "Consent-Id: a\rb"),
    "NUL in a value": request("GET", "/v1/things", "Consent-Id: a\x00b"),
    "a line feed alone after a field": "GET /v1/things HTTP/1.1\r\nHost: gateway.example\nAccept: a\r\n\r\n",
    "a carriage return before the colon": request("GET", "/v1/things", "Consent-Id\r: a"),
    "a line of spaces": request("GET", "/v1/things", "   ", "Consent-Id: a"),
    "a fold under the coding": request("POST", "/v1/things", "Transfer-Encoding:\r\n chunked", body=CHUNKED),
    "a space before the colon of the length": request("POST", "/v1/things", "Content-Length : 1", body="x"),
    "a space before the colon of the coding": request(
        "POST", "/v1/things", "Transfer-Encoding : chunked", body=CHUNKED
    ),
    "a length of other digits": request("POST", "/v1/things", "Content-Length: \u00d9\u00a1", body="x"),
    "a length beyond 64 bits": request("POST", "/v1/things", "Content-Length: 18446744073709551617", body="x"),
    "a length of nothing at all": request("POST", "/v1/things", "Content-Length:", body="x"),
    "a coding in quotes": request("POST", "/v1/things", 'Transfer-Encoding: "chunked"', body=CHUNKED),
    "no host": "GET /v1/things HTTP/1.1\r\n\r\n",
    "two hosts": request("GET", "/v1/things", "Host: other.example"),
    "no version": "GET /v1/things\r\nHost: x\r\n\r\n",
    "another protocol": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 \r\n\r\n",
    "an empty name": request("GET", "/v1/things", ": a"),
}
"""Heads that are answered with 400 as the last answer of their connection."""


def _chunks(body: str) -> str:
    return request("POST", "/v1/things", "Transfer-Encoding: chunked", body=body)


BROKEN_CHUNKS = {
    "a size that is no number": _chunks("zz\r\nhello\r\n0\r\n\r\n"),
    "a negative size": _chunks("-1\r\nhello\r\n0\r\n\r\n"),
    "a size with a prefix": _chunks("0x5\r\nhello\r\n0\r\n\r\n"),
    "a size with a sign": _chunks("+5\r\nhello\r\n0\r\n\r\n"),
    "a size with an underscore": _chunks("0_5\r\nhello\r\n0\r\n\r\n"),
    "a space behind the size": _chunks("5 \r\nhello\r\n0\r\n\r\n"),
    "a line feed behind the size": _chunks("5\nhello\r\n0\r\n\r\n"),
    "a carriage return behind the size": _chunks("5\rhello\r\n0\r\n\r\n"),
    "a line feed in an extension": _chunks("5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "a line feed behind the content": _chunks("5\r\nhello\n0\r\n\r\n"),
    "more content than its size": _chunks("5\r\nhello!\r\n0\r\n\r\n"),
    "nothing behind the content": _chunks("5\r\nhello0\r\n\r\n"),
    "an empty size": _chunks("\r\nhello\r\n0\r\n\r\n"),
}
"""Bodies that are answered with 400 as the last answer, whether they are read whole or handed on."""

TAKEN = {
    "an extension of a chunk": _chunks('5;name="a value"\r\nhello\r\n0;last\r\n\r\n'),
    "a trailer": _chunks("5\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n"),
    "zeroes before a size": _chunks("0005\r\nhello\r\n000\r\n\r\n"),
    "no body where one could be": request("POST", "/v1/things"),
    "a length of nothing": request("GET", "/v1/things", "Content-Length: 0"),
    "zeroes before a length": request("POST", "/v1/things", "Content-Length: 00005", body="hello"),
    "an empty line before": "\r\n" + request("GET", "/v1/things"),
    "spaces about a value": request("GET", "/v1/things", "Accept: \t a \t "),
    "an empty value": request("GET", "/v1/things", "Accept:"),
    "a name in other case": request("POST", "/v1/things", "cOnTeNt-LeNgTh: 5", body="hello"),
}
"""What RFC 9112 allows."""
