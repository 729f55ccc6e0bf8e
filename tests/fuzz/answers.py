"""What banks answer: documents on their way through mappings, camt messages, content codings, links."""

import gzip
import json
import zlib
from collections.abc import Callable
from functools import cache
from urllib.parse import urlsplit

from yarl import URL

from gateway.app.files import readers
from gateway.banks.decoding import MOST_RATIO, RATIO_COUNTS_FROM, decode
from gateway.banks.origins import Origins, UrlRefused
from gateway.errors import BankNonsense
from gateway.files import Layers, shipped
from gateway.mapping.cases import KEY
from gateway.mapping.library import Library, read_library
from gateway.mapping.records import BoundMapping
from tests.corpus import CORPUS
from tests.fuzz.target import Target, mutated
from tests.mapping.laboratory import CALL, page_validator

WORDS = [
    *(
        b"null",
        b"{}",
        b"[]",
        b'""',
        b"-0",
        b"1e400",
        b"-1e-400",
        b"9" * 40,
        b"0.1" + b"0" * 40,
        b"true",
        b"NaN",
        b"12,30",
    ),
    *(
        b'"\\ud800"',
        b'"\\u0000"',
        b'"2026-02-30"',
        b'"9999-12-31T23:59:60+23:59"',
        b'"0000-00-00"',
        b'"-12.30"',
        b'"1 2"',
    ),
    *(
        b'"EUR"',
        b'"eur"',
        b'"XXX"',
        b'"DBIT"',
        b'"\xe2\x80\xae"',
        b"\xff",
        b"\0",
        b",",
        b":",
        b"[[[[[[[[",
        b'{"a":',
        b"\\",
    ),
]
XML_WORDS = [
    *(
        b"<Ntry>",
        b"</Ntry>",
        b"<TxDtls>",
        b"<Amt Ccy='EUR'>",
        b"</Amt>",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"<?x ?>",
        b"&amp;",
    ),
    *(b"&#0;", b"&x;", b"<!DOCTYPE d [<!ENTITY x 'y'>]>", b"xmlns='x'", b"xmlns:a=''", b"<a:b>", b"\xff", b"<Ustrd/>"),
]
_RECORDED_AT_MOST = 60
PAGE = "a document becomes a page of the contract or BankNonsense; nothing else is raised, and no float appears"


@cache
def library() -> Library:
    return read_library(Layers.over_shipped())


validator = cache(page_validator)


@cache
def _mapping(name: str) -> BoundMapping:
    compiled = library().mappings[name]
    return BoundMapping(compiled, library().contract.records, compiled.file.zone, KEY)


def _judge_mapping(name: str) -> Callable[[bytes], None]:
    def judge(content: bytes) -> None:
        # Compiled at the first input: whoever only collects tests need not wait for it.
        try:
            page = _mapping(name).run(content, {}, CALL)
        except BankNonsense:
            return
        rendered = json.loads(page.render(None))
        assert validator().is_valid(rendered), next(validator().iter_errors(rendered)).message
        _tell_no_more(rendered)

    return judge


def _tell_no_more(rendered: object) -> None:
    """No float crept in: amounts are texts."""
    match rendered:
        case dict():
            for one in rendered.values():
                _tell_no_more(one)
        case list():
            for one in rendered:
                _tell_no_more(one)
        case float():
            raise AssertionError("a number of the bank became a float")


def _seeds(dialect: str, operation: str) -> list[bytes]:
    """Our own payloads."""
    folder = shipped() / "mappings" / dialect / "cases" / operation
    return [path.read_bytes() for path in sorted(folder.glob("*.in.json"))]


@cache
def _recorded(dialect: str, word: str) -> list[bytes]:
    """What banks of a dialect have answered, where those recordings are."""
    if CORPUS is None:
        return []
    found: list[bytes] = []
    for path in sorted((CORPUS / "recorded").glob(f"*/{dialect.replace('_', '-')}/**/*.json")):
        if word in path.name and "__files" not in path.parts and path.stat().st_size < 20_000:
            try:
                body = json.loads(path.read_bytes()).get("response", {}).get("jsonBody")
            except ValueError:
                continue
            if isinstance(body, dict):
                found.append(json.dumps(body).encode())
    return found[:_RECORDED_AT_MOST]


def _judge_camt(content: bytes) -> None:
    read = readers()["berlin_group", "camt"]
    try:
        entries = json.loads(read(content))["Ntry"]
    except BankNonsense as refused:
        assert refused.__cause__ is None
        return
    assert isinstance(entries, list)
    assert len(json.dumps(entries)) <= 20 * len(content) + 100, "what is read grows beyond what was sent"


LIMIT = 300_000


def _judge_coding(content: bytes) -> None:
    name, _, body = content.partition(b"\n")
    try:
        decoded = decode(body, name.decode("latin-1"), LIMIT)
    except BankNonsense:
        return
    if name.strip().lower() not in {b"", b"identity"} and body:
        assert len(decoded) <= min(LIMIT, max(RATIO_COUNTS_FROM, MOST_RATIO * len(body)))
    else:
        assert decoded == body


BANK = Origins(["https://api.albion.example/open-banking", "https://[2001:db8::1]:8443/x"])
WITHIN = {("https", "api.albion.example", 443), ("https", "2001:db8::1", 8443)}


def _judge_link(content: bytes) -> None:
    """Whatever a link says: what would be called lies within the bank by two other readers, and is one line."""
    try:
        strict = BANK.normalise(content.decode("utf-8", "surrogateescape"))
    except UrlRefused as refused:
        assert str(refused)
        return
    origin, target = BANK.split(strict)
    assert target.startswith("/")
    assert strict.isascii()
    assert strict.isprintable()
    assert " " not in strict
    parts, url = urlsplit(strict), URL(strict, encoded=True)
    assert (parts.scheme, parts.hostname, parts.port or 443) in WITHIN
    assert (url.scheme, url.host, url.port) in WITHIN
    assert (origin.scheme, origin.host, origin.port) in WITHIN
    assert parts.username is None
    assert url.user is None


def targets() -> list[Target]:
    """All of them."""
    made = []
    for dialect in ("uk_openbanking", "berlin_group", "stet"):
        for operation in ("accounts.list", "balances.list", "transactions.list"):
            word, judge = operation.partition(".")[0], _judge_mapping(f"{dialect}/{operation}")
            made.append(
                Target(f"answers_{dialect}_{word}", PAGE, mutated(_seeds(dialect, operation), WORDS), judge, 25)
            )
            recorded = _recorded(dialect, word)
            if recorded:
                inputs = mutated(recorded, WORDS)
                made.append(Target(f"recorded_{dialect}_{word}", PAGE, inputs, judge, 15, restated=True))
    camt = [
        path.read_bytes()
        for path in sorted((shipped() / "mappings/berlin_group/cases/transactions.list.camt").glob("*.in.xml"))
    ]
    text = b'{"amount": "12.34"}' * 20
    codings = [
        b"gzip\n" + gzip.compress(text),
        b"gzip\n" + gzip.compress(b"0" * 400_000),
        b"deflate\n" + zlib.compress(text),
        b"deflate\n" + zlib.compress(text)[2:-4],
        b"\n" + text,
        b"br\nxx",
    ]
    links = [
        *(b"https://api.albion.example/accounts?page=2", b"https://[2001:db8::1]:8443/a", b"https://evil.example/"),
        *(b"https://api.albion.example@evil.example/", b"//evil.example/a", b"file:///etc/passwd", b"/accounts?x=1"),
    ]
    marks = [
        b"@",
        b":",
        b"/",
        b"\\",
        b"?",
        b"#",
        b"%2f",
        b"%40",
        b"..",
        b"//",
        b"[",
        b"]",
        b"\t",
        b"\r\n",
        b" ",
        b".evil.example",
    ]
    return [
        *made,
        Target(
            "camt",
            "a message is read into no more than it holds, or BankNonsense; nothing is fetched or expanded",
            mutated(camt, XML_WORDS),
            _judge_camt,
        ),
        Target(
            "codings",
            "a body is decoded within its bounds, or BankNonsense",
            mutated(codings, [b"gzip", b"deflate", b",", b"\0" * 50]),
            _judge_coding,
        ),
        Target(
            "links",
            "a link leads within the bank by every reading, or is refused",
            mutated(links, [*marks, b"api.albion.example", b"https://", "．。é".encode()]),  # noqa: RUF001 - they look alike
            _judge_link,
        ),
    ]
