"""The only place that wires parts together."""

import json

from gateway.banks.inheritance import FOLDER as BANKS
from gateway.banks.inheritance import BankFiles
from gateway.contract import BankProfile
from gateway.files import Layers, Problem, Refused, Schema, near


def find_bank(layers: Layers, name: str) -> BankProfile:
    """What a bank's file says of its data: title, zone, BIC, lineage. Abstract bases too. Raises Refused."""
    schema = layers.locate(f"{BANKS}/bank.schema.json")
    assert schema is not None, "bank.schema.json ships with the gateway"
    files = BankFiles(layers, Schema(json.loads(schema.read_bytes())))
    if name not in files.names:
        raise Refused([Problem(f"{BANKS}/{name}.yaml", 1, 1, "", f"there is no such bank file{near(name, files.names)}")])
    merged = files.merged(name)
    if merged is None:
        raise Refused(files.problems)
    value = merged.value
    return BankProfile(
        name=name,
        title=value.get("title", name),
        dialect=value.get("dialect", ""),
        version=value.get("version", ""),
        zone=value.get("zone", "UTC"),
        base_urls=value.get("base_urls", {}),
        bic=value.get("bic"),
        lineage=merged.lineage,
    )
