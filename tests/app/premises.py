"""What any gateway of a test stands on: listeners, a certificate, the authority of its callers, and one key for all."""

import base64
import pathlib

import trustme

SETTINGS = """\
listeners:
  service:
    address: 127.0.0.1:0
    tls:
      {certificate: 'file:server.pem', key: 'file:server.key', client_ca: 'file:ca.pem', client_certificate: optional}
  admin: {address: '127.0.0.1:0'}
  health: {address: '127.0.0.1:0'}
secrets: secrets
keys: {ids: 'file:key', cursors: ['file:key'], hashes: 'file:key'}
files: [files]
"""


def furnish(root: pathlib.Path) -> trustme.CA:
    """Writes the secrets that SETTINGS name; returns the authority, which the gateway's certificate is of too."""
    secrets = root / "secrets"
    secrets.mkdir(parents=True)
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(secrets / "ca.pem"))
    leaf.private_key_pem.write_to_path(str(secrets / "server.key"))
    for blob in leaf.cert_chain_pems:
        blob.write_to_path(str(secrets / "server.pem"), append=True)
    (secrets / "key").write_text(base64.b64encode(b"k" * 32).decode())
    return authority
