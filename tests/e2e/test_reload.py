"""Files are changed under a gateway that serves: good ones serve the next call, bad ones none."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.demo.calls import Answer, ask
from gateway.demo.stage import Stage
from tests.e2e.surroundings import Caller, Faults

BANK = "patient-lutece"
FILE = f"mappings/stet/{BANK}/accounts.list.yaml"
GOOD = f"""\
mapping: stet/{BANK}/accounts.list
extends: stet/accounts.list
version: 7
fields:
  label: {{const: edited}}
"""
SECONDS = 15.0


def state(stage: Stage) -> dict[str, Any]:
    files: dict[str, Any] = ask("GET", f"{stage.admin}/status").json["files"]
    return files


def wait(stage: Stage, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    end = time.monotonic() + SECONDS
    while not until(found := state(stage)):
        assert time.monotonic() < end, f"the files were not looked at: {found}"
        time.sleep(0.02)
    return found


@pytest.fixture
def edit(stage: Stage) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Writes the bank's overlay and waits until the gateway has judged it; afterwards the overlay is gone again."""
    path = stage.folder.files / FILE

    def write(content: str) -> dict[str, Any]:
        before = state(stage)
        stage.folder.write(FILE, content)
        return wait(stage, lambda now: (now["hash"], now["last_refusal"]) != (before["hash"], before["last_refusal"]))

    untouched = state(stage)["hash"]
    yield write
    if path.exists():
        path.unlink()
        wait(stage, lambda now: now["hash"] == untouched and not now["last_refusal"])


def test_a_good_edit_serves_the_next_call(stage: Stage, caller: Caller, edit: Callable[[str], dict[str, Any]]) -> None:
    before, generation = caller.accounts(BANK)[0], state(stage)["generation"]
    after = edit(GOOD)
    assert after["generation"] == generation + 1
    record = caller.accounts(BANK)[0]
    assert (record["label"], record["source"]["mapping"]) == ("edited", f"stet/{BANK}/accounts.list@7")
    assert before["label"] != "edited"
    assert record["id"] == before["id"], "an account keeps its id"
    assert caller.accounts("camille-at-lutece")[0]["label"] == before["label"], "other banks keep their mapping"


BROKEN = {
    "a misspelt field": (GOOD.replace("label", "lable"), "5:3", "did you mean 'label'?"),
    "no YAML": (GOOD.replace("}", ""), "6:1", "not YAML"),
    "a path that the shape does not have": (GOOD.replace("{const: edited}", "$.surname"), "5:10", "surname"),
    "a value that the contract does not take": (
        GOOD.replace("label: {const: edited}", "type: {const: pirate}"),
        "5:",
        "pirate",
    ),
    "a base that is not there": (GOOD.replace("extends: stet/acc", "extends: stet/ac"), "2:10", "did you mean"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_edit_is_told_with_its_place_and_serves_nothing(
    stage: Stage, caller: Caller, edit: Callable[[str], dict[str, Any]], name: str
) -> None:
    content, place, words = BROKEN[name]
    label, generation = caller.accounts(BANK)[0]["label"], state(stage)["generation"]
    told = edit(content)["last_refusal"]
    assert any(f"{FILE}:{place}" in one and words in one for one in told), told
    assert state(stage)["generation"] == generation
    assert caller.accounts(BANK)[0]["label"] == label
    gateway = stage.children[-1]
    assert gateway.first(lambda line: line if "files refused, the old ones go on serving" in line else None)


def test_a_call_ends_on_the_files_it_began_with(
    caller: Caller, faults: Faults, edit: Callable[[str], dict[str, Any]]
) -> None:
    label = caller.accounts(BANK)[0]["label"]
    faults.forget()
    faults.set("lutece", {"kind": "latency", "milliseconds": 8000, "count": 1})
    answers: list[Answer] = []
    under_way = threading.Thread(target=lambda: answers.append(caller.get("/v1/accounts", BANK)))
    under_way.start()
    end = time.monotonic() + SECONDS
    while not faults.seen("lutece"):
        assert time.monotonic() < end, "the bank was not asked"
        time.sleep(0.02)
    edit(GOOD)
    assert not answers, "the call was to be still under way"
    assert caller.accounts(BANK)[0]["label"] == "edited"
    under_way.join()
    assert answers[0].json["accounts"][0]["label"] == label
