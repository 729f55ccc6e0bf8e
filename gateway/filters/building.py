"""What the filters and handlers of a route table are built from; `app.py` makes one for every set of files."""

from collections.abc import Callable, Mapping

import msgspec

from gateway.contract import Clock
from gateway.exchange import ConsentStore, Handler
from gateway.filters.tokens.keysets import KeySets
from gateway.store.counters import Counters
from gateway.store.replays import ReplaySet
from gateway.upstreams import UpstreamSettings


class Building(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that a table stands on; `operations` and `upstream` give a route's innermost handler.

    `key_sets`, `counters` and `replays` outlive a table: a reload neither fetches keys anew nor forgets what was
    counted or came once. `local_counters` are this process's own, for when `counters` can not be asked.
    `monotonic` answers seconds, `new_id` a UUID, `hash_consent` the keyed hash under which telemetry knows a consent.
    """

    operations: Mapping[str, Handler]
    upstream: Callable[[UpstreamSettings], Handler]
    consents: ConsentStore
    counters: Counters
    local_counters: Counters
    replays: ReplaySet
    key_sets: KeySets
    hash_consent: Callable[[str], str]
    clock: Clock
    monotonic: Callable[[], float]
    new_id: Callable[[], str]
