"""A gateway's folder as an operator has it: settings, secrets, certificates, a layer of files with two banks."""

import pathlib

from tests.app import premises

ROUTES = """
defaults: {timeout: 5s, body_limit: 0B, filters: []}
routes:
  - {name: open-banks, method: GET, path: /open/banks, operation: banks.list, public: true}
"""
BANK = """
title: Bank %s
dialect: uk_openbanking
version: "3.1.11"
environment: sandbox
country: GB
zone: Europe/London
network: private
base_urls: {default: 'https://127.0.0.1:9/%s'}
"""
OVERLAY = """
mapping: uk_openbanking/one/accounts.list
version: %s
extends: uk_openbanking/accounts.list
fields: {label: {const: %s}}
"""
SETTINGS = premises.SETTINGS + "drain: {notice: 0s, grace: 5s}\nbanks: [one, two]\n"


def build(root: pathlib.Path) -> pathlib.Path:
    """Writes all of it; returns the settings file. The layer is in `files`."""
    premises.furnish(root)
    write(root, "policies/open.yaml", ROUTES)
    for name in ("one", "two"):
        write(root, f"adapters/banks/{name}.yaml", BANK % (name, name))
    write(root, "mappings/uk_openbanking/one/accounts.list.yaml", OVERLAY % (1, "first"))
    (root / "gateway.yaml").write_text(SETTINGS)
    return root / "gateway.yaml"


def write(root: pathlib.Path, name: str, text: str) -> pathlib.Path:
    """Writes a file of the layer."""
    path = root / "files" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.lstrip())
    return path


def bare(tree: pathlib.Path, *more: str) -> pathlib.Path:
    """The gateway as it ships, but without banks and mappings, which processes would each compile for nothing.

    `more` are paths of what is wanted all the same.
    """
    ours = pathlib.Path(__file__).parents[2]
    wanted = ("mappings/canonical", "mappings/mapping.schema.json", "policies/policy.schema.json", *more)
    code = [path.relative_to(ours) for path in (ours / "adapters").iterdir() if path.name != "banks"]
    for name in ("gateway", *wanted, "adapters/banks/bank.schema.json", *code):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).symlink_to(ours / name)
    return tree
