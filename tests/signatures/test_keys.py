"""Keys are read by reference, refused where they are written, and follow one another without a gap."""

import pathlib
from datetime import timedelta

import pytest

from gateway.errors import SigningUnavailable
from gateway.files import Problem, read_yaml
from gateway.secrets import Secrets
from gateway.signatures.keys import read_signing_keys, read_verification_keys
from tests.signatures.pems import NOW, certificate_pem, private, private_pem, public_pem


@pytest.fixture
def secrets(tmp_path: pathlib.Path) -> Secrets:
    files = {
        "old.key": private_pem("RSA", "old"),
        "old.pem": certificate_pem("RSA", "old", begins=NOW - timedelta(days=300), days=365),
        "new.key": private_pem("RSA", "new"),
        "new.pem": certificate_pem("RSA", "new", begins=NOW + timedelta(days=10), days=365),
        "weak.key": private_pem("RSA-1024"),
        "curve.key": private_pem("P-384"),
        "ec.key": private_pem("P-256"),
        "old.pub": public_pem("RSA", "old"),
        "new.pub": public_pem("RSA", "new"),
        "ec.pub": public_pem("P-256"),
        "no.key": b"CANARY",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return Secrets(tmp_path, {})


def reading(read, secrets: Secrets, text: str):
    loaded, problems = read_yaml("bank.yaml", text)
    assert loaded is not None
    assert problems == []
    told: list[Problem] = []
    return read(loaded, ("signing", "keys"), secrets, told), [str(problem) for problem in told]


OVERLAP = """\
signing:
  keys:
    - {id: "2026", algorithm: RS256, key: "file:old.key", certificate: "file:old.pem"}
    - {id: "2027", algorithm: RS256, key: "file:new.key", certificate: "file:new.pem"}
"""


def test_the_newest_valid_key_signs(secrets: Secrets):
    keys, told = reading(read_signing_keys, secrets, OVERLAP)
    assert told == []
    assert keys.current(NOW).id == "2026"
    assert keys.current(NOW + timedelta(days=9, hours=23)).id == "2026"
    assert keys.current(NOW + timedelta(days=10)).id == "2027"
    # The old certificate ends; the new key goes on.
    assert keys.current(NOW + timedelta(days=300)).id == "2027"
    assert keys.ends() == NOW + timedelta(days=375)
    with pytest.raises(SigningUnavailable):
        keys.current(NOW + timedelta(days=376))
    assert "PRIVATE" not in repr(keys)


def test_a_written_window_narrows_the_certificates(secrets: Secrets):
    written = OVERLAP.replace('"file:old.pem"', '"file:old.pem", not_after: 2026-03-05T00:00:00+01:00')
    keys, told = reading(read_signing_keys, secrets, written)
    assert told == []
    assert keys.current(NOW).id == "2026"
    with pytest.raises(SigningUnavailable):
        keys.current(NOW + timedelta(days=4))


def test_any_valid_key_verifies(secrets: Secrets):
    keys, told = reading(
        read_verification_keys,
        secrets,
        """\
signing:
  keys:
    - {id: a, algorithm: RS256, key: "file:old.pub", not_after: 2026-04-01T00:00:00Z}
    - {id: b, algorithm: RS256, key: "file:new.pem"}
    - {id: b, algorithm: ES256, key: "file:ec.pub"}
""",
    )
    assert told == []
    assert [key.id for key in keys.valid(NOW)] == ["a", "b"]
    assert [key.algorithm.name for key in keys.valid(NOW + timedelta(days=20), "b")] == ["RS256", "ES256"]
    assert [key.id for key in keys.valid(NOW + timedelta(days=60))] == ["b", "b"]
    assert keys.valid(NOW, "c") == ()
    [key] = keys.valid(NOW, "a")
    signature = key.algorithm.sign(private("RSA", "old"), b"message")
    assert key.verify(b"message", signature)
    assert not key.verify(b"massage", signature)


def test_the_fingerprint_follows_what_was_read(secrets: Secrets):
    assert secrets.folder is not None
    first, _ = reading(read_signing_keys, secrets, OVERLAP)
    again, _ = reading(read_signing_keys, secrets, OVERLAP)
    renamed, _ = reading(read_signing_keys, secrets, OVERLAP.replace('"2027"', '"2028"'))
    (secrets.folder / "new.key").write_bytes(private_pem("RSA", "newest"))
    (secrets.folder / "new.pem").write_bytes(certificate_pem("RSA", "newest"))
    changed, _ = reading(read_signing_keys, secrets, OVERLAP)
    assert first.fingerprint == again.fingerprint
    assert len({one.fingerprint for one in (first, renamed, changed)}) == 3


def test_every_unfit_key_is_told_at_its_place(secrets: Secrets):
    keys, told = reading(
        read_signing_keys,
        secrets,
        """\
signing:
  keys:
    - {id: a, algorithm: PS256, key: "file:weak.key"}
    - {id: b, algorithm: ES256, key: "file:curve.key"}
    - {id: c, algorithm: PS256, key: "file:no.key"}
    - {id: d, algorithm: PS256, key: "file:none.key"}
    - {id: e, algorithm: RS256, key: "file:old.key", certificate: "file:new.pem"}
    - {id: f, algorithm: ES256, key: "file:ec.key", certificate: "file:no.key"}
    - {id: f, algorithm: ES256, key: "file:ec.key", not_before: yesterday}
    - {id: g, algorithm: ES256, key: "file:ec.key", not_before: 2026-03-01T00:00:00Z, not_after: 2026-02-01T00:00:00Z}
""",
    )
    assert keys is None
    place = "bank.yaml:{}:{} signing.keys[{}]{}: {}"
    assert told == [
        place.format(3, 38, 0, ".key", "an RSA key of 1024 bits is too weak: 2048 are the least"),
        place.format(4, 38, 1, ".key", "ES256 needs a key on the curve P-256, this is one on secp384r1"),
        place.format(5, 38, 2, ".key", "holds no private key in PEM form"),
        place.format(
            6, 38, 3, ".key", f"file:none.key: {secrets.folder}/none.key can not be read: No such file or directory"
        ),
        place.format(7, 67, 4, ".certificate", "the key does not belong to the certificate"),
        place.format(8, 66, 5, ".certificate", "holds no certificate in PEM form"),
        place.format(9, 65, 6, ".not_before", "is not an instant such as 2026-11-22T06:00:00Z"),
        place.format(
            10,
            7,
            7,
            "",
            "is never valid: 'not_before', 'not_after' and the certificate leave no time between them",
        ),
        place.format(9, 12, 6, ".id", "another key has this id: give each its own"),
    ]


def test_a_verification_key_is_no_private_one(secrets: Secrets):
    keys, told = reading(
        read_verification_keys, secrets, 'signing:\n  keys: [{id: a, algorithm: RS256, key: "file:old.key"}]\n'
    )
    assert keys is None
    assert told == [
        "bank.yaml:2:41 signing.keys[0].key: holds neither a public key nor a certificate in PEM form",
    ]
