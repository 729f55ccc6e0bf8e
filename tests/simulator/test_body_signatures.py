"""UK banks verify the signature of a body, refuse in the standard's codes, and sign what they answer."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gateway.signatures.algorithms import ALGORITHMS
from gateway.signatures.detached import encode
from gateway.signatures.header_lines import Answer, Request, SignatureRefused
from gateway.signatures.jws import HEADER, ObieJws, build_signer, build_verifier
from gateway.signatures.keys import VerificationKey, VerificationKeys, Window
from tests.signatures.pems import private
from tests.simulator.conftest import NOON
from tests.simulator.sealed import answered, arrived, bank, header, issued, keys, replaced, request_to, signed

PENNINE = bank("pennine")
OURS = ObieJws(era="encoded", issuer="0015800001GTWYAAX/simulated")
SIGN = build_signer(OURS, keys("PS256", issued()))
BODY = b'{"Data":{"Initiation":{"Amount":"1.00"}}}'
IAT, ISS, TAN = (f"http://openbanking.org.uk/{name}" for name in ("iat", "iss", "tan"))


def posted(**changed: Any) -> Request:
    return request_to(PENNINE, method="POST", body=BODY, **changed)


def refusal(request: Request) -> tuple[int, str]:
    answer = answered(PENNINE, request)
    return answer.status, json.loads(answer.body)["Errors"][0]["ErrorCode"] if answer.body else ""


def forged(drop: str = "", **changed: Any) -> Request:
    """A request whose signature is right, and whose header says something else than it should."""
    said = {"alg": "PS256", "kid": "gateway-signing", IAT: int(NOON.timestamp()), ISS: OURS.issuer}
    said |= {TAN: "openbanking.org.uk", "crit": [IAT, ISS, TAN]} | changed
    said.pop(drop, None)
    head = encode(json.dumps(said).encode())
    signature = keys("PS256", issued()).keys[0].sign(f"{head}.{encode(BODY)}".encode())
    return replaced(posted(), HEADER, f"{head}..{encode(signature)}")


def test_what_is_signed_gets_past_the_signature():
    assert answered(PENNINE, signed(SIGN, posted())).status == 405
    assert answered(PENNINE, forged()).status == 405
    assert answered(PENNINE, request_to(PENNINE)).status == 200


def test_what_is_not_signed_as_asked_is_refused_in_the_standards_codes():
    request = signed(SIGN, posted())
    earlier = build_signer(msgspec.structs.replace(OURS, era="unencoded"), keys("PS256", issued()))
    stranger = build_signer(OURS, keys("PS256", issued(key="stranger"), "stranger"))
    for changed, code in (
        (posted(), "U023"),
        (replaced(request, HEADER, "a.b"), "U022"),
        (replaced(request, HEADER, header(request, HEADER).replace("..", ".e30.")), "U022"),
        (msgspec.structs.replace(request, body=BODY + b"\n"), "U019"),
        (signed(stranger, posted()), "U019"),
        (signed(earlier, posted()), "U020"),
        (forged(drop="kid"), "U021"),
        (forged(drop=TAN), "U021"),
        (forged(kid="other"), "U020"),
        (forged(alg="RS256"), "U020"),
        (forged(crit=[IAT, ISS]), "U020"),
        (forged(jku="https://evil.example"), "U020"),
        (forged(**{IAT: int((NOON + timedelta(seconds=61)).timestamp())}), "U020"),
        (forged(**{IAT: "now"}), "U020"),
        (forged(**{ISS: "somebody"}), "U020"),
        (forged(**{TAN: "evil.example"}), "U020"),
        (replaced(request_to(PENNINE), HEADER, header(request, HEADER)), "U024"),
    ):
        assert refusal(changed) == (400, code)


@pytest.mark.parametrize("era", ["encoded", "unencoded"])
def test_what_it_answers_is_signed_and_wrongly_only_on_demand(era: Any):
    simulated = bank("pennine")
    assert simulated.bank.signs is not None
    simulated.bank = msgspec.structs.replace(
        simulated.bank, signs=msgspec.structs.replace(simulated.bank.signs, era=era)
    )
    key = VerificationKey("pennine-signing", ALGORITHMS["PS256"], Window(), private("RSA", "bank").public_key(), ())
    verify = build_verifier(ObieJws(era=era, issuer="0015800001PNNEAAX"), VerificationKeys((key,), b""))
    request = request_to(simulated)
    for asked in (request, replaced(request, "x-fapi-interaction-id", "none")):
        plain = answered(simulated, asked)
        answer = simulated.sign(arrived(asked), plain, NOON, wrongly=False)
        verify(Answer(answer.status, answer.headers, answer.body, request), NOON)
        wrong = simulated.sign(arrived(asked), plain, NOON, wrongly=True)
        with pytest.raises(SignatureRefused, match="the signature does not fit the body"):
            verify(Answer(wrong.status, wrong.headers, wrong.body, request), NOON)
