"""What is right only where all processes count together, and is refused where each would count for itself."""

from collections.abc import Iterator

from gateway.app.files import FileSet
from gateway.files import Problem
from gateway.settings import RedisSettings

_COUNTING = {
    "rate_limit": "would each let the whole limit through",
    "signature": "would each take a request that another has taken already",
}
"""Filters that count, and what would happen otherwise."""


def uncounted(files: FileSet, redis: RedisSettings | None, workers: int) -> Iterator[Problem]:
    """The filters that each worker would count for itself: none with a Redis, or with one process."""
    if redis is not None or workers == 1:
        return
    for policy in files.policies:
        for name, consequence in _COUNTING.items():
            listed = policy.listed(name)
            if listed is not None and getattr(listed.settings, "replay", None) != "allowed":
                told = f"{workers} workers {consequence}: set 'redis' in the settings, or serve with one"
                yield listed.loaded.problem(listed.path, told)
