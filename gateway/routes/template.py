"""Path templates: literal segments, `{name}` for one whole segment, `{name*}` at the end for all that follows.

Templates are matched against the raw path: a literal matches its own spelling only, a parameter is a raw segment.
"""

import re

import msgspec

_LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@-]+")
_PARAMETER = re.compile(r"\{([a-z][a-z0-9_]*)(\*?)\}")


class Template(msgspec.Struct, frozen=True):
    """A parsed template; a step is a literal text, or None for a parameter. `tail` names what the rest becomes."""

    text: str
    steps: tuple[str | None, ...]
    names: tuple[str, ...]
    tail: str | None = None

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameter names in their order."""
        return self.names if self.tail is None else (*self.names, self.tail)

    def read(self, path: str) -> dict[str, str]:
        """The parameters of a path that this template matches."""
        parts = path.split("/", len(self.steps) + 1)[1:]
        values = dict(
            zip(self.names, [part for part, step in zip(parts, self.steps, strict=False) if step is None], strict=True)
        )
        if self.tail is not None:
            values[self.tail] = parts[len(self.steps)]
        return values


def parse(text: str) -> Template:
    """Parses a template. Raises ValueError with what is wrong."""
    steps: list[str | None] = []
    names: list[str] = []
    segments = text.removeprefix("/").split("/")
    for position, segment in enumerate(segments):
        parameter = _PARAMETER.fullmatch(segment)
        if parameter is None:
            _check_literal(segment, alone=text == "/")
            steps.append(segment)
            continue
        name, tail = parameter.groups()
        if name in names:
            raise ValueError(f"the parameter '{name}' stands twice")
        if tail and position != len(segments) - 1:
            raise ValueError(f"{segment} takes all that follows: it must be the last segment")
        if tail:
            return Template(text, tuple(steps), tuple(names), name)
        steps.append(None)
        names.append(name)
    return Template(text, tuple(steps), tuple(names))


def _check_literal(segment: str, *, alone: bool) -> None:
    if "{" in segment or "}" in segment:
        raise ValueError(f"'{segment}' is not a parameter: one fills its whole segment, such as {{account_id}}")
    if segment in {".", ".."} or not (alone or _LITERAL.fullmatch(segment)):
        raise ValueError(f"the segment '{segment}' can not be part of a path that is matched as it came")
