"""Strict reading of the files that people edit: values, or every problem of every file at once, each with its place.

Nothing is guessed: duplicate and unknown keys, aliases, tags and the words that YAML 1.1 silently turns into something
else (`NO`, `on`, `010`, `12:30`) are refused, with the remedy.
"""

from gateway.files.layers import Layers, shipped
from gateway.files.problems import Problem, Refused, near, report
from gateway.files.quantities import Seconds, Size, decode_quantity
from gateway.files.reading import Loaded, Path, read_file, read_yaml
from gateway.files.schema import Schema

__all__ = [
    "Layers",
    "Loaded",
    "Path",
    "Problem",
    "Refused",
    "Schema",
    "Seconds",
    "Size",
    "decode_quantity",
    "near",
    "read_file",
    "read_yaml",
    "report",
    "shipped",
]
