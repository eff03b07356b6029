"""Planning targets: county to school to class, per wave, each with its document (DOMAIN §4.2; INV-08).

Two days tell of a figure: the one from which its paper says it holds, and the one on which it was recorded. Both are
kept, so that "what held on 4 June" and "what did we know on 4 June" have different answers (edge 12, edge 47).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final

from domain.actors import Actor, require_other_person
from domain.campaign_events import CampaignDrafted, CampaignStatus
from domain.campaign_state import CampaignState
from domain.events import Envelope, Event
from domain.parts import Part
from domain.refusal import Refusal
from domain.stage_state import require_reason
from domain.targets_events import (
    DRAFT_DOCUMENT,
    TARGET_COMMANDS,
    TARGET_EVENTS,
    AcknowledgeTarget,
    ApproveTargets,
    AssignClassQuotas,
    Assignment,
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
from domain.time import civil

YEARS_OF_SCHOOL: Final = 3
"""A class is named by the year in which it entered, three years before it graduates."""

_BY_NAME: Final[dict[str, type[Event]]] = {kind.__name__: kind for kind in TARGET_EVENTS}


# -- what holds ---------------------------------------------------------------------------------------------------


def targets_in_force(state: Targets, on: date, *, wave: Wave | str | None = None) -> dict[str, int]:
    """Return each school's target on a day, of one wave or of both together.

    Args:
        state: of the campaign, or of `targets_from`.
        on: the day; papers that take effect later do not count yet.
        wave: None adds the waves up (INV-08: spring + autumn = total).
    """
    found: dict[str, int] = {}
    for one in _waves(wave):
        paper = paper_in_force(state, one, on)
        for school, heads in ({} if paper is None else paper.schools).items():
            found[school] = found.get(school, 0) + heads
    return found


def quotas_in_force(state: Targets, on: date, *, wave: Wave | str | None = None) -> dict[str, dict[str, int]]:
    """Return each school's class quotas on a day, of one wave or of both together.

    A school that has not shared out a revised number yet keeps the classes of before, and `to_assign` names it; where
    its number became 0, so did those of its classes: nothing is left to share out.
    """
    found: dict[str, dict[str, int]] = {}
    for one in _waves(wave):
        for school, heads in targets_in_force(state, on, wave=one).items():
            held = _assigned(state, school, one, on)
            classes = found.setdefault(school, {})
            for class_id, number in ({} if held is None else held.classes).items():
                classes[class_id] = classes.get(class_id, 0) + (number if heads else 0)
    return found


def paper_in_force(state: Targets, wave: Wave, on: date) -> Paper | None:
    """Return the approved paper of a wave with the latest effective day that has come; of two, the later approved."""
    come = [paper for paper in state.papers if paper.approved and paper.wave == wave and paper.effective <= on]
    return max(enumerate(come), key=lambda item: (item[1].effective, item[0]))[1] if come else None


def to_assign(state: Targets) -> list[str]:
    """Return the schools whose classes do not sum to the school's latest approved number in some wave (INV-08)."""
    found: dict[str, None] = {}
    for wave in Wave:
        paper = _latest(state, wave)
        for school, heads in ({} if paper is None else paper.schools).items():
            held = _assigned(state, school, wave, date.max)
            if heads and heads != sum(({} if held is None else held.classes).values()):
                found[school] = None
    return list(found)


def targets_from(envelopes: Iterable[Envelope]) -> Targets:
    """Fold a campaign's own events to its targets; an older campaign gives its draft's quotas.

    Leave out what was recorded after some instant to ask what was known then.
    """
    state = Targets()
    for envelope in envelopes:
        if envelope["type"] == CampaignDrafted.__name__:
            state = of_the_draft(CampaignDrafted.model_validate(envelope["data"]), envelope)
        elif envelope["type"] in _BY_NAME:
            follow(state, _BY_NAME[envelope["type"]].model_validate(envelope["data"]), envelope)
    return state


def of_the_draft(drafted: CampaignDrafted, envelope: Envelope) -> Targets:
    """Return the first issue of a campaign: the quotas of its draft, which were approved with it."""
    drawn_up = civil(datetime.fromisoformat(envelope["occurred_at"]))
    document = drafted.targets.document if drafted.targets else DRAFT_DOCUMENT
    effective = drafted.targets.effective if drafted.targets else drawn_up
    state = Targets()
    for wave, quotas in ((Wave.AUTUMN, drafted.quotas), (Wave.SPRING, drafted.spring_quotas)):
        if not quotas:
            continue
        schools = {school: sum(classes.values()) for school, classes in quotas.items()}
        paper = Paper(document=document, wave=wave, effective=effective, schools=schools, total=sum(schools.values()))
        state.papers.append(paper.model_copy(update={"approved": True}))
        state.assignments += [
            Assignment(school=school, wave=wave, document=document, effective=effective, classes=dict(classes))
            for school, classes in quotas.items()
        ]
    return state


def follow(state: Targets, event: Event, envelope: Envelope) -> None:
    """Apply one event of the topic to the targets in place."""
    match event:
        case TargetsIssued() | TargetRevised():
            state.papers.append(
                Paper(
                    document=event.document,
                    wave=event.wave,
                    effective=event.effective,
                    schools=dict(event.schools),
                    total=event.total,
                    issued_by=_people(envelope),
                    base=event.base if isinstance(event, TargetRevised) else None,
                )
            )
        case TargetsApproved(document=document):
            approved = [paper for paper in state.papers if paper.document == document and not paper.approved]
            state.papers = [paper for paper in state.papers if paper not in approved]
            state.papers += [paper.model_copy(update={"approved": True}) for paper in approved]
        case TargetsRejected(document=document):
            state.papers = [paper for paper in state.papers if paper.document != document or paper.approved]
        case TargetAcknowledged(school=school, document=document):
            state.acknowledged.setdefault(document, []).append(school)
        case TargetObjected(school=school, document=document):
            state.objected.setdefault(document, []).append(school)
        case ClassQuotaAssigned() | ClassQuotaReassigned():
            state.assignments.append(Assignment.model_validate(event.model_dump()))
        case PressureFlagged(school=school, class_id=class_id, flag=flag):
            state.flagged.append(_flag(school, class_id, flag))
        case _:
            pass  # what happens elsewhere in the campaign moves no target


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
                if _flag(code, class_id, flag) in targets.flagged:
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
        if _latest(state.targets, command.wave) is not None:
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
        base = _latest(state.targets, command.wave)
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
            latest = _latest(state.targets, paper.wave)
            if paper.base != (None if latest is None else latest.document):
                raise Refusal("TARGETS_BASE_CHANGED", document=document)
            _check_spring(state, paper.wave, paper.schools)
        return TargetsApproved(document=document, waves=tuple(paper.wave for paper in papers))

    def _assigned(
        self, state: CampaignState, command: AssignClassQuotas, today: date
    ) -> ClassQuotaAssigned | ClassQuotaReassigned:
        school, wave, classes = command.school, command.wave, command.classes
        paper = _latest(state.targets, wave)
        if paper is None or paper.document != command.document or school not in paper.schools:
            raise Refusal("TARGETS_UNKNOWN", document=command.document)
        _check_spring(state, wave, classes)
        wrong = [class_id for class_id in classes if not class_id.startswith(f"{state.year - YEARS_OF_SCHOOL}-")]
        if wrong:
            raise Refusal("CLASS_QUOTAS_WRONG_YEAR", classes=wrong)
        if sum(classes.values()) != paper.schools[school]:
            raise Refusal("CLASS_QUOTAS_DO_NOT_ADD_UP", sum=sum(classes.values()), target=paper.schools[school])
        held = _assigned(state.targets, school, wave, date.max)
        if held is None:
            return ClassQuotaAssigned(
                school=school, wave=wave, document=paper.document, effective=paper.effective, classes=classes
            )
        again = held.document == paper.document
        changes = moved(held.classes, classes)
        if again and not changes:
            raise Refusal("CLASS_QUOTAS_THE_SAME")
        return ClassQuotaReassigned(
            school=school,
            wave=wave,
            document=paper.document,
            # the first sharing of a paper holds with the paper; whoever shares the same number otherwise, from today
            effective=max(today, held.effective) if again else paper.effective,
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


def _latest(state: Targets, wave: Wave) -> Paper | None:
    """Return the last approved paper of a wave, whether its day has come or not: what the next one changes."""
    return next((paper for paper in reversed(state.papers) if paper.approved and paper.wave == wave), None)


def _assigned(state: Targets, school: str, wave: Wave, on: date) -> Assignment | None:
    come = [held for held in state.assignments if (held.school, held.wave) == (school, wave) and held.effective <= on]
    return max(enumerate(come), key=lambda item: (item[1].effective, item[0]))[1] if come else None


def _waves(wave: Wave | str | None) -> tuple[Wave, ...]:
    return tuple(Wave) if wave is None else (Wave(wave),)


def _people(envelope: Envelope) -> list[str]:
    actor = envelope["actor"]
    return [person for person in (actor["id"], actor["on_behalf_of"]) if person is not None]


def _flag(school: str, class_id: str | None, flag: str) -> str:
    return f"{school}/{class_id or '-'}/{flag}"
