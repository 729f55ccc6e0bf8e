"""What must be held: ratios of processor time to a reference's in the same run, and how they are told.

Each bar has what is asked of the gateway now, or nothing yet, and where it is going.
"""

from typing import NamedTuple

from tests.bench.proxies import GATEWAY, PLAIN


class Bar(NamedTuple):
    """One ratio: names of rows, `who/rows`; `now` and `goal` are the most that it may be."""

    work: str
    against: str
    now: float | None
    goal: float


BARS = (
    Bar(f"{GATEWAY}/100", "nginx-lua/100", 1.0, 0.75),
    Bar(f"{GATEWAY}/20", "nginx-lua/20", None, 1.6),
    Bar(f"{GATEWAY}/20", "node-jsonata/20", None, 0.22),
    Bar(f"{GATEWAY}/20", "aiohttp-bare/20", 2.8, 2.8),
    Bar(f"{GATEWAY}/1", "aiohttp-bare/1", None, 2.0),
    Bar(f"{PLAIN}/20", "envoy/20", 3.5, 3.0),
    Bar("mapping-alone/100", "python-hand/100", None, 0.65),
    Bar("mapping-alone/1", "python-hand/1", None, 1.0),
    Bar("match/10000", "match/10", None, 1.1),
    Bar("load-1000-mappings", "one second", None, 5.0),
)


class Told(NamedTuple):
    """A bar with what was measured; no ratio where one of the rows is missing or void."""

    bar: Bar
    ratio: float | None

    @property
    def line(self) -> str:
        """The bar as a line of the table."""
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}"
        now = "" if self.bar.now is None else f"<= {self.bar.now:<5}{_verdict(self.ratio, self.bar.now)}"
        goal = f"<= {self.bar.goal:<5}{_verdict(self.ratio, self.bar.goal)}"
        return f"{self.bar.work:20}{self.bar.against:18}{ratio:>7}   {now:22}{goal}"

    @property
    def entries(self) -> list[dict[str, object]]:
        """The bar as the last line has it: one entry for what is asked now, one for the goal where that differs."""
        asked = {"now": self.bar.now, "goal": self.bar.goal}
        if self.bar.now == self.bar.goal:
            del asked["goal"]
        return [
            {"work": self.bar.work, "against": self.bar.against, "ratio": self.ratio, "bar": most, "due": due}
            for due, most in asked.items()
            if most is not None
        ]


def _verdict(ratio: float | None, most: float) -> str:
    if ratio is None:
        return "not measured"
    return "met" if ratio <= most else "MISSED"


HEADING = f"{'work':20}{'against':18}{'ratio':>7}   {'asked now':22}goal"
