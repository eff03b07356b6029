"""What a campaign's own record says about sending: the policy in force, the calendar, the order of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from domain.calendar import Calendar
from domain.policy import PolicyParameters, PolicyProfile
from domain.sending import SendingRules, rules_of
from ledger.outbox import Outbox

KINDS: Final = ("CampaignDrafted", "PolicyAdopted", "CalendarPublished")
"""Events of the campaign's stream that say how notices are sent; a later one of a kind replaces an earlier one."""

NEVER: Final = 2**31 - 1
"""A version that no stream reaches."""


@dataclass(frozen=True)
class SendingPolicy:
    """How one campaign's notices are sent now.

    Attributes:
        parameters: the policy's.
        rules: when and whether, from the parameters.
        calendar: the working days, None where the campaign names none.
    """

    parameters: PolicyParameters
    rules: SendingRules
    calendar: Calendar | None


class SendingPolicies:
    """Reads the policy of sending from the ledger; what has not changed since is not read into rules again."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._known: dict[str, tuple[tuple[int, ...], SendingPolicy]] = {}

    async def of(self, campaign: str) -> SendingPolicy:
        """Return the policy in force.

        Args:
            campaign: whose stream says it.
        """
        last: dict[str, Any] = {}
        for event in await self._outbox.background(campaign, [NEVER], KINDS):
            last[event["type"]] = event
        versions = tuple(event["version"] for event in last.values())
        known = self._known.get(campaign)
        if known is None or known[0] != versions:
            known = self._known[campaign] = (versions, _policy({kind: one["data"] for kind, one in last.items()}))
        return known[1]


def _policy(said: dict[str, dict[str, Any]]) -> SendingPolicy:
    drafted = said.get("CampaignDrafted", {})
    profile = said["PolicyAdopted"]["profile"] if "PolicyAdopted" in said else drafted.get("policy")
    calendar = said["CalendarPublished"]["calendar"] if "CalendarPublished" in said else drafted.get("calendar")
    parameters = PolicyParameters() if profile is None else PolicyProfile.model_validate(profile).parameters
    return SendingPolicy(
        parameters=parameters,
        rules=rules_of(parameters),
        calendar=None if calendar is None else Calendar.model_validate(calendar),
    )
