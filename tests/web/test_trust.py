"""A chain is judged without a handshake as OpenSSL judges it in one; numbered cases are those of our attack list."""

import datetime as dt
import pathlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.secrets import CertificateUnusable, Secrets
from gateway.web.trust import CertificateRefused, Trust, read_trust
from tests.web.authorities import DAY, SERVER, Issued, dns, now, root, uri

ROOT = root()
BETWEEN = ROOT.below("Between")


@pytest.fixture
def trusting(tmp_path: pathlib.Path):
    """Reads a trust of authorities and revocation lists in files."""

    def read(*authorities: Issued, lists: tuple[bytes, ...] = ()) -> Trust:
        pem = b"".join(one.certificate.public_bytes(Encoding.PEM) for one in authorities)
        (tmp_path / "ca.pem").write_bytes(pem)
        for number, content in enumerate(lists):
            (tmp_path / f"{number}.crl").write_bytes(content)
        names = [f"file:{number}.crl" for number in range(len(lists))]
        return read_trust("file:ca.pem", names, Secrets(tmp_path, {}), now())

    return read


def reason(trust: Trust, shown: Issued, at: dt.datetime | None = None) -> str:
    with pytest.raises(CertificateRefused) as refused:
        trust.judge(shown.ders, at or now())
    return refused.value.reason


def test_a_chain_up_to_a_root_holds_until_its_first_certificate_ends(trusting):
    short = BETWEEN.issue(uri("spiffe://test/a"), ends=now() + dt.timedelta(hours=1))
    assert trusting(ROOT).judge(short.ders, now()) == short.certificate.not_valid_after_utc
    assert trusting(ROOT, BETWEEN).judge([short.der], now()), "an intermediate that callers do not send may be listed"
    direct = ROOT.issue(dns("a.example"), ends=now() + 9 * DAY)
    assert trusting(ROOT).judge(direct.ders, now()) == ROOT.certificate.not_valid_after_utc


def test_case_18_times(trusting):
    leaf = ROOT.issue(begins=now(), ends=now() + DAY)
    trust = trusting(ROOT)
    assert trust.judge(leaf.ders, now())
    assert reason(trust, leaf, leaf.certificate.not_valid_after_utc + dt.timedelta(seconds=1)) == "expired"
    assert reason(trust, leaf, leaf.certificate.not_valid_before_utc - dt.timedelta(seconds=1)) == "not_yet_valid"
    early = ROOT.below("Early", ends=now() + dt.timedelta(hours=1))
    assert reason(trust, early.issue(), now() + dt.timedelta(hours=2)) == "untrusted", "its authority has expired"


@pytest.mark.parametrize(
    "shown",
    [
        root("Elsewhere").issue(),
        root("Root").issue(),
        root("Self-signed"),
        ROOT.issue(uses=[SERVER]),
        ROOT.issue(uses=[x509.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),
        ROOT.below("Servers only", more=[(x509.ExtendedKeyUsage([SERVER]), False)]).issue(),
        ROOT.below("No depth", depth=0).below("Too deep").issue(),
        ROOT.below("Names", more=[(x509.NameConstraints([dns("ours.example")], None), True)]).issue(
            dns("theirs.example")
        ),
        ROOT.issue(more=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]),
        ROOT.issue(key=ec.generate_private_key(ec.SECP192R1())),
    ],
    ids=[
        "other-root",
        "same-name",
        "self-signed",
        "server-only",
        "any-use",
        "authority-for-servers",
        "too-deep",
        "name-constraint",
        "unknown-critical",
        "weak-key",
    ],
)
def test_case_18_chains_that_are_not_taken(trusting, shown: Issued):
    assert reason(trusting(ROOT), shown) == "untrusted"


def test_case_18_names_within_their_constraint_and_depth(trusting):
    within = ROOT.below("Names", depth=0, more=[(x509.NameConstraints([dns("ours.example")], None), True)])
    assert trusting(ROOT).judge(within.issue(dns("a.ours.example")).ders, now())


def test_case_18_a_leaf_can_not_vouch_for_another(trusting):
    leaf = ROOT.issue()
    forged = BETWEEN.__class__(leaf.certificate, leaf.key, ()).issue()
    assert reason(trusting(ROOT), Issued(forged.certificate, forged.key, (leaf.certificate,))) == "untrusted"


def test_case_18_revoked_at_any_place_of_the_chain(trusting):
    leaf, other = BETWEEN.issue(), BETWEEN.issue()
    empty, revoking = ROOT.revoke(), BETWEEN.revoke(leaf)
    trust = trusting(ROOT, BETWEEN, lists=(empty, revoking))
    assert reason(trust, leaf) == "revoked"
    assert trust.judge(other.ders, now()) == x509.load_pem_x509_crl(revoking).next_update_utc
    assert reason(trusting(ROOT, BETWEEN, lists=(ROOT.revoke(BETWEEN), BETWEEN.revoke())), leaf) == "revoked"


def test_case_18_what_no_list_covers_is_refused(trusting):
    trust = trusting(ROOT, BETWEEN, lists=(ROOT.revoke(),))
    assert reason(trust, BETWEEN.issue()) == "revocation_unknown"
    assert trust.judge(ROOT.issue().ders, now())
    assert reason(trust, ROOT.issue(), now() + DAY + dt.timedelta(seconds=1)) == "revocation_unknown", "past its update"


def test_of_two_lists_the_later_speaks(trusting):
    leaf = ROOT.issue()
    lists = (ROOT.revoke(begins=now()), ROOT.revoke(leaf, begins=now() - dt.timedelta(hours=1)))
    assert trusting(ROOT, lists=lists).judge(leaf.ders, now()), "the later list took it back"
    assert trusting(ROOT, lists=lists[::-1]).judge(leaf.ders, now())


def test_what_is_no_certificate(trusting):
    for chain in ([b"nonsense"], [ROOT.issue().der, b"nonsense"], [b""]):
        with pytest.raises(CertificateRefused, match="can not be read"):
            trusting(ROOT).judge(chain, now())


def test_authorities_that_are_none_are_named(trusting, tmp_path: pathlib.Path):
    with pytest.raises(CertificateUnusable, match=r"file:ca\.pem: CN=caller is no authority's certificate"):
        trusting(ROOT, ROOT.issue())
    with pytest.raises(CertificateUnusable, match=r"file:ca\.pem: must hold the root too"):
        trusting(BETWEEN)
    (tmp_path / "ca.pem").write_bytes(b"canary")
    with pytest.raises(CertificateUnusable, match=r"file:ca\.pem: must hold authorities' certificates in PEM form"):
        read_trust("file:ca.pem", (), Secrets(tmp_path, {}), now())


def test_two_that_hold_the_same_judge_alike(trusting):
    crl = ROOT.revoke()
    assert trusting(ROOT, lists=(crl,)).content == trusting(ROOT, lists=(crl,)).content
    assert trusting(ROOT, lists=(crl,)).content != trusting(ROOT).content
