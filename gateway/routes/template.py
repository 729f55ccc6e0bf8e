"""Path templates: literal segments, `{name}` for one whole segment, `{name*}` at the end for all that follows.

Templates are matched against the raw path: a literal matches its own spelling only, a parameter is a raw segment.
"""

import re

import msgspec

_LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@-]+")
_PARAMETER = re.compile(r"\{([a-z][a-z0-9_]*)(\*?)\}")


class Template(msgspec.Struct, frozen=True):
    """A parsed template; a step is a literal text, or None for a parameter.

    `places` are the parameters' names and positions among the parts of a path; `tail` names what the rest becomes.
    """

    text: str
    steps: tuple[str | None, ...]
    places: tuple[tuple[str, int], ...]
    tail: str | None = None

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameter names in their order."""
        names = tuple(name for name, _ in self.places)
        return names if self.tail is None else (*names, self.tail)

    def read(self, parts: list[str]) -> dict[str, str]:
        """The parameters of a path that this template matches, from the path's parts (`path.split("/")`)."""
        values = {name: parts[position] for name, position in self.places}
        if self.tail is not None:
            values[self.tail] = "/".join(parts[len(self.steps) + 1 :])
        return values


def parse(text: str) -> Template:
    """Parses a template. Raises ValueError with what is wrong."""
    steps: list[str | None] = []
    places: list[tuple[str, int]] = []
    segments = text.removeprefix("/").split("/")
    for position, segment in enumerate(segments):
        parameter = _PARAMETER.fullmatch(segment)
        if parameter is None:
            _check_literal(segment, alone=text == "/")
            steps.append(segment)
            continue
        name, tail = parameter.groups()
        if any(name == other for other, _ in places):
            raise ValueError(f"the parameter '{name}' stands twice")
        if tail and position != len(segments) - 1:
            raise ValueError(f"{segment} takes all that follows: it must be the last segment")
        if tail:
            return Template(text, tuple(steps), tuple(places), name)
        steps.append(None)
        places.append((name, position + 1))
    return Template(text, tuple(steps), tuple(places))


def _check_literal(segment: str, *, alone: bool) -> None:
    if "{" in segment or "}" in segment:
        raise ValueError(f"'{segment}' is not a parameter: one fills its whole segment, such as {{account_id}}")
    if segment in {".", ".."} or not (alone or _LITERAL.fullmatch(segment)):
        raise ValueError(f"the segment '{segment}' can not be part of a path that is matched as it came")
