"""Vetoes and appeals: a result only ever proposes a veto; people hear the school, decide, publish and hear appeals.

Nobody decides what they had a hand in, and a free refusal of families is never a fault (R-04, X3; INV-07, INV-19,
INV-21).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.actors import require_other_person
from domain.campaign_state import CampaignState
from domain.events import Event
from domain.refusal import Refusal
from domain.settlement import Finding
from domain.settlement_commands import (
    AppealSettlement,
    DecideSettlementAppeal,
    DecideVeto,
    HearSchool,
    ProposeVeto,
    PublishVeto,
)
from domain.settlement_events import (
    Appeal,
    Run,
    SettlementAppealDecided,
    SettlementAppealFiled,
    SettlementBook,
    Veto,
    VetoDropped,
    VetoImposed,
    VetoLifted,
    VetoProposed,
    VetoPublished,
    VetoReviewed,
)
from domain.stage_state import require_reason
from domain.time import civil


def proposed(state: CampaignState, command: ProposeVeto) -> list[Event]:
    """Take up a finding of a run.

    Raises:
        Refusal: SETTLEMENT_RUN_UNKNOWN, SETTLEMENT_TRIAL_ONLY, VETO_EXISTS, VETO_NO_FAULT, VETO_NOT_FOUND.
    """
    run = run_of(state, command.run)
    if run.shadow:
        raise Refusal("SETTLEMENT_TRIAL_ONLY")
    if _name(command.run, command.school) in state.settlement.vetoes:
        raise Refusal("VETO_EXISTS", school=command.school)
    finding = run.findings.get(command.school)
    if finding == Finding.NO_FAULT:
        raise Refusal("VETO_NO_FAULT", school=command.school)
    if finding != Finding.VETO_PROPOSED:
        raise Refusal("VETO_NOT_FOUND", school=command.school)
    tally = run.tallies.get(command.school, (0, 0))
    return [
        VetoProposed(run=command.run, version=run.version, school=command.school, quota=tally[0], countable=tally[1])
    ]


def heard(state: CampaignState, command: HearSchool) -> list[Event]:
    """Record that the school was heard, before anybody decides.

    Raises:
        Refusal: VETO_UNKNOWN, VETO_HEARD.
    """
    veto = _veto(state, command.run, command.school)
    if veto.status != "PROPOSED":
        raise Refusal("VETO_HEARD", school=command.school)
    return [VetoReviewed(run=command.run, school=command.school, heard=command.heard)]


def decided_veto(state: CampaignState, command: DecideVeto) -> list[Event]:
    """Decide: after the hearing, by somebody who neither proposed it nor heard the school, with a reason.

    Raises:
        Refusal: VETO_UNKNOWN, VETO_NOT_HEARD, VETO_DECIDED, REASON_REQUIRED, SELF_APPROVAL (recorded).
    """
    veto = _veto(state, command.run, command.school)
    if veto.status not in ("PROPOSED", "HEARD"):
        raise Refusal("VETO_DECIDED", school=command.school)
    require_other_person(command.actor, veto.hands)
    if veto.status == "PROPOSED":
        raise Refusal("VETO_NOT_HEARD", school=command.school)
    reason = require_reason(command)
    if command.decision == "IMPOSE":
        return [VetoImposed(run=command.run, school=command.school, reason=reason)]
    return [VetoDropped(run=command.run, school=command.school, reason=reason)]


def published_veto(state: CampaignState, command: PublishVeto, now: datetime) -> list[Event]:
    """Publish an imposed veto; from then on the school can appeal.

    Raises:
        Refusal: VETO_UNKNOWN, VETO_NOT_IMPOSED.
    """
    if _veto(state, command.run, command.school).status != "IMPOSED":
        raise Refusal("VETO_NOT_IMPOSED", school=command.school)
    until = civil(now) + timedelta(days=state.policy.parameters.appeal_days)
    return [VetoPublished(run=command.run, school=command.school, appeal_until=until)]


def appealed(state: CampaignState, command: AppealSettlement, now: datetime) -> list[Event]:
    """Take in an appeal of a school against what is published about it.

    Raises:
        Refusal: APPEAL_EXISTS, APPEAL_NOTHING_PUBLISHED, APPEAL_TOO_LATE, SETTLEMENT_LINE_UNKNOWN, REASON_REQUIRED.
    """
    run = run_of(state, command.run)
    if command.appeal in state.settlement.appeals:
        raise Refusal("APPEAL_EXISTS", appeal=command.appeal)
    ground = require_reason(command)
    if command.about == "VETO":
        veto = _veto(state, command.run, command.school)
        until = veto.appeal_until if veto.status == "PUBLISHED" else None
    else:
        until = run.appeal_until
    if until is None:
        raise Refusal("APPEAL_NOTHING_PUBLISHED")
    if civil(command.occurred_at or now) > until:
        raise Refusal("APPEAL_TOO_LATE", until=until.isoformat())
    named = command.class_id is not None
    line = f"{command.school}/{command.class_id}"
    if named != (command.about == "LINE") or (named and line not in run.amounts):
        raise Refusal("SETTLEMENT_LINE_UNKNOWN", line=line if named else command.school)
    return [
        SettlementAppealFiled(
            appeal=command.appeal,
            run=command.run,
            version=run.published_version,
            school=command.school,
            class_id=command.class_id,
            about=command.about,
            ground=ground,
        )
    ]


def decided_appeal(state: CampaignState, command: DecideSettlementAppeal) -> list[Event]:
    """Decide an appeal, by somebody with no part in what it is about; an upheld one lifts the veto.

    Raises:
        Refusal: APPEAL_UNKNOWN, APPEAL_DECIDED, REASON_REQUIRED, SELF_APPROVAL (recorded).
    """
    appeal = state.settlement.appeals.get(command.appeal)
    if appeal is None:
        raise Refusal("APPEAL_UNKNOWN", appeal=command.appeal)
    veto = state.settlement.vetoes.get(_name(appeal.run, appeal.school))
    before = [*appeal.made_by, *run_of(state, appeal.run).hands, *([] if veto is None else veto.hands)]
    require_other_person(command.actor, before)
    if appeal.outcome is not None:
        raise Refusal("APPEAL_DECIDED", appeal=command.appeal)
    reason = require_reason(command)
    decided = SettlementAppealDecided(appeal=command.appeal, run=appeal.run, outcome=command.outcome, reason=reason)
    if appeal.about != "VETO" or command.outcome != "UPHELD":
        return [decided]
    return [decided, VetoLifted(run=appeal.run, school=appeal.school, appeal=command.appeal)]


def evolve_vetoes(book: SettlementBook, event: Event, who: list[str]) -> None:
    """Apply an event of a veto or an appeal; others change nothing here."""
    match event:
        case VetoProposed(run=run, school=school):
            book.vetoes[_name(run, school)] = Veto(status="PROPOSED", proposed_by=who, hands=who)
        case VetoReviewed(run=run, school=school):
            _become(book, run, school, who).status = "HEARD"
        case VetoImposed(run=run, school=school):
            _become(book, run, school, who).status = "IMPOSED"
        case VetoDropped(run=run, school=school):
            _become(book, run, school, who).status = "DROPPED"
        case VetoPublished(run=run, school=school, appeal_until=until):
            veto = _become(book, run, school, who)
            veto.status, veto.appeal_until = "PUBLISHED", until
        case VetoLifted(run=run, school=school):
            _become(book, run, school, who).status = "LIFTED"
        case SettlementAppealFiled():
            book.appeals[event.appeal] = Appeal(run=event.run, school=event.school, about=event.about, made_by=who)
        case SettlementAppealDecided(appeal=name, outcome=outcome):
            book.appeals[name].outcome = outcome
        case _:
            pass


def open_appeals(state: CampaignState, run: str | None = None) -> int:
    """Return how many appeals nobody has decided, of one run or of all."""
    return sum(appeal.outcome is None and run in (None, appeal.run) for appeal in state.settlement.appeals.values())


def undecided_vetoes(state: CampaignState) -> int:
    """Return how many proposed vetoes wait for a hearing or a decision."""
    return sum(veto.status in ("PROPOSED", "HEARD") for veto in state.settlement.vetoes.values())


def run_of(state: CampaignState, name: str) -> Run:
    """Return a run.

    Raises:
        Refusal: SETTLEMENT_RUN_UNKNOWN.
    """
    found = state.settlement.runs.get(name)
    if found is None:
        raise Refusal("SETTLEMENT_RUN_UNKNOWN", run=name)
    return found


def _veto(state: CampaignState, run: str, school: str) -> Veto:
    found = state.settlement.vetoes.get(_name(run, school))
    if found is None:
        raise Refusal("VETO_UNKNOWN", school=school)
    return found


def _name(run: str, school: str) -> str:
    return f"{run}/{school}"


def _become(book: SettlementBook, run: str, school: str, who: list[str]) -> Veto:
    veto = book.vetoes[_name(run, school)]
    veto.hands = list(dict.fromkeys([*veto.hands, *who]))
    return veto
