"""Keys are read when a set of files is loaded; what is wrong with them is told at its place, all at once."""

import json

import pytest

from gateway.files import Refused
from tests.filters.calling import Gateway
from tests.filters.signed_calls import policy, write_keys
from tests.signatures.pems import private_pem, public_pem

POLICY = """
defaults:
  filters:
    - {name: mtls}
    - name: signature
      origin: https://gateway.example
      callers:
        - identity: spiffe://test/one
          keys:
            - {id: weak, algorithm: PS256, key: "file:weak.pem"}
            - {id: curve, algorithm: ES256, key: "file:curve.pem"}
            - {id: gone, algorithm: EdDSA, key: "file:gone.pem"}
        - identity: spiffe://test/two
          keys:
            - {id: two, algorithm: ES256, key: "file:good.pem"}
            - {id: two, algorithm: ES256, key: "file:good.pem"}
            - {id: secret, algorithm: ES256, key: "file:private.pem"}
      answers:
        keys: [{id: ours, algorithm: ES256, key: "file:private.pem", not_after: "2026-13-01T00:00:00Z"}]
routes:
  - {name: banks-list, method: GET, path: /v1/banks, operation: banks.list}
  - {name: accounts-list, method: GET, path: /v1/banks2, operation: banks.list}
"""


def test_unfit_and_unreadable_keys_refuse_the_table(tmp_path):
    (tmp_path / "weak.pem").write_bytes(public_pem("RSA-1024"))
    (tmp_path / "curve.pem").write_bytes(public_pem("P-384"))
    (tmp_path / "good.pem").write_bytes(public_pem("P-256"))
    (tmp_path / "private.pem").write_bytes(private_pem("P-256"))
    with pytest.raises(Refused) as caught:
        Gateway(tmp_path, POLICY)
    told = [str(problem).partition(" ") for problem in caught.value.problems]
    assert [place for place, _, _ in told] == [
        "policies/one.yaml:10:49",
        "policies/one.yaml:11:50",
        "policies/one.yaml:12:49",
        "policies/one.yaml:16:20",
        "policies/one.yaml:17:51",
        "policies/one.yaml:19:81",
    ]
    whole = " ".join(message for _, _, message in told)
    for why in ("1024 bits is too weak", "curve P-256", "can not be read", "another key has this id", "not an instant"):
        assert why in whole


def test_a_table_whose_keys_are_fit_is_built(tmp_path):
    write_keys(tmp_path)
    rows = Gateway(tmp_path, policy()).table.rows()
    assert [(row.name, row.filters[-1]) for row in rows] == [
        ("reports", "signature"),
        ("reports", "signature"),
        ("banks-list", "signature"),
    ]
    assert json.loads(policy())["routes"][0]["name"] == "banks-list"
