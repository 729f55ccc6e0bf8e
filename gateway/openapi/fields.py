"""Parameters, headers and security schemes as callers meet them; `$ref`s are those of the contract's own files."""

from typing import Any, TypeAlias, get_args

from gateway.contract import BookingStatus

Json: TypeAlias = dict[str, Any]

_UUID = {"type": "string", "format": "uuid"}
_EXAMPLE_ID = "0d9f2a64-5b1c-4f3e-8a77-6c2e1b9d4f50"


def _parameter(place: str, name: str, description: str, schema: Json, example: str, *, required: bool = False) -> Json:
    return {
        "name": name,
        "in": place,
        "required": required or place == "path",
        "description": description,
        "schema": schema,
        "example": example,
    }


def _shared(name: str) -> Json:
    return {"$ref": f"common.schema.json#/$defs/{name}"}


PARAMETERS: dict[str, Json] = {
    parameter["name"]: parameter
    for parameter in (
        _parameter("path", "account_id", "An account's `id`.", _shared("id"), "acc_3f6c0d9a4b1e47c28a5d90e1b7f2c684"),
        _parameter("path", "bank", "A bank's `id`.", _shared("bank_name"), "albion-sandbox"),
        _parameter("query", "from", "First day wanted, inclusive, in the bank's zone.", _shared("date"), "2026-11-01"),
        _parameter("query", "to", "Last day wanted, inclusive, in the bank's zone.", _shared("date"), "2026-11-20"),
        _parameter(
            "query",
            "status",
            "Which transactions are wanted.",
            {"type": "string", "enum": list(get_args(BookingStatus))},
            "booked",
        ),
        _parameter(
            "query",
            "cursor",
            "A page's `next`, unchanged. Other parameters can be left out; they must not say anything else.",
            {"$ref": "page.schema.json#/$defs/cursor"},
            "AaQ2c2VhbGVkLXBvc2l0aW9u",
        ),
        _parameter(
            "header",
            "Consent-Id",
            "The consent under which the bank is asked. It is never forwarded.",
            {"type": "string", "pattern": "^[A-Za-z0-9._~-]{1,128}$"},
            "cns_5d0c7a91",
            required=True,
        ),
        _parameter(
            "header",
            "PSU-IP-Address",
            "The person's address, if and only if the person is present at this very call.",
            {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
            "203.0.113.7",
        ),
        _parameter(
            "header",
            "PSU-User-Agent",
            "The person's browser or app; goes with `PSU-IP-Address`.",
            {"type": "string", "pattern": "^[!-~]([ -~]{0,510}[!-~])?$"},
            "ExampleApp/3.2",
        ),
        _parameter(
            "header",
            "Cache-Control",
            "`no-cache` asks the bank anew; heeded only where the person is present.",
            {"type": "string", "enum": ["no-cache"]},
            "no-cache",
        ),
        _parameter(
            "header",
            "Signature-Input",
            "What the signature covers, when and with which key it was made (RFC 9421).",
            {"type": "string"},
            'sig=("@method" "@target-uri" "authorization");created=1795348800;keyid="books-1";tag="fapi-2-request"',
            required=True,
        ),
        _parameter(
            "header",
            "Signature",
            "The signature, under the same label.",
            {"type": "string"},
            "sig=:MEUC:",
            required=True,
        ),
        _parameter(
            "header",
            "Content-Digest",
            "The hash of the body (RFC 9530); must be covered where there is a body.",
            {"type": "string"},
            "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
        ),
        _parameter("header", "x-fapi-interaction-id", "Names the interaction; made where absent.", _UUID, _EXAMPLE_ID),
        _parameter("header", "x-request-id", "Names the request; made where absent.", _UUID, _EXAMPLE_ID),
    )
}

HEADERS: dict[str, Json] = {
    "x-fapi-interaction-id": {"description": "The interaction's id, as sent or made.", "schema": _UUID},
    "x-request-id": {"description": "The request's id, as sent or made.", "schema": _UUID},
    "RateLimit-Policy": {
        "description": "The windows of the policy: quota `q` in `w` seconds (IETF RateLimit header fields draft).",
        "schema": {"type": "string"},
        "example": '"burst";q=100;w=60',
    },
    "RateLimit": {
        "description": "What remains of each window: `r` calls, renewed in `t` seconds.",
        "schema": {"type": "string"},
        "example": '"burst";r=50;t=30',
    },
    "Retry-After": {
        "description": "Seconds to wait (RFC 9110 section 10.2.3).",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {
        "description": "What the token lacks (RFC 6750 section 3).",
        "schema": {"type": "string"},
        "example": 'Bearer error="invalid_token"',
    },
    "Accept-Signature": {
        "description": "What a signature must cover here, where one is asked for (RFC 9421 section 5.1).",
        "schema": {"type": "string"},
        "example": 'sig=("@method" "@target-uri" "authorization");created;tag="fapi-2-request"',
    },
    "Content-Digest": {
        "description": "The hash of the answer's body (RFC 9530), where the answer is signed.",
        "schema": {"type": "string"},
    },
    "Signature-Input": {
        "description": "What our signature covers, the request with it (RFC 9421), where the answer is signed.",
        "schema": {"type": "string"},
    },
    "Signature": {"description": "Our signature, where the answer is signed.", "schema": {"type": "string"}},
    "Age": {
        "description": "Seconds since the bank was asked (RFC 9111 section 5.1).",
        "schema": {"type": "integer", "minimum": 0},
    },
}
HEADERS_BY_STATUS = {
    401: ("WWW-Authenticate", "Accept-Signature"),
    403: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}

SECURITY: dict[str, Json] = {
    "mutual_tls": {
        "type": "mutualTLS",
        "description": "A client certificate of a CA that the gateway trusts (RFC 8705).",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token (RFC 9068), bound to the client certificate (RFC 8705 section 3).",
    },
}
