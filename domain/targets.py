"""Planning targets: county to school to class, per wave, each with its document (DOMAIN §4.2; INV-08).

Two days tell of a figure: the one from which its paper says it holds, and the one on which it was recorded. Both are
kept, so that "what held on 4 June" and "what did we know on 4 June" have different answers (edge 12, edge 47).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from domain.actors import Actor, require_other_person
from domain.campaign_events import CampaignStatus
from domain.campaign_state import CampaignState
from domain.events import Envelope, Event
from domain.parts import Part
from domain.policy_change import counting_cutoff
from domain.refusal import Refusal
from domain.stage_state import require_reason
from domain.targets_events import (
    TARGET_COMMANDS,
    TARGET_EVENTS,
    AcknowledgeTarget,
    ApproveTargets,
    AssignClassQuotas,
    ClassQuotaAssigned,
    ClassQuotaReassigned,
    FlagPressure,
    IssueTargets,
    Moved,
    ObjectToTarget,
    Paper,
    PressureFlagged,
    RejectTargets,
    ReviseTargets,
    TargetAcknowledged,
    TargetObjected,
    TargetRevised,
    Targets,
    TargetsApproved,
    TargetsIssued,
    TargetsRejected,
    Wave,
)
from domain.targets_held import assigned, flag_name, follow, latest, to_assign
from domain.time import civil

YEARS_OF_SCHOOL: Final = 3
"""A class is named by the year in which it entered, three years before it graduates."""


# -- the part -----------------------------------------------------------------------------------------------------


class TargetsPart(Part[CampaignState]):
    """Planning targets: county to school to class, per wave, each with its document (DOMAIN §4.2; INV-08)."""

    commands = TARGET_COMMANDS
    event_types = TARGET_EVENTS

    def decide(self, state: CampaignState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide what the bureau writes and what a school does with it.

        Raises:
            Refusal: CAMPAIGN_NOT_APPROVED, CAMPAIGN_STOPPED, SCHOOL_UNKNOWN, SPRING_FORBIDDEN, TARGETS_*,
                CLASS_QUOTAS_*, CLASS_NOT_OF_COHORT, PRESSURE_FLAGGED, REASON_REQUIRED; SELF_APPROVAL (recorded).
        """
        if state.status == CampaignStatus.DRAFT:
            raise Refusal("CAMPAIGN_NOT_APPROVED")
        if state.status == CampaignStatus.STOPPED:
            raise Refusal("CAMPAIGN_STOPPED")
        school = getattr(command, "school", None)
        if school is not None and school not in state.schools:
            raise Refusal("SCHOOL_UNKNOWN", school=school)
        targets = state.targets
        match command:
            case IssueTargets():
                return [self._issued(state, command, civil(now))]
            case ReviseTargets():
                return [self._revised(state, command, civil(now))]
            case ApproveTargets(document=document):
                return [self._approved(state, command.actor, document)]
            case RejectTargets(document=document):
                reason = require_reason(command)
                waves = tuple(paper.wave for paper in _waiting(targets, document))
                return [TargetsRejected(document=document, waves=waves, reason=reason)]
            case AcknowledgeTarget(school=code):
                document = _answered(targets, command)
                if code in targets.acknowledged.get(document, ()):
                    raise Refusal("TARGETS_ANSWERED", document=document)
                return [TargetAcknowledged(school=code, document=document)]
            case ObjectToTarget(school=code):
                reason, document = require_reason(command), _answered(targets, command)
                if code in targets.objected.get(document, ()):
                    raise Refusal("TARGETS_ANSWERED", document=document)
                return [TargetObjected(school=code, document=document, reason=reason)]
            case AssignClassQuotas():
                return [self._assigned(state, command, civil(now))]
            case FlagPressure(school=code, class_id=class_id, flag=flag):
                if flag_name(code, class_id, flag) in targets.flagged:
                    raise Refusal("PRESSURE_FLAGGED", flag=flag.value)
                return [
                    PressureFlagged(
                        school=code, class_id=class_id, flag=flag, figure=command.figure, limit=command.limit
                    )
                ]
            case _:
                return super().decide(state, command, now)

    def evolve(self, state: CampaignState, event: Event, envelope: Envelope) -> None:
        """Keep papers, what was made of them, and who answered."""
        follow(state.targets, event, envelope)

    def view(self, state: CampaignState) -> dict[str, Any]:
        """Return what somebody has to do: papers to approve, numbers to share out, objections."""
        targets = state.targets
        told = {
            "waiting": list(dict.fromkeys(paper.document for paper in targets.papers if not paper.approved)),
            "to_assign": to_assign(targets),
            "objections": sum(len(schools) for schools in targets.objected.values()),
        }
        return {"targets": told} if any(told.values()) else {}

    # -- inside -----------------------------------------------------------------------------------------------

    def _issued(self, state: CampaignState, command: IssueTargets, today: date) -> TargetsIssued:
        _check_paper(state, command)
        if latest(state.targets, command.wave) is not None:
            raise Refusal("TARGETS_EXIST", wave=command.wave.value)
        return TargetsIssued(
            document=command.document,
            effective=command.effective,
            wave=command.wave,
            schools=command.schools,
            total=command.total,
            backdated=command.effective < today,
        )

    def _revised(self, state: CampaignState, command: ReviseTargets, today: date) -> TargetRevised:
        reason = require_reason(command)
        _check_paper(state, command)
        base = latest(state.targets, command.wave)
        if base is None:
            raise Refusal("TARGETS_NONE", wave=command.wave.value)
        if command.effective < base.effective:
            raise Refusal("TARGETS_TOO_EARLY", document=base.document, effective=base.effective.isoformat())
        missing = [school for school in base.schools if school not in command.schools]
        if missing:
            raise Refusal("TARGETS_SCHOOLS_MISSING", schools=missing)
        changes = moved(base.schools, command.schools)
        if not changes:
            raise Refusal("TARGETS_THE_SAME", document=base.document)
        return TargetRevised(
            document=command.document,
            effective=command.effective,
            wave=command.wave,
            schools=command.schools,
            total=command.total,
            backdated=command.effective < today,
            base=base.document,
            changes=changes,
            preview=command.preview,
            reason=reason,
        )

    def _approved(self, state: CampaignState, actor: Actor, document: str) -> TargetsApproved:
        """Approve what waits under a number, while what it changes is still what holds (edge 38)."""
        papers = _waiting(state.targets, document)
        require_other_person(actor, [person for paper in papers for person in paper.issued_by])
        for paper in papers:
            last = latest(state.targets, paper.wave)
            if paper.base != (None if last is None else last.document):
                raise Refusal("TARGETS_BASE_CHANGED", document=document)
            _check_spring(state, paper.wave, paper.schools)
        return TargetsApproved(document=document, waves=tuple(paper.wave for paper in papers))

    def _assigned(
        self, state: CampaignState, command: AssignClassQuotas, today: date
    ) -> ClassQuotaAssigned | ClassQuotaReassigned:
        school, wave, classes = command.school, command.wave, command.classes
        paper = latest(state.targets, wave)
        if paper is None or paper.document != command.document or school not in paper.schools:
            raise Refusal("TARGETS_UNKNOWN", document=command.document)
        _check_spring(state, wave, classes)
        wrong = [class_id for class_id in classes if not class_id.startswith(f"{state.year - YEARS_OF_SCHOOL}-")]
        if wrong:
            raise Refusal("CLASS_QUOTAS_WRONG_YEAR", classes=wrong)
        if sum(classes.values()) != paper.schools[school]:
            raise Refusal("CLASS_QUOTAS_DO_NOT_ADD_UP", sum=sum(classes.values()), target=paper.schools[school])
        held = assigned(state.targets, school, wave, date.max)
        # The first sharing of a paper holds with it; whoever shares the same number otherwise, from today. So does
        # whoever shares after the counting cut-off, when it is known who counts (docs/decisions/0019).
        late = today > counting_cutoff(state)
        first = max(today, paper.effective) if late else paper.effective
        if held is None:
            return ClassQuotaAssigned(
                school=school, wave=wave, document=paper.document, effective=first, classes=classes
            )
        again = held.document == paper.document
        changes = moved(held.classes, classes)
        if again and not changes:
            raise Refusal("CLASS_QUOTAS_THE_SAME")
        return ClassQuotaReassigned(
            school=school,
            wave=wave,
            document=paper.document,
            effective=max(today, held.effective) if again else first,
            classes=classes,
            changes=changes,
        )


# -- inside -------------------------------------------------------------------------------------------------------


def moved(was: dict[str, int], now: dict[str, int]) -> dict[str, Moved]:
    """Return what differs between two lists of heads; what a list does not name is 0 there."""
    names = {**was, **now}
    return {
        name: Moved(was=was.get(name, 0), now=now.get(name, 0))
        for name in names
        if was.get(name, 0) != now.get(name, 0)
    }


def _check_paper(state: CampaignState, command: IssueTargets | ReviseTargets) -> None:
    """Refuse a paper that names a stranger, does not add up, was there before, or asks for what is forbidden."""
    stranger = next((school for school in command.schools if school not in state.schools), None)
    if stranger is not None:
        raise Refusal("SCHOOL_UNKNOWN", school=stranger)
    total = sum(command.schools.values())
    if total != command.total:
        raise Refusal("TARGETS_DO_NOT_ADD_UP", sum=total, total=command.total)
    if any(paper.document == command.document and paper.wave == command.wave for paper in state.targets.papers):
        raise Refusal("TARGETS_DOCUMENT_USED", document=command.document)
    _check_spring(state, command.wave, command.schools)


def _check_spring(state: CampaignState, wave: Wave, heads: dict[str, int]) -> None:
    """Refuse heads in spring where nobody may be delivered then; 0 takes a spring target away (INV-12, R-16, S15)."""
    if wave is Wave.SPRING and not state.policy.parameters.spring_delivery and any(heads.values()):
        raise Refusal("SPRING_FORBIDDEN")


def _waiting(state: Targets, document: str) -> list[Paper]:
    named = [paper for paper in state.papers if paper.document == document]
    waiting = [paper for paper in named if not paper.approved]
    if not waiting:
        raise Refusal("TARGETS_APPROVED" if named else "TARGETS_UNKNOWN", document=document)
    return waiting


def _answered(state: Targets, command: AcknowledgeTarget | ObjectToTarget) -> str:
    """Return the number of the paper that a school answers: the one named, or the latest that names the school."""
    named = [
        paper.document
        for paper in state.papers
        if paper.approved and command.school in paper.schools and command.document in (None, paper.document)
    ]
    if not named:
        raise Refusal("TARGETS_UNKNOWN", document=command.document)
    return named[-1]
