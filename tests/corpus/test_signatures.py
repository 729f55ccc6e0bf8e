"""What banks were sent and recorded of signatures, and vectors of others, against how the gateway signs and verifies.

The recordings hold no key: a request is signed with one of our own under the name that the recording gives the key,
by the rules of the bank's file, and must then be what the recording's matchers demand.
"""

import base64
import functools
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK

from gateway.banks.inheritance import FOLDER, BankFiles
from gateway.banks.signing import PROFILES
from gateway.files import Layers, Schema, decode_quantity, shipped
from gateway.signatures import jws
from gateway.signatures.algorithms import ALGORITHMS, KeyUnfit
from gateway.signatures.detached import encode, read_detached
from gateway.signatures.header_lines import Request, SignatureRefused
from gateway.signatures.keys import SigningKey, SigningKeys, Window
from gateway.signatures.strict_json import read_object
from tests.corpus import CORPUS, NEEDED
from tests.corpus.matchers import build_value_test
from tests.corpus.pairs import Pair, read_recording
from tests.signatures.pems import certificate, private

pytestmark = pytest.mark.skipif(CORPUS is None, reason=NEEDED)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Folder of the recordings -> the file whose rules it is held to.
BANKS = {
    "atruvia/berlin-group": "atruvia",
    "bbva/redsys": "bbva",
    "bnp-paribas-fortis/stet": "bnp-paribas-fortis",
    "bnp-paribas/stet": "bnp-paribas",
    "bpce/stet": "bpce",
    "caja-rural/redsys": "caja-rural",
    "cbi-globe/cbi-globe": "cbi-globe",
    "cec/berlin-group": "cec",
    "credit-agricole/stet": "credit-agricole",
    "ibercaja/redsys": "ibercaja",
    "ing/berlin-group": "ing",
    "knab/berlin-group": "knab",
    "openbank/redsys": "openbank",
}
SIGNED = ("signature", "digest", "tpp-signature-certificate", "date")
# What a recording does not say of a header that it demands or that a rule covers.
USUAL = {
    "accept": "application/json",
    "authorization": "Bearer token",
    "content-type": "application/json",
    "psu-id": "someone",
    "psu-ip-address": "192.0.2.1",
    "tpp-redirect-preferred": "true",
    "tpp-redirect-uri": "https://gateway.example/back",
    "x-request-id": "9f5b1a1e-54b5-4e3b-9d3d-0d2f6f1c2a77",
}
# The digest of "[]": what made these recordings hashed an empty list where it sent no body.
OF_A_LIST = base64.b64encode(hashlib.sha512(b"[]").digest()).decode()
# Recordings keep no request's body, at most its digest: that of nothing can be held to, that of something can not.
OF_NOTHING = base64.b64encode(hashlib.sha256().digest()).decode()
OF_SOMETHING = re.compile(r"sha-?\d+=[A-Za-z0-9+/]{43,86}=", re.IGNORECASE)
BODY = b'{"recurringIndicator":true}'
# Registering a client and asking for tokens are not reading accounts, and are signed otherwise, if at all.
ELSEWHERE = re.compile(r"registration|register|token|authorize|oauth|pis/", re.IGNORECASE)


@functools.cache
def bank_files() -> BankFiles:
    schema = orjson.loads((shipped() / FOLDER / "bank.schema.json").read_bytes())
    return BankFiles(Layers.over_shipped(()), Schema(schema))


@functools.cache
def rule_for(bank: str, method: str) -> dict[str, Any]:
    """The first rule for requests of a method, of a bank's file with all it inherits."""
    merged = bank_files().merged(bank)
    assert merged is not None
    return next(rule for rule in merged.value["signing"]["requests"] if method in rule.get("methods", [method]))


@functools.cache
def recorded() -> tuple[tuple[str, Pair], ...]:
    return tuple(_recorded())


def _recorded() -> Iterator[tuple[str, Pair]]:
    assert CORPUS is not None
    for folder in BANKS:
        for pair in read_recording(CORPUS / "recorded" / folder).pairs:
            demanded = {name.lower() for name in pair.headers}
            if demanded & {"signature", "digest"} and not ELSEWHERE.search(pair.file):
                yield folder, pair


@functools.cache
def certificate_of_the_recordings() -> x509.Certificate:
    """The one certificate that recordings demand to be sent."""
    found = {
        matcher["equalTo"]
        for _, pair in recorded()
        for name, matcher in pair.headers.items()
        if name.lower() == "tpp-signature-certificate" and "equalTo" in matcher
    }
    [written] = found
    return x509.load_der_x509_certificate(base64.b64decode(written))


def signed_as_demanded(bank: str, pair: Pair) -> dict[str, str]:
    """The headers of a request that is signed by a bank's rules, and has every header that the pair demands."""
    demanded = {name.lower(): next(iter(matcher.values())) for name, matcher in pair.headers.items()}
    rule = rule_for(bank, pair.method)
    named = demanded.get("signature", "").replace("\\", "")
    found = re.search(r'keyId="([^"]+)"', named)
    key_id = found[1] if found else "ours"
    [hexadecimal] = re.findall(r"^[0-9a-f]{32}$", key_id) or [""]
    if str(certificate_of_the_recordings().serial_number) in key_id:
        chain = certificate_of_the_recordings()
    else:
        chain = certificate(serial=int(hexadecimal, 16)) if hexadecimal else certificate()
    algorithm = ALGORITHMS["RS512" if "rsa-sha512" in named else "RS256"]
    keys = SigningKeys((SigningKey(key_id, algorithm, Window(), private("RSA"), (chain,)),), b"")
    # What is signed only where it is sent is sent only where the recording has it, or has it signed.
    listed = re.search(r'headers="([^"]+)"', named)
    optional = set(rule.get("covered_if_present", ())) - set(listed[1].split() if listed else ())
    sent = [*demanded, *(name for name in rule["covered"] if name not in optional)]
    usual = {name: USUAL[name] for name in sent if name in USUAL}
    if bank == "cbi-globe":  # its adapter writes the date, in a form of its own
        usual["date"] = "Sun, 01 Mar 2026 12:00:00 UTC"
    profile = PROFILES[rule["profile"]]
    own = {name: value for name, value in rule.items() if name not in {"profile", "methods"}}
    settings = msgspec.convert(own, profile.settings, dec_hook=decode_quantity)
    bare = pair.method in {"GET", "DELETE"} or OF_NOTHING in demanded.get("digest", "")
    request = Request(pair.method, "/resource", "api.bank.example", tuple(usual.items()), b"" if bare else BODY)
    return {name.lower(): value for name, value in profile.build_signer(settings, keys)(request, NOW)}


def test_the_banks_files_sign_as_the_recordings_demand():
    wrong: list[str] = []
    held, with_bodies = dict.fromkeys(BANKS, 0), 0
    for folder, pair in recorded():
        headers = signed_as_demanded(BANKS[folder], pair)
        for name, demanded in pair.headers.items():
            if name.lower() not in SIGNED:
                continue
            if OF_A_LIST in str(demanded):
                continue
            if pair.method != "GET" and OF_SOMETHING.search(str(demanded)) and OF_NOTHING not in str(demanded):
                continue
            # One recording's pattern knows base64 without its slash.
            matcher = {kind: text.replace("[A-Za-z0-9+]", "[A-Za-z0-9+/]") for kind, text in demanded.items()}
            if not build_value_test(matcher)([headers[name.lower()]] if name.lower() in headers else []):
                wrong.append(f"{folder}/{pair.file}: {name} {matcher}, got {headers.get(name.lower())}")
            else:
                held[folder] += 1
                with_bodies += pair.method in {"POST", "PUT"}
    assert wrong == []
    assert all(held.values()), held
    assert sum(held.values()) > 350
    assert with_bodies > 100


@pytest.mark.parametrize("era", ["encoded", "unencoded"])
@pytest.mark.parametrize("folder", ["aib/uk-openbanking", "revolut/uk-openbanking", "tide/uk-openbanking"])
def test_bodies_are_signed_in_the_form_that_banks_of_the_uk_recorded(folder: str, era: Any):
    assert CORPUS is not None
    settings = jws.ObieJws(era=era, issuer="0015800001041RHAAY/software")
    keys = SigningKeys((SigningKey("ours", ALGORITHMS["PS256"], Window(), private("RSA"), ()),), b"")
    sign, held = jws.build_signer(settings, keys), 0
    for pair in read_recording(CORPUS / "recorded" / folder).pairs:
        for matcher in (value for name, value in pair.headers.items() if name.lower() == jws.HEADER):
            made = sign(Request(pair.method, "/resource", "api.bank.example", (), BODY), NOW)
            assert build_value_test(matcher)([value for name, value in made if name.lower() == jws.HEADER]), pair.file
            held += 1
    assert held


def truelayer(name: str) -> str:
    assert CORPUS is not None
    return (CORPUS / "vectors/truelayer-signing" / name).read_text().strip()


SWEEPING = "/merchant_accounts/a61acaef-ee05-4077-92f3-25543a11bd8d/sweeping"


@pytest.mark.parametrize(
    ("file", "path", "headers", "body"),
    [
        (
            "tl-signature.txt",
            SWEEPING,
            {"Idempotency-Key": "idemp-2076717c-9005-4811-a321-9e0787fa0382"},
            '{"currency":"GBP","max_amount_in_minor":5000000,"name":"Foo???"}',
        ),
        (
            "webhook-signature.txt",
            "/tl-webhook",
            {"X-Tl-Webhook-Timestamp": "2021-11-29T11:42:55Z", "Content-Type": "application/json"},
            '{"event_type":"example","event_id":"18b2842b-a57b-4887-a0a6-d3c7c36f1020"}',
        ),
    ],
)
def test_a_detached_jws_of_another_implementation(file: str, path: str, headers: dict[str, str], body: str):
    """Its payload is the first line, the headers that it names, and the body; a changed byte of any is refused."""
    found = read_detached(truelayer(file))
    key: Any = load_pem_public_key(truelayer("ec512-public.pem").encode())
    ALGORITHMS["ES512"].fit(key)
    assert (found.header["alg"], found.header["kid"]) == ("ES512", "45fc75cf-5649-4134-84b3-192c2c78e990")
    assert found.header["tl_headers"].split(",") == list(headers)
    lines = "".join(f"{name}: {value}\n" for name, value in headers.items())
    payload = f"POST {path}\n{lines}{body}".encode()

    def fits(content: bytes) -> bool:
        return ALGORITHMS["ES512"].verify(key, found.signing_input(content, encoded=True), found.signature)

    assert fits(payload)
    for place in range(len(payload)):
        assert not fits(payload[:place] + bytes([payload[place] ^ 1]) + payload[place + 1 :])


def wycheproof() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    if CORPUS is None:
        return
    written = json.loads((CORPUS / "vectors/wycheproof/json_web_crypto_test.json").read_bytes())
    for group in written["testGroups"]:
        for case in group["tests"]:
            yield group, case


def accepted(group: dict[str, Any], compact: object) -> bool:
    """Whether a compact JWS of the vectors verifies by the parts that read and verify a detached one."""
    parts = compact.split(".") if isinstance(compact, str) else []
    if len(parts) != 3:
        return False
    try:
        found = read_detached(f"{parts[0]}..{parts[2]}")
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        if encode(payload) != parts[1] or found.header.keys() - {"alg", "kid", "typ"}:
            return False
        jwk = group.get("public") or group["private"]
        name = jwk.get("alg", found.header.get("alg"))
        if name not in ALGORITHMS or found.header.get("alg") != name:
            return False
        key = PyJWK.from_dict({**jwk, "alg": name}).key
        public = key.public_key() if hasattr(key, "public_key") else key
        ALGORITHMS[name].fit(public)
        return ALGORITHMS[name].verify(public, found.signing_input(payload, encoded=True), found.signature)
    except (SignatureRefused, KeyUnfit, ValueError):
        return False


def test_the_jose_vectors_of_wycheproof():
    """Nothing invalid is accepted; what is valid is, but for algorithms that sign no messages here."""
    read, wrong, valid, foreign = 0, [], 0, set()
    for group, case in wycheproof():
        jwk = group.get("public") or group["private"]
        read += 1
        takes = accepted(group, case.get("jws", ""))
        if case["result"] == "invalid" and takes:
            wrong.append((case["tcId"], case["comment"]))
        if case["result"] != "invalid":
            if "jws" not in case:
                continue
            name = read_object(base64.urlsafe_b64decode(case["jws"].split(".")[0] + "=="))["alg"]
            if name in ALGORITHMS and jwk.get("kty") in {"RSA", "EC"}:
                valid += takes
                if not takes:
                    wrong.append((case["tcId"], f"refused: {case['comment']}"))
            else:
                foreign.add(name)
    assert read > 50
    assert wrong == []
    assert (valid, foreign) == (2, {"HS256"})


def test_a_recorded_path_is_no_signature():
    """The recordings' own stand-ins for signatures of answers are refused as what they are."""
    for text in ("some_signature", "the signature"):
        with pytest.raises(SignatureRefused):
            read_detached(text)
