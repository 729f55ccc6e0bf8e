"""Files are edited while the gateway runs: a good edit serves the next call, a bad one is refused and told."""

import time
from collections.abc import Callable
from typing import Any

from gateway.demo.calls import Service, ask
from gateway.demo.screen import Screen
from gateway.demo.stage import Stage
from gateway.demo.steps.proving import ALBION, prove, records

_RELOAD_SECONDS = 10.0
_LOOK_SECONDS = 0.05
_FILE = "mappings/uk_openbanking/albion-sandbox/accounts.list.yaml"
_GOOD = """\
mapping: uk_openbanking/albion-sandbox/accounts.list
extends: uk_openbanking/accounts.list
version: 2
fields:
  label: {join: [$.Nickname, {pick: "$.Account[*]", value: $.Name}], with: " of "}
"""


def good_edit(stage: Stage, screen: Screen) -> None:
    """A bank's own overlay says one field differently."""
    before = _label(stage, screen)
    generation = _files(stage)["generation"]
    screen.say(f"files/{_FILE}, a new file that says only what is different at this bank:")
    screen.lines(_GOOD.splitlines())
    stage.folder.write(_FILE, _GOOD)
    _wait(stage, lambda files: files["generation"] > generation)
    after = _label(stage, screen)
    screen.say(f"label before: {before}")
    screen.say(f"label after:  {after}")
    prove(screen, before in after and before != after, "the next answer has the change; nothing was restarted")


def broken_edit(stage: Stage, screen: Screen) -> None:
    """A misspelt field: refused with its place and the remedy."""
    before, generation = _label(stage, screen), _files(stage)["generation"]
    broken = _GOOD.replace("label:", "lable:")
    line = next(number for number, text in enumerate(broken.splitlines(), 1) if "lable" in text)
    screen.say(f"the same file, line {line}: `label` is misspelt as `lable`")
    stage.folder.write(_FILE, broken)
    told = _wait(stage, lambda files: bool(files["last_refusal"]))["last_refusal"]
    for problem in told:
        screen.lines([problem.replace(f"{stage.folder.root}/", "")])
    place = f"files/{_FILE}:{line}:3 "
    prove(screen, any(place in one for one in told), "refused, with file:line:column and what was meant")
    same = _label(stage, screen) == before and _files(stage)["generation"] == generation
    prove(screen, same, f"generation {generation} goes on serving, and the answer is as it was")
    stage.folder.write(_FILE, _GOOD)
    _wait(stage, lambda files: not files["last_refusal"])


def _label(stage: Stage, screen: Screen) -> str:
    page = records(screen, Service(stage).get("/v1/accounts", ALBION.id), "accounts", ALBION)
    return str(page[0]["label"])


def _files(stage: Stage) -> dict[str, Any]:
    """What /status says of the files that serve."""
    files: dict[str, Any] = ask("GET", f"{stage.admin}/status").json["files"]
    return files


def _wait(stage: Stage, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Looks at /status until it is so, or too long has passed; what it says then."""
    end = time.monotonic() + _RELOAD_SECONDS
    while True:
        files = _files(stage)
        if until(files) or time.monotonic() > end:
            return files
        time.sleep(_LOOK_SECONDS)
