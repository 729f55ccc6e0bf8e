"""The paths of mapping files: RFC 9535 singular queries, plus `[*]`; anything else of JSONPath is refused by name.

`$.Amount.Amount`, `$['a b'].c`, `$.links[0].href`, `$.Data.Transaction[*]`.
"""

import re
from typing import TypeAlias

_TOKEN = re.compile(
    r"""\.(?P<name>[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff-]*)   # RFC 9535 section 2.5.1.1 member-name-shorthand
      | \[(?P<index>0|[1-9][0-9]*)\]
      | \[(?P<every>\*)\]
      | \['(?P<single>(?:[^'\\]|\\['\\])*)'\]
      | \["(?P<double>(?:[^"\\]|\\["\\])*)"\]
    """,
    re.VERBOSE,
)
_FOREIGN = {
    "..": "descendants (..)",
    ".*": "wildcards on members (.*)",
    "[?": "filters ([?...]); use 'pick'",
    "[-": "indexes from the end",
}


class Every:
    """The step `[*]`; its own type, so that no member name can be taken for it."""

    def __repr__(self) -> str:
        return "[*]"


EVERY = Every()
Path: TypeAlias = tuple[str | int | Every, ...]


def parse(text: str) -> Path:
    """Parses a path; raises ValueError with the column and the reason."""
    if not text.startswith("$"):
        raise ValueError(f"the path '{text}' must begin with $")
    steps: list[str | int | Every] = []
    at = 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            foreign = next((what for sign, what in _FOREIGN.items() if text.startswith(sign, at)), None)
            reason = f"{foreign} are not taken" if foreign else f"can not be read from '{text[at:]}'"
            raise ValueError(f"the path '{text}': {reason}")
        kind = match.lastgroup
        value = match[kind or 0]
        if kind == "index":
            steps.append(int(value))
        elif kind == "every":
            steps.append(EVERY)
        elif kind == "name":
            steps.append(value)
        else:
            steps.append(re.sub(r"\\(.)", r"\1", value))
        at = match.end()
    return tuple(steps)


def write(path: Path) -> str:
    """The path as a mapping file writes it."""
    text = "$"
    for step in path:
        if isinstance(step, Every):
            text += "[*]"
        elif isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", step):
            text += f".{step}"
        else:
            text += "['" + step.replace("\\", "\\\\").replace("'", "\\'") + "']"
    return text
