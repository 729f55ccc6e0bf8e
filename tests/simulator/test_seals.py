"""What signatures stand on is read from files, and a file that can not be used is named."""

import pathlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.simulator.seals import SealsUnusable, read_seals
from tests.signatures.pems import private_pem
from tests.simulator.sealed import authority, issued


@pytest.fixture
def files(tmp_path: pathlib.Path) -> dict[str, pathlib.Path]:
    contents = {
        "signers": issued().public_bytes(Encoding.PEM),
        "authorities": authority().public_bytes(Encoding.PEM),
        "key": private_pem("RSA", "bank"),
        "curve": private_pem("P-256"),
        "nothing": b"CANARY",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in contents}


def test_certificates_and_key_are_read(files: dict[str, pathlib.Path]):
    seals = read_seals(files["signers"], files["authorities"], files["key"])
    assert seals.registered == (issued(),)
    assert seals.issued(issued())
    assert not seals.issued(issued(issuer_key="elsewhere"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("nothing", "authorities", "key"), "nothing: holds no certificates in PEM form"),
        (("signers", "absent", "key"), "absent: holds no certificates in PEM form"),
        (("signers", "authorities", "curve"), "curve: holds no RSA key in PEM form"),
        (("signers", "authorities", "nothing"), "nothing: holds no RSA key in PEM form"),
    ],
)
def test_what_can_not_be_used_is_named(files: dict[str, pathlib.Path], tmp_path, given: tuple[str, ...], told: str):
    with pytest.raises(SealsUnusable) as caught:
        read_seals(*(files.get(name, tmp_path / name) for name in given))
    assert str(caught.value) == f"{tmp_path}/{told}"
