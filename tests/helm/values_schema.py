"""The parts of the chart's schema that the gateway's own files say: `python tests/helm/values_schema.py` writes them.

`settings` and `listeners.*.settings` take what the gateway's settings take, less what the chart says itself; the names
of alerts that can be left out are those of the rules. Everything else in values.schema.json is written by hand.
"""

import copy
import json
import pathlib
from typing import Any

import yaml

HELM = pathlib.Path(__file__).parents[2] / "helm"
SETTINGS = HELM.parent / "gateway/settings.schema.json"
FILE = HELM / "values.schema.json"
PREFIX = "gateway_"
# What the chart composes from other values: addresses, folders, references to what it mounts.
OF_THE_CHART = ("listeners", "files", "secrets", "keys", "consents", "reviews")
OF_A_LISTENER = ("address",)
OF_TLS = ("certificate", "key", "client_ca")


def built() -> dict[str, Any]:
    """The whole schema as it should stand in the file."""
    schema: dict[str, Any] = json.loads(FILE.read_text())
    written = {name: part for name, part in schema["$defs"].items() if not name.startswith(PREFIX)}
    schema["$defs"] = {**written, **_generated()}
    without = schema["properties"]["monitoring"]["properties"]["rules"]["properties"]["without"]
    without["items"] = {"enum": alerts()}
    return schema


def alerts() -> list[str]:
    """The names of all alerts, in their order."""
    groups = yaml.safe_load((HELM / "alerts/gateway.yaml").read_text())["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"]]


def _generated() -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(SETTINGS.read_text())
    listeners = settings["properties"]["listeners"]["properties"]
    found = {f"{PREFIX}{name}": part for name, part in settings["$defs"].items()}
    whole = {name: part for name, part in settings["properties"].items() if name not in OF_THE_CHART}
    if "redis" in whole:
        whole["redis"] = _less(whole["redis"], ("url",))
    found[f"{PREFIX}settings"] = {"type": "object", "additionalProperties": False, "properties": whole}
    for name in ("service", "public", "admin"):
        found[f"{PREFIX}listener_{name}"] = _less(listeners[name], OF_A_LISTENER)
    found[f"{PREFIX}tls"] = _less(found[f"{PREFIX}tls"], OF_TLS)
    return {name: _in_place(part) for name, part in found.items()}


def _less(part: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """An object's schema without some of its properties, and without what it asks of them."""
    left = copy.deepcopy(part)
    left["properties"] = {name: one for name, one in part["properties"].items() if name not in names}
    left["required"] = [name for name in part.get("required", ()) if name in left["properties"] and name != "tls"]
    depends = part.get("dependentRequired", {})
    left["dependentRequired"] = {
        name: kept for name, others in depends.items() if (kept := [one for one in others if one not in names])
    }
    for word in ("if", "then"):  # what else must be said where something is said: the chart's templates see to it
        left.pop(word, None)
    return {word: one for word, one in left.items() if one or word not in {"required", "dependentRequired"}}


def _in_place(part: Any) -> Any:
    """The same with its references moved, in words that Helm knows (its patterns have no look-ahead)."""
    if isinstance(part, list):
        return [_in_place(one) for one in part]
    if not isinstance(part, dict):
        return part
    moved = {}
    for word, one in part.items():
        if word == "$ref":
            moved[word] = one.replace("#/$defs/", f"#/$defs/{PREFIX}")
        elif word == "required" and one == ["certificate", "key", "client_ca"][: len(one)]:
            continue
        elif word == "not":
            # What does not match may be a secret: an `else` that nothing fulfils is told without the value.
            pattern = one["pattern"].removeprefix("^(?!").removesuffix(")")
            assert len(pattern) == len(one["pattern"]) - 5, one
            moved["if"], moved["else"] = {"pattern": f"^{pattern}"}, False
        elif not word.startswith("x-"):
            moved[word] = _in_place(one)
    return moved


if __name__ == "__main__":
    FILE.write_text(json.dumps(built(), indent=2, ensure_ascii=False) + "\n")
