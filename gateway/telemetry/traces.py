"""Identities of traces: made at random, taken over from a caller by the rules of W3C Trace Context, written to banks.

A header that breaks a rule starts a new trace, never a refusal. An untrusted caller never chooses our trace or its
sampling: its span is only linked. `baggage` and a caller's `tracestate` go to no bank.
"""

import re
import time
from random import getrandbits

from gateway.exchange import CallRecord

# Version, trace id, parent id, flags: lower-case hex only; what follows the flags is for versions above 00.
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE_KEY = r"[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}"
_STATE_MEMBER = re.compile(
    rf"[ \t]*(?:(?:{_STATE_KEY})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,255}}[\x21-\x2b\x2d-\x3c\x3e-\x7e])?[ \t]*"
)
_STATE_MEMBERS = 32
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


class LinkedCall(CallRecord):
    """A call of an untrusted caller: a trace of its own, linked to the caller's (trace id, span id)."""

    link: tuple[str, str] = ("", "")


def new_trace_id() -> str:
    """32 lower-case hex digits, never all zero; random, not secret (W3C Trace Context section 7.3)."""
    return f"{getrandbits(128) or 1:032x}"


def new_span_id() -> str:
    """16 lower-case hex digits, never all zero; random, not secret."""
    return f"{getrandbits(64) or 1:016x}"


def traceparent(trace_id: str, span_id: str, *, sampled: bool) -> str:
    """The header for a request made inside the span `span_id` (W3C Trace Context section 3.2, version 00)."""
    return f"00-{trace_id}-{span_id}-{'01' if sampled else '00'}"


def parse_traceparent(header: str) -> tuple[str, str, bool] | None:
    """Trace id, parent's span id and its sampled flag, or None where a new trace must start (section 3.2.2).

    Several headers, joined by a comma as HTTP joins them, are None too.
    """
    found = _TRACEPARENT.fullmatch(header)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return trace_id, span_id, int(flags, 16) & 1 == 1


def parse_tracestate(header: str) -> str:
    """The header as it may be kept with our spans, or an empty string where any of it is malformed (section 3.3)."""
    members = header.split(",")
    if len(members) > _STATE_MEMBERS or not all(_STATE_MEMBER.fullmatch(member) for member in members):
        return ""
    present = [member.strip(" \t") for member in members if member.strip(" \t")]
    keys = {member.partition("=")[0] for member in present}
    return ",".join(present) if len(keys) == len(present) else ""


class Origins:
    """Where calls' records begin: which trace they belong to, and whether it is sampled.

    `ratio` (0 to 1) is the share of new traces that are sampled, by the lower half of the trace id, so that every
    process that knows the ratio decides alike. A trusted caller's own decision is followed.
    """

    def __init__(self, *, ratio: float, trusted: bool) -> None:
        if not 0 <= ratio <= 1:
            raise ValueError(f"the sampling ratio must lie between 0 and 1, not {ratio}")
        self._bound = round(ratio * (1 << 64))
        self._trusted = trusted

    def begin(self, parent_header: str | None, state_header: str | None) -> CallRecord:
        """A record that starts now; both headers are the raw values, several of one name joined by a comma."""
        drawn = f"{getrandbits(192):048x}"
        parent = parse_traceparent(parent_header) if parent_header is not None else None
        if parent is not None and self._trusted:
            trace_id, parent_id, sampled = parent
            state = parse_tracestate(state_header) if state_header else ""
            return CallRecord(trace_id, drawn[32:], parent_id, state, sampled, time.time_ns())
        trace_id, span_id = drawn[:32], drawn[32:]
        sampled = int(trace_id[16:], 16) < self._bound
        if parent is not None:
            return LinkedCall(trace_id, span_id, "", "", sampled, time.time_ns(), link=parent[:2])
        return CallRecord(trace_id, span_id, "", "", sampled, time.time_ns())
