"""`gateway simulate` tells in one line what it can not start with."""

import pathlib

import pytest
import trustme

from tests.signatures.pems import private_pem


@pytest.fixture
def options(tmp_path: pathlib.Path) -> tuple[str, ...]:
    """What every start needs."""
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "curve.key").write_bytes(private_pem("P-256"))
    server, ca = str(tmp_path / "server.pem"), str(tmp_path / "ca.pem")
    given = ("--certificate", server, "--key", server, "--client-ca", ca, "--signers", ca)
    return (*given, "--any-ports", "--admin-port", "0")


def test_signers_need_the_banks_own_key(inside, options: tuple[str, ...]):
    told = inside("simulate", *options)
    assert told == (2, "", ["gateway: --signers and --signing-key go together"])


def test_a_key_that_can_not_be_used_is_named(inside, options: tuple[str, ...], tmp_path: pathlib.Path):
    key = tmp_path / "curve.key"
    told = inside("simulate", *options, "--signing-key", str(key))
    assert told == (1, "", [f"gateway: {key}: holds no RSA key in PEM form"])
    told = inside("simulate", *options, "--signing-key", str(tmp_path / "none.key"))
    assert told == (1, "", [f"gateway: {tmp_path}/none.key: there is no such file"])
