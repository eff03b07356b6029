"""The same record under other rules: whom another policy would reward, spare or accuse (FEATURES idea 7).

Facts stay facts: what families signed, what registers verified and whether that was in time is not decided again. What
a policy makes of it is: which quotas hold and who is lost on the day of counting, rewards, points, vetoes and the
judging of losses, by the very functions that settle. So the same rules give no difference at all, byte for byte, and
what a change would do is known by school before anybody argues about it. Nothing of it is payable and nothing is
written.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from audit.counts import recorded
from audit.figures import figure_changes, figures
from domain.canonical import canonical
from domain.events import Envelope
from domain.policy import DEFAULT_PROFILE, PolicyProfile, load_parameters, profile
from domain.policy_change import parameter_changes, policy_on
from domain.time import civil
from ledger.store import Ledger

OtherRules = Callable[[PolicyProfile], PolicyProfile]
"""Makes the other policy of the one that holds."""

LOOKED_AT: Final = (
    "cap_at_quota",
    "counting_cutoff",
    "dropout_award",
    "dropout_boundary",
    "dropout_denominator",
    "dropout_veto_g79",
    "loss_veto_g6",
    "penalty",
    "points_for",
    "points_full",
    "points_missing",
    "reward_ratio",
    "reward_tiers",
    "shortfall_base",
    "tier_boundary",
    "veto_boundary",
    "veto_coverage_below",
    "veto_no_fault",
    "veto_ratio",
    "zero_quota",
)
"""The parameters that these figures follow; of any other it is said that its change was not looked at."""


@dataclass(frozen=True)
class WhatIf:
    """What other rules would make of a record.

    Attributes:
        held, other: the policy that holds, and the other one.
        parameters: name, `was` and `will_be` of each parameter in which they differ.
        not_looked_at: those of them that no figure here follows.
        stamps: what must be shown beside the figures, of the one and of the other.
        changes: as `audit.figures.figure_changes` tells them.
    """

    held: PolicyProfile
    other: PolicyProfile
    parameters: tuple[dict[str, Any], ...]
    not_looked_at: tuple[str, ...]
    stamps: tuple[str | None, str | None]
    changes: dict[str, Any]

    @property
    def bytes(self) -> bytes:
        """The changes in their canonical form (RFC 8785)."""
        return canonical(self.changes)


def shipped(name: str) -> OtherRules:
    """Return the rules of a profile that ships; `compliant` is the campaign's own, as for a trial settlement."""

    def other(held: PolicyProfile) -> PolicyProfile:
        return held if name in (held.id, DEFAULT_PROFILE) else profile(name)

    return other


def changed_by(parameters: dict[str, Any]) -> OtherRules:
    """Return the campaign's own rules with other parameters."""

    def other(held: PolicyProfile) -> PolicyProfile:
        return held.model_copy(update={"parameters": load_parameters(parameters, held.parameters)})

    return other


async def what_if(
    ledger: Ledger, campaign: str, rules: OtherRules, as_at: datetime | None = None, *, public: bool = False
) -> WhatIf:
    """Compute what other rules would make of a campaign's record.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        rules: what to compute by instead.
        as_at: only what was recorded by then, and the policy of that day; None takes all, and the policy in force.
        public: leave out the figures of small classes (R-22), by the least cell of the policy that holds.

    Raises:
        UnknownEventError: the campaign has no event by then.
        Refusal: PROFILE_UNKNOWN, POLICY_PARAMETER_UNKNOWN, POLICY_PARAMETER_INVALID.
    """
    found = await recorded(ledger, campaign, as_at)
    held = found.state.policy if as_at is None else policy_on(found.state, civil(as_at))
    other = rules(held)
    again = await recorded(cast("Ledger", _UnderPolicy(ledger, campaign, other)), campaign, as_at)
    before, after = figures(found, held), figures(again, other)
    least = held.parameters.minimum_cell if public else None
    changes = parameter_changes(held.parameters, other.parameters)
    return WhatIf(
        held=held,
        other=other,
        parameters=tuple(change.model_dump(mode="json") for change in changes),
        not_looked_at=tuple(change.name for change in changes if change.name not in LOOKED_AT),
        stamps=(before.stamp, after.stamp),
        changes=figure_changes(before, after, least),
    )


class _UnderPolicy:
    """A ledger whose campaign has had another policy from its first day; the counts ask for nothing but events."""

    def __init__(self, ledger: Ledger, campaign: str, policy: PolicyProfile) -> None:
        self._ledger = ledger
        self._campaign = campaign
        self._policy = policy.model_dump(mode="json")

    async def events(self, stream: str) -> AsyncIterator[Envelope]:
        """Yield a stream's events, with the other policy where the campaign names one."""
        async for envelope in self._ledger.events(stream):
            yield self._told(envelope) if stream == self._campaign else envelope

    def _told(self, envelope: Envelope) -> Envelope:
        match envelope["type"]:
            case "CampaignDrafted":
                return {**envelope, "data": {**envelope["data"], "policy": self._policy}}
            case "PolicyAdopted" | "PolicyChangeAnnounced":
                return {**envelope, "data": {**envelope["data"], "profile": self._policy}}
            case _:
                return envelope
