"""Secrets stand in files and settings only as references; what a reference names is read here, and nowhere shown.

`file:NAME` is a file of the configured folder (or an absolute path), `env:NAME` a variable of the environment. A
failure names the reference, never the value.
"""

from gateway.secrets.addresses import ServerAddress, read_redis_address
from gateway.secrets.chains import CertificateUnusable, load_chain, load_lists
from gateway.secrets.references import Secret, Secrets, SecretUnreadable
from gateway.secrets.sealing import Sealer

__all__ = [
    "CertificateUnusable",
    "Sealer",
    "Secret",
    "SecretUnreadable",
    "Secrets",
    "ServerAddress",
    "load_chain",
    "load_lists",
    "read_redis_address",
]
