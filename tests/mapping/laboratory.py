"""A bank of our own making, so that a test shows the whole of a mapping: its shape, its file, a payload, the page."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import msgspec

from gateway.files import Layers, shipped
from gateway.mapping.cases import KEY
from gateway.mapping.library import Library, read_library
from gateway.mapping.pages import MappingCall
from gateway.mapping.records import BoundMapping, MappedPage
from gateway.mapping.target import Target

ACCOUNT = KEY.account("tenant", "bank", "resource", "account", "")
CALL = MappingCall(
    tenant="tenant",
    bank="bank",
    bank_title="Bank",
    bank_bic=None,
    fetched_at="2026-01-01T00:00:00.000Z",
    raw_ref=None,
    account_id=ACCOUNT,
    resource_id="account",
)

SHAPES = {
    "rows": """
type: object
required: [rows]
properties:
  next: {type: string}
  holder: {type: object, properties: {name: {type: string}}}
  rows:
    type: array
    items:
      type: object
      properties:
        id: {type: [string, number]}
        state: {type: string}
        amount: {type: [string, number]}
        currency: {type: string}
        direction: {type: string}
        day: {type: string}
        text: {type: string}
        count: {type: integer}
        open: {type: boolean}
        notes: {type: array, items: {type: string}}
        numbers: {type: array, items: {type: object, properties: {kind: {type: string}, value: {type: string}}}}
        unread: {type: integer}
""",
}
TRANSACTIONS = """
mapping: testing/transactions.list
version: 1
shape: 1/rows
target: transaction
records: $.rows[*]
fields:
  status: {path: $.state, lookup: {B: booked, P: pending}}
  amount:
    value: {path: $.amount, as: decimal, sign: {path: $.direction, negative: D, positive: C, missing: as_is}}
    currency: {path: $.currency, as: currency}
  booked_on: {path: $.day, as: local_date, when: {status: booked}}
  booked_at: {path: $.day, as: instant, when: {status: booked}}
  remittance:
    additional: $.text
identity:
  bank: $.id
page: {next: $.next}
"""
ACCOUNTS = """
mapping: testing/accounts.list
version: 1
shape: 1/rows
target: account
records: $.rows[*]
fields:
  identifications:
    each: $.numbers[*]
    value:
      first:
        - when: {path: $.kind, is: IBAN}
          fields: {scheme: {const: iban}, value: {path: $.value, as: iban}}
        - fields:
            scheme: {path: $.kind, lookup: {BBAN: bban, "*": other}}
            value: {path: $.value, as: compact}
  currency: {path: $.currency, as: currency}
  type: {const: current}
  label: $.text
identity: {resource: $.id}
page: {next: $.next}
"""
ROW: dict[str, Any] = {
    "id": "1", "state": "B", "amount": "1.00", "currency": "EUR", "direction": "C", "day": "2026-01-02", "text": "x"
}  # fmt: skip
"""A transaction of the bank that TRANSACTIONS reads."""


def rows(*changes: dict[str, Any]) -> dict[str, Any]:
    """A page of as many transactions: each ROW, so changed, with its number as its id unless another is given."""
    return {"rows": [{**ROW, "id": str(number), **change} for number, change in enumerate(changes)]}


def place(root: pathlib.Path, *mappings: str, shapes: Mapping[str, str] = SHAPES, **others: str) -> Layers:
    """Writes mappings where their names say, and shapes, beside the contract that ships. `others` are files by path."""
    folder = root / "mappings"
    (folder / "testing" / "1" / "shapes").mkdir(parents=True, exist_ok=True)
    for name in ("canonical", "mapping.schema.json"):
        if not (folder / name).exists():
            (folder / name).symlink_to(shipped() / "mappings" / name)
    for name, text in shapes.items():
        (folder / "testing" / "1" / "shapes" / f"{name}.yaml").write_text(text.lstrip())
    for text in mappings:
        name = text.split("mapping:")[1].split()[0]
        others[name] = text
    for name, text in others.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip("\n"))
    return Layers((root,))


def compiled(root: pathlib.Path, *mappings: str, **settings: Any) -> Library:
    """The library of what `place` writes. Raises Refused."""
    return read_library(place(root, *mappings, **settings))


def bound(library: Library, name: str, zone: str = "UTC", contract: dict[str, Target] | None = None) -> BoundMapping:
    """A mapping of the library, bound to a zone and the key of cases."""
    return BoundMapping(library.mappings[name], contract or library.contract.records, zone, KEY)


def run(
    mapping: BoundMapping, document: object, call: MappingCall = CALL, headers: Mapping[str, str] | None = None
) -> MappedPage:
    """Maps a document: bytes as they are, anything else as JSON."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return mapping.run(body, headers or {}, call)


def rendered(page: MappedPage) -> Any:
    """The page as a caller reads it."""
    return msgspec.json.decode(page.render(page.next))


def page_validator() -> jsonschema_rs.Validator:
    """What judges a page by the contract that ships, formats of dates and instants included."""
    folder = shipped() / "mappings" / "canonical" / "v1"
    schemas = {path.name: json.loads(path.read_bytes()) for path in folder.glob("*.json")}
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in schemas.values()])
    return jsonschema_rs.validator_for(schemas["page.schema.json"], registry=registry, validate_formats=True)
