"""`gateway review`: an operator lists, opens and removes what was kept, and is told in one line what can not be."""

import asyncio
import base64
import pathlib

import msgspec
import pytest

from gateway.secrets import Sealer, Secret
from gateway.store.reviews import Reviews
from tests.app.house import build
from tests.store.kept import REVIEW

KEY = bytes([7]) * 32


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> pathlib.Path:
    """A gateway's settings with one review kept."""
    settings = build(tmp_path)
    (tmp_path / "reviews").mkdir()
    (tmp_path / "secrets/reviews.key").write_bytes(base64.b64encode(KEY))
    with settings.open("a") as file:
        file.write('reviews: {folder: reviews, keys: ["file:reviews.key"], most: 5}\n')
    return settings


@pytest.fixture
def name(settings: pathlib.Path) -> str:
    review = msgspec.structs.replace(
        REVIEW,
        headers=((b"Content-Type", b"application/json"), (b"X-Odd", b"caf\xc3\xa9")),
        body=b'{"rows":[]}',
    )
    name = asyncio.run(Reviews(settings.parent / "reviews", Sealer([Secret(KEY)]), 5, 1 << 20).keep(review))
    assert name is not None
    return name


def test_a_review_is_listed_opened_and_removed(inside, settings: pathlib.Path, name: str):
    code, listed, told = inside("review", "list", "--settings", str(settings))
    assert (code, told) == (0, [])
    assert listed.splitlines()[1].split()[:4] == [name, "albion", "accounts.list", "200"]
    assert "the signature does not fit the body" in listed
    code, opened, told = inside("review", "open", name, "--settings", str(settings))
    assert (code, told) == (0, [])
    assert opened == (
        'GET https://api.albion.example/accounts\n200\nContent-Type: application/json\nX-Odd: café\n\n{"rows":[]}'
    )
    assert inside("review", "remove", name, "--settings", str(settings)) == (0, f"removed {name}\n", [])
    code, listed, _ = inside("review", "list", "--settings", str(settings))
    assert (code, len(listed.splitlines())) == (0, 1)


def test_what_can_not_be_opened_is_listed_all_the_same(inside, settings: pathlib.Path, name: str):
    (settings.parent / "reviews" / f"{name}.sealed").write_text("changed")
    _, listed, _ = inside("review", "list", "--settings", str(settings))
    assert "can not be opened with these keys" in listed
    told = inside("review", "open", name, "--settings", str(settings))
    assert told == (1, "", [f"gateway: the review {name} can not be opened: not sealed by us"])


@pytest.mark.parametrize("command", ["open", "remove"])
def test_a_review_that_is_not_there_is_told(inside, settings: pathlib.Path, command: str):
    told = inside("review", command, "../gateway.yaml", "--settings", str(settings))
    assert told == (1, "", ["gateway: there is no review '../gateway.yaml'"])


def test_settings_without_a_folder_say_so(inside, tmp_path: pathlib.Path):
    told = inside("review", "list", "--settings", str(build(tmp_path)))
    assert told == (1, "", ["gateway: the settings name no folder for reviews: add 'reviews'"])
