"""A target: where its inputs come from, and the judgement that must hold for each of them."""

import pathlib
from collections.abc import Callable, Sequence

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

CASES = pathlib.Path(__file__).with_name("cases")


class Target(msgspec.Struct, frozen=True):
    """`judge` raises AssertionError, or whatever the code under it raises, where the invariant is broken."""

    name: str
    invariant: str
    inputs: SearchStrategy[bytes]
    judge: Callable[[bytes], None]
    examples: int = 60
    """How many inputs the suite takes."""
    restated: bool = False
    """Whether the seeds are others' payloads: a finding is then restated in words of our own before it is kept."""

    def cases(self) -> list[pathlib.Path]:
        """What was found before."""
        return sorted((CASES / self.name).glob("*.bin"))


_PLACE = st.integers(0, 0xFFFF)
_KINDS = ("insert", "word", "repeat", "delete", "double", "replace", "cut", "graft")
_EDIT = st.tuples(st.sampled_from(_KINDS), _PLACE, _PLACE, st.binary(max_size=4))


@st.composite
def mutated(draw: DrawFn, seeds: Sequence[bytes], words: Sequence[bytes] = (b"",)) -> bytes:
    """A seed with up to eight edits: bytes, words and pieces of other seeds put in, taken out, doubled."""
    content = draw(st.sampled_from(seeds))
    for kind, first, second, raw in draw(st.lists(_EDIT, max_size=8)):
        at = first % (len(content) + 1)
        end = at + second % 40
        word = words[second % len(words)]
        match kind:
            case "insert":
                content = content[:at] + raw + content[at:]
            case "word":
                content = content[:at] + word + content[at:]
            case "repeat":
                content = content[:at] + word * (second % 60) + content[at:]
            case "delete":
                content = content[:at] + content[end:]
            case "double":
                content = content[:end] + content[at:]
            case "replace":
                content = content[:at] + raw + content[at + len(raw) :]
            case "cut":
                content = content[:at]
            case _:
                other = seeds[second % len(seeds)]
                content = content[:at] + other[at % (len(other) + 1) :]
    return content
