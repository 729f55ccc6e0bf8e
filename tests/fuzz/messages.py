"""Message signatures and structured fields: no request is verified that nobody signed, and refusing has one form."""

import contextlib

from hypothesis import strategies as st
from msgspec.structs import replace
from multidict import CIMultiDict

from gateway.signatures.components import SignedRequest, read_component
from gateway.signatures.content_digest import FIELD, check_content_digest, content_digest
from gateway.signatures.header_lines import SignatureRefused
from gateway.signatures.message import check_coverage, present, sign, verify
from gateway.signatures.structured import NotStructured, read_dictionary, read_item, rewritten
from tests.fuzz.target import Target, mutated
from tests.signatures.messages import CREATED, TAG, signing_key, verification_key

BODY = b'{"amount":"12.00"}'
BARE = CIMultiDict({"Authorization": "Bearer abc", "Content-Digest": content_digest(BODY), "X-Words": "one, two"})
REQUEST = SignedRequest("POST", "https", "gateway.example", "/v1/payments", "a=1&b=2", BARE)
REQUIRED = [read_component(one) for one in ("@method", "@target-uri", "authorization", FIELD)]
KEYS = [verification_key("EdDSA")]
WORDS = [
    *(b'("@method" "@path")', b'"@query-param";name="a"', b";req", b";bs", b";sf", b';key="a"', b"sig=", b"other=()"),
    *(b";created=1", b";alg=", b';keyid="k"', b';tag="fapi-2-request"', b";nonce", b"(", b")", b",", b":AAAA:", b"?1"),
    *(
        b"Signature: ",
        b"\nSignature-Input: ",
        b"\nContent-Digest: ",
        b"sha-512=:",
        b"md5=:",
        b"@1",
        b"%22",
        b"\xff",
        b"\\",
    ),
]


def _written(fields: CIMultiDict[str], body: bytes) -> bytes:
    return "\n".join(f"{name}: {value}" for name, value in fields.items()).encode("latin-1") + b"\n\n" + body


def judge_request(content: bytes) -> None:
    """Read, judged and verified as the filter does."""
    head, _, body = content.partition(b"\n\n")
    pairs = (line.partition(": ") for line in head.decode("latin-1").split("\n"))
    fields = CIMultiDict([(name, value) for name, _, value in pairs])
    try:
        presented = present(fields, TAG)
        check_coverage(presented, REQUIRED)
        verify(replace(REQUEST, fields=fields), presented, KEYS)
        check_content_digest(fields.getall(FIELD), body)
    except SignatureRefused as refused:
        assert str(refused).startswith("its ")
        return
    assert body == BODY, "a body was accepted that nobody signed"
    assert [value.strip(" \t") for value in fields.getall("Authorization")] == ["Bearer abc"], (
        "nobody signed this field"
    )
    assert presented.created == CREATED


def judge_structured(content: bytes) -> None:
    """Every reader of structured fields, and a whole field written anew: once more gives the same."""
    text = content.decode("latin-1")
    for read in (read_dictionary, read_item):
        with contextlib.suppress(NotStructured):
            read(text)
    for name in ("signature-input", "accept", "idempotency-key"):
        with contextlib.suppress(NotStructured):
            once = rewritten(name, text)
            assert rewritten(name, once) == once


def targets() -> list[Target]:
    """All of them."""
    more = [read_component(one) for one in ('"x-words";bs', '"@query-param";name="a"')]
    seeds = []
    for covered in (REQUIRED, [*REQUIRED, *more]):
        made = sign(REQUEST, covered, signing_key("EdDSA"), created=CREATED, tag=TAG, nonce="n-1")
        seeds.append(_written(CIMultiDict([*BARE.items(), *made]), BODY))
    lines = [line.partition(b": ")[2] for seed in seeds for line in seed.split(b"\n")]
    return [
        Target(
            "signatures_http",
            "a signed request of which anything covered was altered is refused, by SignatureRefused and nothing else",
            mutated(seeds, WORDS),
            judge_request,
        ),
        Target(
            "structured_fields",
            "a structured field is read or refused by NotStructured, and written in one form",
            st.one_of(st.binary(max_size=60), mutated(lines, WORDS)),
            judge_structured,
        ),
    ]
