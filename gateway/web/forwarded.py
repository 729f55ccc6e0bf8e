"""What a balancer that ended TLS says of the caller, read strictly; who may say it is decided elsewhere.

A whole certificate is asked for, since we verify it ourselves: `Client-Cert` and `Client-Cert-Chain` (RFC 9440), or
Envoy's `X-Forwarded-Client-Cert` with `Cert=`. Its `Hash=`, `Subject=` and `URI=` alone prove nothing to us and are
refused. The caller's address is counted from the right of `X-Forwarded-For` or `Forwarded` (RFC 7239), since whatever
stands further left was sent by the caller.
"""

import base64
import binascii
import hashlib
import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import RequestInvalid
from gateway.exchange import HeaderMap

# RFC 8941 section 3.3.5; base64 has one spelling here, and parameters, of which RFC 9440 knows none, are refused.
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_PAIR = re.compile(r'([A-Za-z]+)=("(?:[^"\\]|\\.)*+"|[^",;=]*+)(;|,|$)')
_ELEMENT = re.compile(r"""\s*([A-Za-z-]+)=("(?:[^"\\]|\\.)*+"|[^\s",;=]++)\s*(;|,|$)""")
_NONE: list[str] = []


def from_client_cert(headers: HeaderMap) -> tuple[bytes, ...]:
    """The chain in DER of `Client-Cert` and `Client-Cert-Chain`; empty where there is none. Raises RequestInvalid."""
    leaf = headers.getall("Client-Cert", _NONE)
    others = [item.strip() for value in headers.getall("Client-Cert-Chain", _NONE) for item in value.split(",")]
    if not leaf and not others:
        return ()
    if len(leaf) != 1:
        raise _refused("Client-Cert", "must stand once, and before a chain")
    return (_decoded("Client-Cert", leaf[0].strip()), *[_decoded("Client-Cert-Chain", item) for item in others])


def from_xfcc(headers: HeaderMap) -> tuple[bytes, ...]:
    """The chain in DER of `X-Forwarded-Client-Cert`; empty where there is none. Raises RequestInvalid."""
    name = "X-Forwarded-Client-Cert"
    values = headers.getall(name, _NONE)
    if not values:
        return ()
    if len(values) != 1:
        raise _refused(name, "must stand once")
    pairs = _pairs(name, values[0])
    if "cert" not in pairs:
        raise _refused(name, "must hold the certificate (Cert=): a hash or name is no identity here")
    chain = _from_pem(name, pairs["cert"])
    if "hash" in pairs and pairs["hash"].lower() != hashlib.sha256(chain[0]).hexdigest():
        raise _refused(name, "has a hash that is not the certificate's")
    if "chain" in pairs:
        whole = _from_pem(name, pairs["chain"])
        chain += tuple(one for one in whole if one != chain[0])
    return chain


def from_forwarded_for(headers: HeaderMap, depth: int) -> str | None:
    """The address that is `depth`th from the right of `X-Forwarded-For`; None without it. Raises RequestInvalid."""
    entries = [entry for value in headers.getall("X-Forwarded-For", _NONE) for entry in value.split(",")]
    return _counted("X-Forwarded-For", entries, depth)


def from_forwarded(headers: HeaderMap, depth: int) -> str | None:
    """The `for` of the element that is `depth`th from the right of `Forwarded`, else as `from_forwarded_for`."""
    entries: list[str] = []
    for value in headers.getall("Forwarded", _NONE):
        position, current = 0, ""
        while position < len(value):
            found = _ELEMENT.match(value, position)
            if found is None:
                raise _refused("Forwarded", "is not written as RFC 7239 asks")
            if found[1].lower() == "for":
                current = re.sub(r"\\(.)", r"\1", found[2][1:-1]) if found[2].startswith('"') else found[2]
            if found[3] != ";":
                entries.append(current)
                current = ""
            position = found.end()
    return _counted("Forwarded", entries, depth)


def plain_address(written: str) -> str:
    """An IP address as we write it: without port, brackets or zone, IPv4 as such. Raises ValueError."""
    text = written.strip()
    if text.startswith("["):
        text = text[1 : text.index("]")]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    address = ipaddress.ip_address(text.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)


def _counted(name: str, entries: Sequence[str], depth: int) -> str | None:
    if not entries:
        return None
    if len(entries) < depth:
        raise _refused(name, f"has fewer than {depth} entries")
    try:
        return plain_address(entries[-depth])
    except ValueError:
        raise _refused(name, "does not hold an address where the balancer writes it") from None


def _pairs(name: str, value: str) -> dict[str, str]:
    """The members of the only element, names in lower case; URI and DNS may stand several times and are passed over."""
    pairs: dict[str, str] = {}
    position = 0
    while position < len(value):
        found = _PAIR.match(value, position)
        if found is None:
            raise _refused(name, "is not written as Envoy writes it")
        if found[3] == ",":
            raise _refused(name, "has several elements: let the balancer set it anew (SANITIZE_SET)")
        key = found[1].lower()
        if key in pairs and key not in {"uri", "dns"}:
            raise _refused(name, f"has two members '{key}'")
        pairs[key] = re.sub(r"\\(.)", r"\1", found[2][1:-1]) if found[2].startswith('"') else found[2]
        position = found.end()
    return pairs


def _decoded(name: str, item: str) -> bytes:
    found = _BYTES.fullmatch(item)
    try:
        if found is not None:
            return base64.b64decode(found[1], validate=True)
    except binascii.Error:
        pass
    raise _refused(name, "must be a byte sequence (RFC 9440)")


def _from_pem(name: str, escaped: str) -> tuple[bytes, ...]:
    try:
        return tuple(
            one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(unquote_to_bytes(escaped))
        )
    except ValueError:
        raise _refused(name, "holds no certificate in URL-encoded PEM") from None


def _refused(name: str, message: str) -> RequestInvalid:
    return RequestInvalid(
        f"The header field '{name}' {message}.", errors=[{"name": name.lower(), "in": "header", "message": message}]
    )
