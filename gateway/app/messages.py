"""What the parent and a worker say to each other.

A worker begins with `Start`, prepares the files that came with it, and opens its doors at `Open`. A new set of files
goes in two steps, so that it serves everywhere or nowhere: every worker says `Prepared` or `Unfit`, then all are told
`Take` or `Forget`. A worker that hears nothing more (its parent is gone) drains as if it had been told to.
"""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from gateway.app.report import Report
from gateway.files import Layers, Problem
from gateway.settings import Settings


class Start(msgspec.Struct, frozen=True):
    """The first message to a worker: all that it needs. `sockets` are file descriptors that listen, by listener.

    `lock` is a file whose lock orders the lines of all processes in their one log.
    """

    place: int
    settings: Settings
    sockets: Mapping[str, tuple[int, ...]]
    lock: int | None
    number: int
    layers: Layers


class Prepare(msgspec.Struct, frozen=True):
    """Make this set of files ready."""

    number: int
    layers: Layers


class Take(msgspec.Struct, frozen=True):
    """Serve the set that is ready."""

    number: int


class Forget(msgspec.Struct, frozen=True):
    """The set will not serve."""

    number: int


class Open(msgspec.Struct, frozen=True):
    """Take calls."""


class Ask(msgspec.Struct, frozen=True):
    """Tell how you stand."""

    question: int


class Renew(msgspec.Struct, frozen=True):
    """Read the listeners' certificates anew."""


class Linger(msgspec.Struct, frozen=True):
    """The end is near: every answer is its connection's last."""


class Close(msgspec.Struct, frozen=True):
    """Take no more, and end when the calls in flight are done, or after `grace` seconds."""

    grace: float


class Prepared(msgspec.Struct, frozen=True):
    """A set is ready."""

    number: int


class Unfit(msgspec.Struct, frozen=True):
    """A set can not serve here, and why."""

    number: int
    problems: tuple[Problem, ...]


class Opened(msgspec.Struct, frozen=True):
    """Calls are taken."""


class Told(msgspec.Struct, frozen=True):
    """How the worker stands; every second to no question (0)."""

    question: int
    report: Report


class Ended(msgspec.Struct, frozen=True):
    """The last words: how many connections were cut, and what was counted."""

    cut: int
    report: Report


FromParent: TypeAlias = Prepare | Take | Forget | Open | Ask | Renew | Linger | Close
FromWorker: TypeAlias = Prepared | Unfit | Opened | Told | Ended
