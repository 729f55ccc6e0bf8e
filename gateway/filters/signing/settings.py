"""The settings of `signature` as values; what each means, and the same defaults, stand in the policies' schema."""

from typing import Literal

import msgspec

from gateway.files.quantities import Seconds

REQUEST_TAG, ANSWER_TAG = "fapi-2-request", "fapi-2-response"


class KeySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key by reference; the instants are as written, RFC 3339."""

    id: str
    algorithm: str
    key: str
    certificate: str | None = None
    not_before: str | None = None
    not_after: str | None = None


class KeySetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A JWK set by URL or reference, all of whose keys are used with one algorithm."""

    keys: str
    algorithm: str
    ca: str | None = None
    refresh: Seconds = Seconds(300)
    cooldown: Seconds = Seconds(30)
    max_stale: Seconds = Seconds(86400)


class CallerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A caller, by its token's client or its certificate's identity, and what it may sign with."""

    client: str | None = None
    identity: str | None = None
    keys: tuple[KeySettings, ...] = ()
    key_set: KeySetSettings | None = None

    @property
    def name(self) -> str:
        """What the caller is called, whichever way."""
        return self.client or self.identity or ""


class AnswerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Our keys for answers."""

    keys: tuple[KeySettings, ...]
    tag: str = ANSWER_TAG


class SignatureSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`components` must be covered always, those `if_present` where the request has such a field."""

    origin: str
    callers: tuple[CallerSettings, ...]
    components: tuple[str, ...] = ("@method", "@target-uri", "authorization")
    if_present: tuple[str, ...] = ("dpop", "consent-id")
    tag: str = REQUEST_TAG
    max_age: Seconds = Seconds(60)
    skew: Seconds = Seconds(10)
    replay: Literal["signature", "nonce", "allowed"] = "signature"
    answers: AnswerSettings | None = None
