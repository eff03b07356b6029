"""A change of the policy profile in the middle of a campaign (B18, INV-29).

A version is announced with what it changes, approved by another person, and adopted at 00:00 of its day: in the
campaign, and from there in every school and stage, each by an event of its own. So every event of every stream says
which version it was decided under, nothing before it is decided again, and nothing published changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from domain.actors import Actor, require_other_person
from domain.campaign_events import CampaignStatus, SchoolStatus
from domain.campaign_state import CampaignState
from domain.events import Envelope, Event, PolicyAdopted
from domain.exact import fraction_text
from domain.parts import Clock, Part
from domain.policy import PolicyProfile, load_parameters, require_launchable
from domain.policy_change_events import (
    POLICY_COMMANDS,
    POLICY_EVENTS,
    Announced,
    AnnouncePolicy,
    ApprovePolicy,
    ParameterChange,
    PolicyChangeAnnounced,
    PolicyChangeApproved,
    PolicyChangeWithdrawn,
    WithdrawPolicy,
)
from domain.policy_parameters import PolicyParameters
from domain.refusal import Refusal
from domain.stage_state import require_reason
from domain.stream import Outgoing, news
from domain.time import at, civil


def parameter_changes(was: PolicyParameters, will_be: PolicyParameters) -> tuple[ParameterChange, ...]:
    """Return the parameters in which two sets differ, in their order, as JSON values."""
    return tuple(
        ParameterChange(name=name, was=_json(was, name), will_be=_json(will_be, name))
        for name in PolicyParameters.model_fields
        if getattr(was, name) != getattr(will_be, name)
    )


def policy_on(state: CampaignState, day: date) -> PolicyProfile:
    """Return the policy that holds on a day: the effective day decides, whenever somebody asks (B18, INV-29)."""
    changes = state.policy_changes
    begun = [one.profile for one in changes.announced if one.approved and one.effective_from <= day]
    found = begun[-1] if begun else changes.first
    return state.policy if found is None else PolicyProfile.model_validate(found)


def counting_cutoff(state: CampaignState, as_at: datetime | None = None) -> date:
    """Return the last day of counting by the campaign's policy of a day; None is the policy in force."""
    policy = state.policy if as_at is None else policy_on(state, civil(as_at))
    return date.fromisoformat(f"{state.year:04d}-{policy.parameters.counting_cutoff}")


class PolicyChangePart(Part[CampaignState]):
    """A change of the policy profile in the middle of a campaign (B18, INV-29)."""

    commands = POLICY_COMMANDS
    event_types = POLICY_EVENTS

    def decide(self, state: CampaignState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide what the bureau announces, approves and takes back.

        Raises:
            Refusal: CAMPAIGN_NOT_APPROVED, CAMPAIGN_STOPPED, POLICY_*, PROFILE_SHADOW_ONLY, REASON_REQUIRED;
                SELF_APPROVAL (recorded).
        """
        if state.status == CampaignStatus.DRAFT:
            raise Refusal("CAMPAIGN_NOT_APPROVED")
        if state.status == CampaignStatus.STOPPED:
            raise Refusal("CAMPAIGN_STOPPED")
        match command:
            case AnnouncePolicy():
                return [self._announced(state, command, civil(now))]
            case ApprovePolicy(version=version):
                return [self._approved(state, command.actor, version, civil(now))]
            case WithdrawPolicy(version=version):
                reason = require_reason(command)
                _coming(state, version)
                later = [one.version for one in state.policy_changes.announced if one.base == version]
                if later:
                    raise Refusal("POLICY_BUILT_UPON", version=version, later=later)
                return [PolicyChangeWithdrawn(version=version, reason=reason)]
            case _:
                return super().decide(state, command, now)

    def evolve(self, state: CampaignState, event: Event, envelope: Envelope) -> None:
        """Keep every version, for the day on which something else asks for it."""
        changes = state.policy_changes
        match event:
            case PolicyChangeAnnounced():
                actor = envelope["actor"]
                changes.first = changes.first or state.policy.model_dump(mode="json")
                announced = Announced(
                    version=event.version,
                    effective_from=event.effective_from,
                    base=event.base,
                    profile=event.profile,
                    announced_by=[person for person in (actor["id"], actor["on_behalf_of"]) if person is not None],
                )
                changes.announced = [*changes.announced, announced]
            case PolicyChangeApproved(version=version):
                changes.announced = [
                    one.model_copy(update={"approved": True}) if one.version == version else one
                    for one in changes.announced
                ]
            case PolicyChangeWithdrawn(version=version):
                changes.announced = [one for one in changes.announced if one.version != version]
            case _:
                pass  # what happens elsewhere in the campaign changes no policy

    def outgoing(self, state: CampaignState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Tell every school that has started; a later one begins with the policy in force."""
        if not isinstance(event, PolicyAdopted):
            return []
        open_ = (SchoolStatus.STARTING, SchoolStatus.RUNNING)
        return [
            news(f"{state.campaign}/{code}", "policy", envelope, profile=event.profile)
            for code, standing in state.standing.items()
            if standing in open_
        ]

    def clocks(self, state: CampaignState) -> Iterable[Clock]:
        """Adopt an approved version at 00:00 of its day."""
        if state.status not in (CampaignStatus.RUNNING, CampaignStatus.STOPPED):
            return
        for one in state.policy_changes.announced:
            if one.approved and one.version > state.policy.version:
                yield at(one.effective_from, time(0, 0)), PolicyAdopted(profile=one.profile)

    def view(self, state: CampaignState) -> dict[str, Any]:
        """Return the versions that are coming."""
        coming = [
            {"version": one.version, "effective_from": one.effective_from.isoformat(), "approved": one.approved}
            for one in state.policy_changes.announced
            if one.version > state.policy.version
        ]
        return {"policy_coming": coming} if coming else {}

    # -- inside -----------------------------------------------------------------------------------------------

    def _announced(self, state: CampaignState, command: AnnouncePolicy, today: date) -> PolicyChangeAnnounced:
        reason = require_reason(command)
        base, base_from = _base(state)
        known = [base.version, *(one.version for one in state.policy_changes.announced)]
        if command.version <= max(known):
            raise Refusal("POLICY_VERSION_NOT_NEWER", version=command.version, held=max(known))
        if command.effective_from <= max(today, base_from):
            raise Refusal("POLICY_NOT_AHEAD", after=max(today, base_from).isoformat())
        profile = _profile(command, base)
        require_launchable(profile)
        changes = parameter_changes(base.parameters, profile.parameters)
        if not changes and profile.id == base.id:
            raise Refusal("POLICY_THE_SAME", version=base.version)
        return PolicyChangeAnnounced(
            version=command.version,
            document=command.document,
            effective_from=command.effective_from,
            reason=reason,
            base=base.version,
            profile=profile.model_dump(mode="json"),
            parameter_hash=profile.parameter_hash,
            changes=changes,
        )

    def _approved(self, state: CampaignState, actor: Actor, version: int, today: date) -> PolicyChangeApproved:
        """Approve a version while its day is to come and what it changes is still the latest (edge 38)."""
        announced = _coming(state, version)
        if announced.approved:
            raise Refusal("POLICY_APPROVED", version=version)
        require_other_person(actor, announced.announced_by)
        base, _ = _base(state)
        if announced.base != base.version:
            raise Refusal("POLICY_BASE_CHANGED", version=version)
        if announced.effective_from <= today:
            raise Refusal("POLICY_NOT_AHEAD", after=today.isoformat())
        return PolicyChangeApproved(version=version, effective_from=announced.effective_from)


# -- inside -------------------------------------------------------------------------------------------------------


def _base(state: CampaignState) -> tuple[PolicyProfile, date]:
    """Return what the next version changes, with its first day: the last one approved, or the one in force."""
    approved = [one for one in state.policy_changes.announced if one.approved and one.version > state.policy.version]
    if not approved:
        return state.policy, state.policy.valid_from
    return PolicyProfile.model_validate(approved[-1].profile), approved[-1].effective_from


def _coming(state: CampaignState, version: int) -> Announced:
    if version <= state.policy.version:
        raise Refusal("POLICY_IN_FORCE", version=version)
    found = next((one for one in state.policy_changes.announced if one.version == version), None)
    if found is None:
        raise Refusal("POLICY_VERSION_UNKNOWN", version=version)
    return found


def _profile(command: AnnouncePolicy, base: PolicyProfile) -> PolicyProfile:
    """Return the profile that a command announces; its version, days and document are the command's own.

    Raises:
        Refusal: POLICY_SOURCE_INVALID, both ways or neither; POLICY_PARAMETER_*; POLICY_PROFILE_INVALID.
    """
    if bool(command.parameters) == (command.profile is not None):
        raise Refusal("POLICY_SOURCE_INVALID")
    own = {"version": command.version, "valid_from": command.effective_from, "document": command.document}
    if command.profile is None:
        parameters = load_parameters(command.parameters, base.parameters)
        return base.model_copy(update={**own, "valid_to": None, "parameters": parameters})
    given = command.profile.get("parameters", {})
    if isinstance(given, dict):
        # names the parameter that is wrong; the model below ignores what it does not know
        load_parameters(given, base.parameters)
    try:
        return PolicyProfile.model_validate({**command.profile, **own})
    except ValidationError as wrong:
        place = wrong.errors(include_input=False, include_url=False)[0]["loc"]
        raise Refusal("POLICY_PROFILE_INVALID", place=str(place[0]) if place else "profile") from None


def _json(parameters: PolicyParameters, name: str) -> Any:
    """Return one parameter as JSON; `model_dump` leaves out those of later releases that stand at their default."""
    return to_jsonable_python(getattr(parameters, name), fallback=fraction_text)
