"""References lead to bytes, or to a message that names the reference and never what stands there."""

import base64
import pathlib

import pytest

from gateway.secrets import Secret, Secrets, SecretUnreadable

KEY = bytes(range(32))


@pytest.fixture
def secrets(tmp_path: pathlib.Path) -> Secrets:
    (tmp_path / "banks").mkdir()
    (tmp_path / "banks" / "token").write_bytes(b"canary-token\r\n")
    (tmp_path / "key").write_bytes(base64.b64encode(KEY) + b"\n")
    (tmp_path / "short").write_bytes(base64.b64encode(b"canary"))
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "prose").write_bytes(b"canary is not a key!")
    return Secrets(tmp_path, {"TOKEN": "from-the-environment", "EMPTY": ""})


def test_a_file_of_the_folder_is_read_as_it_stands(secrets: Secrets):
    assert secrets.read("file:banks/token") == b"canary-token\r\n"
    assert secrets.text("file:banks/token") == "canary-token"


def test_an_absolute_path_needs_no_folder(secrets: Secrets, tmp_path: pathlib.Path):
    assert Secrets(None, {}).read(f"file:{tmp_path}/banks/token") == secrets.read("file:banks/token")


def test_a_variable_of_the_environment_is_read(secrets: Secrets):
    assert secrets.read("env:TOKEN") == b"from-the-environment"


@pytest.mark.parametrize("written", [base64.b64encode(KEY), base64.urlsafe_b64encode(KEY).rstrip(b"=")])
def test_a_key_is_base64_in_either_alphabet(written: bytes, tmp_path: pathlib.Path):
    (tmp_path / "key").write_bytes(written)
    assert Secrets(tmp_path, {}).key("file:key").reveal() == KEY


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("file:absent", "file:absent: {folder}/absent can not be read: No such file or directory"),
        ("file:empty", "file:empty: {folder}/empty is empty"),
        ("file:banks", "file:banks: {folder}/banks can not be read: Is a directory"),
        ("file:../outside", "file:../outside: leaves the folder of secrets; write an absolute path"),
        ("env:ABSENT", "env:ABSENT: the variable ABSENT is not set"),
        ("env:EMPTY", "env:EMPTY: the variable EMPTY is not set"),
        ("vault:x", "not a reference (it is not shown, it may be a secret): write file:NAME or env:NAME"),
        ("file:", "not a reference (it is not shown, it may be a secret): write file:NAME or env:NAME"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(secrets: Secrets, reference: str, message: str):
    with pytest.raises(SecretUnreadable) as refused:
        secrets.read(reference)
    assert str(refused.value) == message.format(folder=secrets.folder)


def test_a_relative_file_without_a_folder_is_refused():
    with pytest.raises(SecretUnreadable, match="no folder of secrets is configured"):
        Secrets(None, {}).read("file:key")


def test_a_file_larger_than_any_secret_is_refused(tmp_path: pathlib.Path):
    (tmp_path / "large").write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(SecretUnreadable, match="larger than 1 MiB"):
        Secrets(tmp_path, {}).read("file:large")


@pytest.mark.parametrize("reference", ["file:short", "file:prose", "file:binary"])
def test_a_key_of_another_form_is_refused_without_being_shown(secrets: Secrets, reference: str):
    with pytest.raises(SecretUnreadable) as refused:
        secrets.key(reference)
    assert str(refused.value).startswith(reference)
    assert "canary" not in str(refused.value)


def test_a_secret_shows_itself_to_nobody():
    secret = Secret(b"canary")
    shown = f"{secret} {secret!r} {[secret]}"
    assert "canary" not in shown
    assert secret.reveal() == b"canary"


def test_where_references_lead_is_shown_without_the_environment():
    assert repr(Secrets(pathlib.Path("/run/secrets"), {"TOKEN": "canary"})) == "Secrets(/run/secrets)"
