"""What the tour shows, in order: each step makes real calls, shows what came, and fails where it is not as said."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from gateway.demo.screen import Screen
from gateway.demo.stage import Stage
from gateway.demo.steps import editing, faults, one_contract, refusals, tracing

Run: TypeAlias = Callable[[Stage, Screen], None]


class Step(msgspec.Struct, frozen=True):
    """One step: its title, and what it does. It raises `proving.StepFailed`."""

    title: str
    run: Run


STEPS = (
    Step("Three dialects, one contract: accounts", one_contract.accounts),
    Step("Three dialects, one contract: transactions", one_contract.transactions),
    Step("A call without a certificate", refusals.no_certificate),
    Step("A token bound to another certificate", refusals.stolen_token),
    Step("A token without the scope", refusals.missing_scope),
    Step("Another tenant's consent", refusals.another_tenant),
    Step("Over the rate limit", refusals.over_the_limit),
    Step("A bank sends a broken record", faults.broken_record),
    Step("An answer that the bank did not sign", faults.forged_answer),
    Step("A mapping is edited while the gateway runs", editing.good_edit),
    Step("A broken edit", editing.broken_edit),
    Step("One call as a trace", tracing.one_trace),
)
