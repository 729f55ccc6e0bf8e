"""Reads recorded conversations: WireMock pairs, one a file, every key known or refused.

A body is kept as the bytes that the file holds, so that a number reaches the reader as the bank wrote it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.corpus.bodies import Unservable, build_body_conditions
from tests.corpus.matchers import Condition, basic_credentials, build_url_condition, build_value_conditions


class Response(msgspec.Struct, frozen=True):
    """What is answered; `fault` is WireMock's word for a connection that ends instead of an answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fault: str = ""


class Scenario(msgspec.Struct, frozen=True):
    """A pair that is served only in one state of a named scenario, and may move it on."""

    name: str
    required: str | None
    following: str | None


class Pair(msgspec.Struct, frozen=True):
    """One recorded request and its answer.

    `file` is relative to the standard's folder; `query` and `headers` are their matchers as they were written.
    """

    file: str
    conditions: tuple[Condition, ...]
    response: Response
    method: str
    address: str
    query: Mapping[str, Mapping[str, Any]]
    headers: Mapping[str, Mapping[str, Any]]
    priority: int
    scenario: Scenario | None


class Recording(msgspec.Struct, frozen=True):
    """The pairs of one conversation; `unserved` tells the file and the reason of each that can not be served."""

    pairs: tuple[Pair, ...]
    unserved: tuple[tuple[str, str], ...]


class _RequestFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    method: str
    url: str | None = None
    url_path: str | None = None
    url_pattern: str | None = None
    url_path_pattern: str | None = None
    query_parameters: Mapping[str, Mapping[str, Any]] = {}
    headers: Mapping[str, Mapping[str, Any]] = {}
    body_patterns: Sequence[Mapping[str, Any]] = ()
    basic_auth_credentials: Mapping[str, str] | None = None
    multipart_patterns: Sequence[Any] = ()


class _ResponseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    status: int = 200
    headers: Mapping[str, str | list[str]] = {}
    json_body: msgspec.Raw = msgspec.Raw()
    body: str | None = None
    body_file_name: str | None = None
    transformers: Sequence[str] = ()
    fault: str = ""


class _PairFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    request: _RequestFile
    response: _ResponseFile
    id: str | None = None
    name: str | None = None
    uuid: str | None = None
    persistent: bool = True
    insertion_index: int = 0
    priority: int = 5
    scenario_name: str | None = None
    required_scenario_state: str | None = None
    new_scenario_state: str | None = None


def read_recording(standard: Path, below: Sequence[str] = ("",), without: Sequence[str] = ()) -> Recording:
    """Reads the pairs whose file, relative to `standard`, starts with one of `below` and with none of `without`."""
    pairs, unserved = [], []
    for path in sorted(standard.rglob("*.json")):
        file = path.relative_to(standard).as_posix()
        if file.startswith(("__files/", *without)) or not file.startswith(tuple(below)):
            continue
        try:
            pairs.append(_read_pair(standard, path, file))
        except (msgspec.DecodeError, Unservable) as reason:
            unserved.append((file, str(reason)))
    return Recording(tuple(pairs), tuple(unserved))


def _read_pair(standard: Path, path: Path, file: str) -> Pair:
    written = msgspec.json.decode(path.read_bytes(), type=_PairFile)
    asked = written.request
    if asked.multipart_patterns:
        raise Unservable("multipartPatterns are not read")
    address, url_condition = build_url_condition(asked.url, asked.url_path, asked.url_pattern, asked.url_path_pattern)
    credentials = asked.basic_auth_credentials
    conditions = (
        url_condition,
        *build_value_conditions("query", asked.query_parameters),
        *build_value_conditions("header", asked.headers),
        *([basic_credentials(credentials["username"], credentials["password"])] if credentials else []),
        *build_body_conditions(asked.body_patterns),
    )
    scenario = None
    if written.scenario_name is not None:
        scenario = Scenario(written.scenario_name, written.required_scenario_state, written.new_scenario_state)
    response = _read_response(standard, written.response)
    return Pair(
        file,
        conditions,
        response,
        asked.method,
        address,
        asked.query_parameters,
        asked.headers,
        written.priority,
        scenario,
    )


def _read_response(standard: Path, written: _ResponseFile) -> Response:
    headers = tuple(
        (name, value)
        for name, values in written.headers.items()
        for value in ([values] if isinstance(values, str) else values)
    )
    if written.body_file_name is not None:
        body = (standard / "__files" / written.body_file_name).read_bytes()
    elif written.body is not None:
        body = written.body.encode()
    else:
        body = bytes(written.json_body)
    return Response(written.status, headers, body, written.fault)
