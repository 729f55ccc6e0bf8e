"""`python -m tests.fuzz --seconds 600`: every target in turn, with other inputs each time, until the time is over.

What breaks an invariant, or takes longer than twenty seconds, is shown and kept at its smallest under `cases/`. What
began as a payload of others stays out of the project, in the system's temporary folder, until it is restated.
"""

import argparse
import hashlib
import os
import pathlib
import random
import signal
import sys
import tempfile
import time
import traceback
from types import FrameType

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.catalogue import TARGETS
from tests.fuzz.target import CASES, Target

_ROUND = 300
_TOO_LONG_SECONDS = 20


class TookTooLong(AssertionError):
    """An input that a reader does not come back from."""


def _alarm(_number: int, _frame: FrameType | None) -> None:
    raise TookTooLong


def search(target: Target, number: int) -> bytes | None:
    """The smallest input of one round that breaks the invariant, None where none was met."""
    met: list[bytes] = []

    def judged(content: bytes) -> None:
        signal.alarm(_TOO_LONG_SECONDS)
        try:
            target.judge(content)
        except BaseException:
            met.append(content)
            raise
        finally:
            signal.alarm(0)

    bounds = settings(
        max_examples=_ROUND,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        bounds(seed(number)(given(target.inputs)(judged)))()
    except Exception:  # noqa: BLE001 - whatever it is, it is a finding
        traceback.print_exc()
        return min(met, key=len)
    return None


def main() -> int:
    """Returns how many targets have findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--target", action="append", choices=[target.name for target in TARGETS])
    asked = parser.parse_args()
    signal.signal(signal.SIGALRM, _alarm)
    chosen = [target for target in TARGETS if not asked.target or target.name in asked.target]
    rounds, found = dict.fromkeys((target.name for target in chosen), 0), set()
    ends = time.monotonic() + asked.seconds
    while time.monotonic() < ends:
        for target in chosen:
            if time.monotonic() >= ends:
                break
            smallest = search(target, random.getrandbits(64))
            rounds[target.name] += 1
            if smallest is not None:
                found.add(target.name)
                folder = pathlib.Path(tempfile.gettempdir()) / "fuzz" if target.restated else CASES
                kept = folder / target.name / f"{hashlib.sha256(smallest).hexdigest()[:12]}.bin"
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(smallest)
                print(f"FOUND {target.name}: {target.invariant}\n  kept: {kept}\n  {smallest[:300]!r}", flush=True)
    for name, count in rounds.items():
        print(f"{name:36} {count * _ROUND:9,} inputs{'  FINDINGS' if name in found else ''}")
    return len(found)


if __name__ == "__main__":
    number = main()
    sys.stdout.flush()
    os._exit(1 if number else 0)  # the door's own thread has nothing left to say
