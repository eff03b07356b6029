"""What can happen and be commanded: a change of the policy profile in the middle of a campaign (B18, INV-29)."""

from __future__ import annotations

from datetime import date
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.events import Event
from domain.exact import Positive
from domain.instants import Day
from domain.stream import Command
from domain.targets_events import DocumentNumber


class ParameterChange(BaseModel):
    """One named parameter before and after, as JSON values; ratios are texts such as "3/10"."""

    model_config = ConfigDict(frozen=True)

    name: str
    was: Any
    will_be: Any


# -- events -----------------------------------------------------------------------------------------------------


class PolicyChangeAnnounced(Event):
    """The bureau has written another version of the policy; it is adopted on its day once another person approves.

    Attributes:
        base: the version that it changes.
        profile: the whole new profile, as JSON; `parameter_hash` is its parameters'.
        changes: what differs from the base, in the order of the parameters.
    """

    version: int
    document: str
    effective_from: date
    reason: str
    base: int
    profile: dict[str, Any]
    parameter_hash: str
    changes: tuple[ParameterChange, ...]


class PolicyChangeApproved(Event):
    """A second person has approved an announced version; every stream adopts it on its day."""

    version: int
    effective_from: date


class PolicyChangeWithdrawn(Event):
    """An announced version will not come; its number is free again."""

    version: int
    reason: str


POLICY_EVENTS: Final[tuple[type[Event], ...]] = (PolicyChangeAnnounced, PolicyChangeApproved, PolicyChangeWithdrawn)


# -- commands ---------------------------------------------------------------------------------------------------


class AnnouncePolicy(Command):
    """Announce another version: parameters by name over the latest one, or a whole profile; needs a reason."""

    kind: Literal["announce_policy"] = "announce_policy"
    version: Positive
    document: DocumentNumber
    effective_from: Day
    parameters: dict[str, Any] = Field(default={}, max_length=200)
    profile: dict[str, Any] | None = None


class ApprovePolicy(Command):
    """Approve an announced version; by another person than its author (INV-21)."""

    kind: Literal["approve_policy"] = "approve_policy"
    version: Positive


class WithdrawPolicy(Command):
    """Take an announced version back before it is adopted; needs a reason."""

    kind: Literal["withdraw_policy"] = "withdraw_policy"
    version: Positive


POLICY_COMMANDS: Final[tuple[type[Command], ...]] = (AnnouncePolicy, ApprovePolicy, WithdrawPolicy)


# -- what the campaign remembers ----------------------------------------------------------------------------------


class Announced(BaseModel):
    """A version that was announced and not withdrawn.

    Attributes:
        announced_by: who wrote it and for whom, to keep the approver another person.
    """

    version: int
    effective_from: date
    base: int
    profile: dict[str, Any]
    announced_by: list[str]
    approved: bool = False


class PolicyChanges(BaseModel):
    """What the campaign remembers of versions, oldest first.

    Attributes:
        announced: those that were announced and not withdrawn, adopted or not.
        first: the profile before all of them; None while there are none.
    """

    announced: list[Announced] = []
    first: dict[str, Any] | None = None
