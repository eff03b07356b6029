"""Which targets hold on a day, as far as they were on record at a moment (DOMAIN §4.2; INV-08, INV-11; edge 12, 47).

A paper has two times: the day from which it says it holds, and the moment at which its approval was recorded. Whoever
asks about the past asks for both, and gets what was known then.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from domain.campaign_events import CampaignDrafted
from domain.events import Envelope, Event
from domain.targets_events import (
    DRAFT_DOCUMENT,
    TARGET_EVENTS,
    Assignment,
    ClassQuotaAssigned,
    ClassQuotaReassigned,
    Paper,
    PressureFlagged,
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

_BY_NAME: Final[dict[str, type[Event]]] = {kind.__name__: kind for kind in TARGET_EVENTS}


def targets_in_force(
    state: Targets, on: date, *, wave: Wave | str | None = None, known: datetime | None = None
) -> dict[str, int]:
    """Return each school's target on a day, of one wave or of both together.

    Args:
        state: of the campaign, or of `targets_from`.
        on: the day; papers that take effect later do not count yet.
        wave: None adds the waves up (INV-08: spring + autumn = total).
        known: only papers whose approval was on record by then; None is everything.
    """
    found: dict[str, int] = {}
    for one in _waves(wave):
        paper = paper_in_force(state, one, on, known)
        for school, heads in ({} if paper is None else paper.schools).items():
            found[school] = found.get(school, 0) + heads
    return found


def quotas_in_force(
    state: Targets, on: date, *, wave: Wave | str | None = None, known: datetime | None = None
) -> dict[str, dict[str, int]]:
    """Return each school's class quotas on a day, of one wave or of both together, as far as known at a moment.

    A school that has not shared out a revised number yet keeps the classes of before, and `to_assign` names it; after
    the counting cut-off that is for good, and `not_shared` names the difference. Where the school's number became 0, so
    did those of its classes: nothing is left to share out.
    """
    found: dict[str, dict[str, int]] = {}
    for one in _waves(wave):
        for school, heads in targets_in_force(state, on, wave=one, known=known).items():
            held = assigned(state, school, one, on, known)
            classes = found.setdefault(school, {})
            for class_id, number in ({} if held is None else held.classes).items():
                classes[class_id] = classes.get(class_id, 0) + (number if heads else 0)
    return found


def paper_in_force(state: Targets, wave: Wave, on: date, known: datetime | None = None) -> Paper | None:
    """Return the approved paper of a wave with the latest effective day that has come; of two, the later approved."""
    come = [
        paper
        for paper in state.papers
        if paper.approved and paper.wave == wave and paper.effective <= on and _by(paper.approved_at, known)
    ]
    return max(enumerate(come), key=lambda item: (item[1].effective, item[0]))[1] if come else None


def to_assign(state: Targets) -> list[str]:
    """Return the schools whose classes do not sum to the school's latest approved number in some wave (INV-08)."""
    found: dict[str, None] = {}
    for wave in Wave:
        paper = latest(state, wave)
        for school, heads in ({} if paper is None else paper.schools).items():
            held = assigned(state, school, wave, date.max)
            if heads and heads != sum(({} if held is None else held.classes).values()):
                found[school] = None
    return list(found)


def not_shared(state: Targets, on: date, known: datetime | None = None) -> list[tuple[str, str, int, int]]:
    """Return school, wave, target and the sum of the classes, where the two differ on a day (INV-08)."""
    found: list[tuple[str, str, int, int]] = []
    for wave in Wave:
        classes = quotas_in_force(state, on, wave=wave, known=known)
        for school, heads in targets_in_force(state, on, wave=wave, known=known).items():
            shared = sum(classes[school].values())
            found += [(school, wave.value, heads, shared)] if shared != heads else []
    return found


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
            update = {"approved": True, "approved_at": _recorded(envelope)}
            state.papers += [paper.model_copy(update=update) for paper in approved]
        case TargetsRejected(document=document):
            state.papers = [paper for paper in state.papers if paper.document != document or paper.approved]
        case TargetAcknowledged(school=school, document=document):
            state.acknowledged.setdefault(document, []).append(school)
        case TargetObjected(school=school, document=document):
            state.objected.setdefault(document, []).append(school)
        case ClassQuotaAssigned() | ClassQuotaReassigned():
            shared_out = {**event.model_dump(), "recorded_at": _recorded(envelope)}
            state.assignments.append(Assignment.model_validate(shared_out))
        case PressureFlagged(school=school, class_id=class_id, flag=flag):
            state.flagged.append(flag_name(school, class_id, flag))
        case _:
            pass  # what happens elsewhere in the campaign moves no target


def latest(state: Targets, wave: Wave) -> Paper | None:
    """Return the last approved paper of a wave, whether its day has come or not: what the next one changes."""
    return next((paper for paper in reversed(state.papers) if paper.approved and paper.wave == wave), None)


def assigned(state: Targets, school: str, wave: Wave, on: date, known: datetime | None = None) -> Assignment | None:
    """Return how a school has shared its number out on a day; of two that begin together, the later recorded."""
    come = [
        held
        for held in state.assignments
        if (held.school, held.wave) == (school, wave) and held.effective <= on and _by(held.recorded_at, known)
    ]
    return max(enumerate(come), key=lambda item: (item[1].effective, item[0]))[1] if come else None


def flag_name(school: str, class_id: str | None, flag: str) -> str:
    """Return under which name a flag of pressure is remembered."""
    return f"{school}/{class_id or '-'}/{flag}"


# -- inside -------------------------------------------------------------------------------------------------------


def _waves(wave: Wave | str | None) -> tuple[Wave, ...]:
    return tuple(Wave) if wave is None else (Wave(wave),)


def _by(recorded: datetime | None, known: datetime | None) -> bool:
    """Tell whether something was on record at a moment; what came with the draft always was."""
    return known is None or recorded is None or recorded <= known


def _recorded(envelope: Envelope) -> datetime:
    return datetime.fromisoformat(envelope["recorded_at"])


def _people(envelope: Envelope) -> list[str]:
    actor = envelope["actor"]
    return [person for person in (actor["id"], actor["on_behalf_of"]) if person is not None]
