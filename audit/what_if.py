"""The same record under other rules: whom another policy would reward, accuse, tell or list (FEATURES idea 7).

Facts stay facts: what families signed and what registers verified stands, and the figures count it as it was recorded.
What a policy makes of it is computed by the very functions that decided: which quotas hold and who is lost on the day
of counting, rewards, points, vetoes and the judging of losses; beside the figures which acts would have been in time,
late, too early or the beginning of a suspicion (`audit.what_if_acts`), which notices would have waited, which
reminders would have been given and whom the bureau would have called (`audit.what_if_notices`). So the same rules give
no difference at all, byte for byte, and what a change would do is known by school before anybody argues about it.
Nothing of it is payable and nothing is written.

Who is identified is a rule's work on marks, which are in the registry and not in the record: `cli.what_if_people`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from audit import what_if_acts, what_if_notices
from audit.counts import recorded
from audit.figures import figure_changes, figures
from audit.what_if_acts import OtherRules, Row
from domain.canonical import canonical
from domain.events import Envelope
from domain.policy import DEFAULT_PROFILE, PolicyProfile, load_parameters, profile
from domain.policy_change import parameter_changes, policy_on
from domain.time import civil, instant
from ledger.store import Ledger

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
"""The parameters that the figures follow."""

QUESTIONS: Final = (*what_if_acts.QUESTIONS, *what_if_notices.QUESTIONS)
"""What is judged again beside the figures. Of a parameter that neither follows its change is said to be not looked
at."""


@dataclass(frozen=True)
class WhatIf:
    """What other rules would make of a record.

    Attributes:
        held, other: the policy that holds, and the other one.
        parameters: name, `was` and `will_be` of each parameter in which they differ.
        not_looked_at: those of them that no figure here follows.
        stamps: what must be shown beside the figures, of the one and of the other.
        changes: as `audit.figures.figure_changes` tells them.
        answers: by question of which an answer differs, as `audit.what_if_acts.answers_that_differ` tells them; where
            it is shown outside, how many of each school, None where they are fewer than the least cell (R-22).
        looked_at: how many answers there are by question, so that silence is an answer.
        not_computable: streams that the rules cannot fold; nothing in them was judged.
    """

    held: PolicyProfile
    other: PolicyProfile
    parameters: tuple[dict[str, Any], ...]
    not_looked_at: tuple[str, ...]
    stamps: tuple[str | None, str | None]
    changes: dict[str, Any]
    answers: list[Row]
    looked_at: dict[str, int]
    not_computable: tuple[str, ...]

    @property
    def bytes(self) -> bytes:
        """The changes in their canonical form (RFC 8785)."""
        return canonical({**self.changes, "answers": self.answers})


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
    answers, looked_at, broken = await _answers(ledger, campaign, rules, as_at)
    followed = {*LOOKED_AT, *(name for question in QUESTIONS for name in question.parameters)}
    return WhatIf(
        held=held,
        other=other,
        parameters=tuple(change.model_dump(mode="json") for change in changes),
        not_looked_at=tuple(change.name for change in changes if change.name not in followed),
        stamps=(before.stamp, after.stamp),
        changes=figure_changes(before, after, least),
        answers=answers if least is None else [_outside(row, least) for row in answers],
        looked_at=looked_at,
        not_computable=tuple(broken),
    )


async def _answers(
    ledger: Ledger, campaign: str, rules: OtherRules, as_at: datetime | None
) -> tuple[list[Row], dict[str, int], list[str]]:
    streams = {}
    for stream in await ledger.streams(campaign):
        events = [envelope async for envelope in ledger.events(stream)]
        streams[stream] = [one for one in events if as_at is None or instant(one["recorded_at"]) <= as_at]
    samples = await what_if_notices.samples_of(ledger, campaign, streams.get(campaign, ()))
    broken: dict[str, None] = {}
    sides = [
        [
            *what_if_acts.judged(streams, one, broken),
            *what_if_notices.planned(streams, campaign, one, broken),
            *what_if_notices.listed(samples, one),
        ]
        for one in (None, rules)
    ]
    told, looked_at = what_if_acts.answers_that_differ(QUESTIONS, *sides)
    return told, looked_at, sorted(broken)


def _outside(answer: Row, least: int) -> Row:
    """Return a question's differences as they may be shown outside: how many of each school, and no reference."""
    rows = [{"school": row["school"], "changed": len(row["changes"])} for row in answer["schools"]]
    schools = [row if row["changed"] >= least else {**row, "changed": None} for row in rows]
    return {**answer, "schools": schools}


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
