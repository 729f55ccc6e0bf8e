"""YAML read strictly into plain values, with the place of every key and value kept beside them.

JSON files are read the same way. Only the JSON types exist: a plain scalar is null, true, false, a decimal number or
text; what YAML 1.1 would read as something else must be quoted (YAML 1.2.2 section 10.3 gives the core schema).
"""

import pathlib
import re
from typing import Any, TypeAlias

import msgspec
import yaml

from gateway.files.problems import Problem, shown

Path: TypeAlias = tuple[str | int, ...]
Place: TypeAlias = tuple[int, int]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_EXPONENT = re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]+")
_CORE = {"": None, "~": None, "null": None, "true": True, "false": False}
_TRAPS = {
    "tag:yaml.org,2002:bool": "YAML 1.1 reads it as a truth value: quote it, or write true or false",
    "tag:yaml.org,2002:int": "YAML 1.1 reads it as a number in another base: quote it, or write it in decimals",
    "tag:yaml.org,2002:float": "YAML 1.1 reads it as a number: quote it, or write it in plain decimals",
    "tag:yaml.org,2002:null": "YAML 1.1 reads it as null: quote it, or write null",
    "tag:yaml.org,2002:merge": "merge keys are not taken: write the keys out, or use 'extends'",
    "tag:yaml.org,2002:value": "quote it",
}
_TEXT = "tag:yaml.org,2002:str"
_PLAIN_AS_TEXT = {_TEXT, "tag:yaml.org,2002:timestamp"}
_MOST_DEPTH = 40
_MOST_DIGITS = 18
_MOST_BYTES = 4 * 1024 * 1024


class Loaded(msgspec.Struct, frozen=True):
    """A file's value and the places (line, column; from 1) of its keys and values by path.

    `files` names the file of what is at and below a path, where a value was put together from several.
    """

    name: str
    value: Any
    keys: dict[Path, Place]
    values: dict[Path, Place]
    files: dict[Path, str] = {}

    def place(self, path: Path, *, key: bool = False) -> Place:
        """The place of a value, or of its key; of the nearest thing around it where it does not exist."""
        if key and path in self.keys:
            return self.keys[path]
        while path not in self.values:
            if not path:
                return (1, 1)
            path = path[:-1]
        return self.values[path]

    def problem(self, path: Path, message: str, *, key: bool = False) -> Problem:
        """A problem at a path of this file."""
        line, column = self.place(path, key=key)
        name, above = self.name, path
        while self.files and above:
            if above in self.files:
                name = self.files[above]
                break
            above = above[:-1]
        return Problem(name, line, column, self.describe(path), message)

    def describe(self, path: Path) -> str:
        """`routes[accounts-list].filters[0]`: list items by their `name`, where they have one."""
        text, value = "", self.value
        for step in path:
            value = _child(value, step)
            if isinstance(step, int):
                name = value.get("name") if isinstance(value, dict) else None
                text += f"[{shown(name) if isinstance(name, str) else step}]"
            else:
                text += f".{shown(step)}" if text else shown(step)
        return text


def _place(mark: Any) -> Place:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _child(value: Any, step: str | int) -> Any:
    try:
        return value[step]
    except (KeyError, IndexError, TypeError):
        return None


def read_file(path: pathlib.Path) -> tuple[Loaded | None, list[Problem]]:
    """Reads one file as `read_yaml` does, called by its path; one that can not be opened is a problem too."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return None, [Problem(str(path), 1, 1, "", f"can not be read: {error.strerror}")]
    return read_yaml(str(path), content)


def read_yaml(name: str, content: str | bytes) -> tuple[Loaded | None, list[Problem]]:
    """Reads one document. Returns the value (None when it can not be read at all) and every problem found.

    `name` is how problems call the file. Never raises on content.
    """
    reading = _Reading(name)
    if len(content) > _MOST_BYTES:
        return None, [Problem(name, 1, 1, "", f"the file is larger than {_MOST_BYTES // 1024 // 1024} MiB")]
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
    except UnicodeDecodeError as error:
        return None, [Problem(name, error.object.count(b"\n", 0, error.start) + 1, 1, "", "the file is not UTF-8")]
    try:
        refused = reading.alias(text)
        if refused:
            return None, refused
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return None, [Problem(name, *_place(mark), "", f"not YAML: {error.problem or error.context}")]
    except yaml.reader.ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        return None, [Problem(name, line, 1, "", f"not YAML: {str(error).splitlines()[0]}")]
    if node is None:
        return None, [Problem(name, 1, 1, "", "the file is empty")]
    value = reading.value(node, ())
    loaded = Loaded(name, value, reading.keys, reading.values)
    return loaded, [loaded.problem(path, message, key=key) for path, message, key in reading.found]


class _Reading:
    """Walks the composed nodes once, keeping places and findings."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self.found: list[tuple[Path, str, bool]] = []

    def alias(self, text: str) -> list[Problem]:
        """Aliases and nesting are refused from the events, before anything is expanded."""
        found: list[Problem] = []
        depth = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            mark = _place(event.start_mark)
            if isinstance(event, yaml.AliasEvent):
                message = f"aliases are not taken: write the value of *{shown(event.anchor)} out"
                found.append(Problem(self.name, *mark, "", message))
            elif isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _MOST_DEPTH:
                    return [Problem(self.name, *mark, "", "nested too deeply")]
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
        return found

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.values[path] = _place(node.start_mark)
        if isinstance(node, yaml.MappingNode):
            self._plain_tag(node, path, "tag:yaml.org,2002:map")
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._plain_tag(node, path, "tag:yaml.org,2002:seq")
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = _place(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                self.values[(*path, "?")] = place
                self.found.append(((*path, "?"), "a key must be text", False))
                continue
            key = key_node.value
            child = (*path, key)
            if key in out:
                self.keys[child] = place
                self.found.append((child, f"the key '{shown(key)}' stands twice", True))
                continue
            self.keys[child] = place
            if not key_node.style and key_node.tag not in _PLAIN_AS_TEXT and not _INTEGER.fullmatch(key):
                remedy = _TRAPS.get(key_node.tag, "quote it")
                if key not in _CORE:
                    self.found.append((child, f"the key '{shown(key)}': {remedy}", True))
            out[key] = self.value(value_node, child)
        return out

    def _plain_tag(self, node: yaml.Node, path: Path, tag: str) -> None:
        if node.tag != tag:
            self.found.append((path, f"the tag {shown(node.tag)} is not taken", False))

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = node.value
        if node.style or node.tag in _PLAIN_AS_TEXT:
            if node.style and node.tag != _TEXT:
                self.found.append((path, f"the tag {shown(node.tag)} is not taken", False))
            elif not node.style and _EXPONENT.fullmatch(text):  # text in YAML 1.1, a number in 1.2
                self.found.append((path, f"'{shown(text)}': {_TRAPS['tag:yaml.org,2002:float']}", False))
            return text
        if text in _CORE:
            return _CORE[text]
        if _DECIMAL.fullmatch(text) and sum(map(str.isdigit, text)) > _MOST_DIGITS:
            self.found.append((path, f"'{shown(text)}': a number of more than {_MOST_DIGITS} digits: quote it", False))
            return text
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return float(text)
        remedy = _TRAPS.get(node.tag, f"the tag {shown(node.tag)} is not taken")
        self.found.append((path, f"'{shown(text)}': {remedy}", False))
        return text
