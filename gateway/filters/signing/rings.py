"""Whose keys may sign a call: each caller's own, and no caller's for another.

A key id says something only among the keys of the caller that token and certificate have named; two callers may use the
same one. Keys are read when a set of files is loaded; a JWK set is fetched and kept as those of token issuers are.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from gateway.files import Loaded, Path, Problem
from gateway.filters.signing.settings import SignatureSettings
from gateway.filters.tokens.keysets import KeySet, KeySets, KeySetSource
from gateway.secrets import Secrets
from gateway.signatures.algorithms import ALGORITHMS, Algorithm
from gateway.signatures.keys import (
    SigningKeys,
    VerificationKey,
    VerificationKeys,
    Window,
    read_signing_keys,
    read_verification_keys,
)


class Prepared(msgspec.Struct, frozen=True, eq=False):
    """Settings with the keys they refer to: `verifying` of each caller in their order, `signing` ours for answers."""

    settings: SignatureSettings
    verifying: tuple[VerificationKeys | None, ...]
    signing: SigningKeys | None


def prepare(
    settings: SignatureSettings, loaded: Loaded, path: Path, secrets: Secrets, problems: list[Problem]
) -> Prepared | None:
    """Reads the keys of a filter that stands at a path of a file; None where that added problems. Reads secrets."""
    before = len(problems)
    verifying = tuple(
        read_verification_keys(loaded, (*path, "callers", number, "keys"), secrets, problems) if caller.keys else None
        for number, caller in enumerate(settings.callers)
    )
    signing = None
    if settings.answers is not None:
        signing = read_signing_keys(loaded, (*path, "answers", "keys"), secrets, problems)
    return Prepared(settings, verifying, signing) if len(problems) == before else None


class Ring:
    """One caller's keys, those of files and those of its key set."""

    def __init__(
        self, caller: str, keys: VerificationKeys | None, key_set: KeySet | None, algorithm: Algorithm | None
    ) -> None:
        """`caller` is the client or identity whose keys these are; `algorithm` is that of the key set's keys."""
        self.caller = caller
        self._keys = keys
        self._key_set = key_set
        self._algorithm = algorithm

    async def find(self, key_id: str, now: datetime) -> tuple[VerificationKey, ...]:
        """The valid keys of an id. Raises KeysUnavailable where the caller's key set can not be had."""
        found = self._keys.valid(now, key_id) if self._keys is not None else ()
        if found or self._key_set is None or self._algorithm is None:
            return found
        key = await self._key_set.find(key_id, self._algorithm.name)
        return (VerificationKey(key_id, self._algorithm, Window(), key.public, ()),) if key is not None else ()


def build_rings(prepared: Prepared, key_sets: KeySets) -> tuple[Mapping[str, Ring], Mapping[str, Ring]]:
    """The rings by a token's client, and by a certificate's identity."""
    clients: dict[str, Ring] = {}
    identities: dict[str, Ring] = {}
    for caller, keys in zip(prepared.settings.callers, prepared.verifying, strict=True):
        ring = Ring(caller.name, keys, None, None)
        if (source := caller.key_set) is not None:
            named = f"signatures of {caller.name}"
            key_set = key_sets.of(
                KeySetSource(named, source.keys, source.ca, source.refresh, source.cooldown, source.max_stale)
            )
            ring = Ring(caller.name, keys, key_set, ALGORITHMS[source.algorithm])
        if caller.client is not None:
            clients[caller.client] = ring
        if caller.identity is not None:
            identities[caller.identity] = ring
    return clients, identities
