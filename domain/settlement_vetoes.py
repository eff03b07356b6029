"""Vetoes and appeals: a result only ever proposes a veto; people hear the school, decide, publish and hear appeals.

A veto is about a school that missed its quota (R-04), or about a class that lost too many pupils (R-05); both go the
same way. Nobody decides what they had a hand in, and neither a free refusal of families nor a loss after all that the
school owes is ever a fault (X3; INV-07, INV-19, INV-21).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Protocol

from domain.actors import require_other_person
from domain.campaign_state import CampaignState
from domain.events import Event
from domain.policy_change import counting_cutoff
from domain.refusal import Blocker, Refusal
from domain.settlement import Finding
from domain.settlement_commands import (
    AnswerSettlementAppeal,
    AppealSettlement,
    DecideSettlementAppeal,
    DecideVeto,
    HearSchool,
    ProposeVeto,
    PublishVeto,
)
from domain.settlement_events import (
    AdjustmentComputed,
    SettlementAppealAnswered,
    SettlementAppealDecided,
    SettlementAppealFiled,
    VetoDropped,
    VetoImposed,
    VetoLifted,
    VetoProposed,
    VetoPublished,
    VetoReviewed,
)
from domain.settlement_state import Appeal, Run, SettlementBook, Veto
from domain.stage_state import require_reason
from domain.time import civil


def proposed(state: CampaignState, command: ProposeVeto) -> list[Event]:
    """Take up a finding of a run.

    Raises:
        Refusal: SETTLEMENT_RUN_UNKNOWN, SETTLEMENT_TRIAL_ONLY, SETTLEMENT_BEFORE_CUTOFF, VETO_EXISTS, VETO_NO_FAULT,
            VETO_DUTY_DONE, VETO_NOT_FOUND.
    """
    run = run_of(state, command.run)
    if run.shadow:
        raise Refusal("SETTLEMENT_TRIAL_ONLY")
    require_after_cutoff(state, run)
    if _name(command) in state.settlement.vetoes:
        raise Refusal("VETO_EXISTS", school=_about(command))
    _require_finding(run, command)
    event = VetoProposed(run=command.run, version=run.version, school=command.school, class_id=command.class_id)
    if command.class_id is None:
        quota, countable = run.tallies.get(command.school, (0, 0))
        return [event.model_copy(update={"quota": quota, "countable": countable})]
    loss = run.losses[_about(command)]
    return [event.model_copy(update={"pupils": loss.pupils, "lost": loss.lost})]


def heard(state: CampaignState, command: HearSchool) -> list[Event]:
    """Record that the school was heard, before anybody decides.

    Raises:
        Refusal: VETO_UNKNOWN, VETO_HEARD.
    """
    veto = _veto(state, command)
    if veto.status != "PROPOSED":
        raise Refusal("VETO_HEARD", school=_about(command))
    return [VetoReviewed(run=command.run, school=command.school, class_id=command.class_id, heard=command.heard)]


def decided_veto(state: CampaignState, command: DecideVeto) -> list[Event]:
    """Decide: after the hearing, by somebody who neither proposed it nor heard the school, with a reason.

    A veto is imposed only while the run finds its ground: computed anew in the meantime, it may find none.

    Raises:
        Refusal: VETO_UNKNOWN, VETO_NOT_HEARD, VETO_DECIDED, VETO_NO_FAULT, VETO_DUTY_DONE, VETO_NOT_FOUND,
            REASON_REQUIRED, SELF_APPROVAL (recorded).
    """
    veto = _veto(state, command)
    if veto.status not in ("PROPOSED", "HEARD"):
        raise Refusal("VETO_DECIDED", school=_about(command))
    require_other_person(command.actor, veto.hands)
    if veto.status == "PROPOSED":
        raise Refusal("VETO_NOT_HEARD", school=_about(command))
    reason = require_reason(command)
    if command.decision == "IMPOSE":
        _require_finding(run_of(state, command.run), command)
        return [VetoImposed(run=command.run, school=command.school, class_id=command.class_id, reason=reason)]
    return [VetoDropped(run=command.run, school=command.school, class_id=command.class_id, reason=reason)]


def published_veto(state: CampaignState, command: PublishVeto, now: datetime) -> list[Event]:
    """Publish an imposed veto; from then on the school can appeal.

    Raises:
        Refusal: VETO_UNKNOWN, VETO_NOT_IMPOSED.
    """
    if _veto(state, command).status != "IMPOSED":
        raise Refusal("VETO_NOT_IMPOSED", school=_about(command))
    until = civil(now) + timedelta(days=state.policy.parameters.appeal_days)
    return [VetoPublished(run=command.run, school=command.school, class_id=command.class_id, appeal_until=until)]


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
        veto = _veto(state, command)
        until = veto.appeal_until if veto.status == "PUBLISHED" else None
    else:
        until = run.appeal_until
    if until is None:
        raise Refusal("APPEAL_NOTHING_PUBLISHED")
    if civil(command.occurred_at or now) > until:
        raise Refusal("APPEAL_TOO_LATE", until=until.isoformat())
    named = command.class_id is not None
    fits = named and _about(command) in run.amounts if command.about == "LINE" else not named
    if command.about != "VETO" and not fits:
        raise Refusal("SETTLEMENT_LINE_UNKNOWN", line=_about(command))
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
    vetoes = state.settlement.vetoes.values()
    of_the_school = [veto for veto in vetoes if (veto.run, veto.school) == (appeal.run, appeal.school)]
    before = [*appeal.made_by, *run_of(state, appeal.run).hands]
    require_other_person(command.actor, [*before, *(person for veto in of_the_school for person in veto.hands)])
    if appeal.outcome is not None:
        raise Refusal("APPEAL_DECIDED", appeal=command.appeal)
    reason = require_reason(command)
    decided = SettlementAppealDecided(appeal=command.appeal, run=appeal.run, outcome=command.outcome, reason=reason)
    if appeal.about != "VETO" or command.outcome != "UPHELD":
        return [decided]
    lifted = VetoLifted(run=appeal.run, school=appeal.school, class_id=appeal.class_id, appeal=command.appeal)
    return [decided, lifted]


def answered_appeal(state: CampaignState, command: AnswerSettlementAppeal) -> list[Event]:
    """Answer an upheld appeal by saying why no money moves; by none of who filed it, decided it or made the run.

    Raises:
        Refusal: APPEAL_UNKNOWN, APPEAL_NOT_UPHELD, APPEAL_ANSWERED, REASON_REQUIRED, SELF_APPROVAL (recorded).
    """
    appeal = state.settlement.appeals.get(command.appeal)
    if appeal is None:
        raise Refusal("APPEAL_UNKNOWN", appeal=command.appeal)
    run = run_of(state, appeal.run)
    require_other_person(command.actor, [*appeal.made_by, *appeal.decided_by, *run.authors])
    if appeal.outcome != "UPHELD":
        raise Refusal("APPEAL_NOT_UPHELD", appeal=command.appeal)
    if not unanswered(appeal, run):
        raise Refusal("APPEAL_ANSWERED", appeal=command.appeal)
    return [SettlementAppealAnswered(appeal=command.appeal, run=appeal.run, reason=require_reason(command))]


def evolve_vetoes(book: SettlementBook, event: Event, who: list[str], name: str) -> None:
    """Apply an event of a veto or an appeal; others change nothing here.

    Args:
        book: what the campaign remembers.
        event: what happened.
        who: who acted, and for whom.
        name: of the event in the record, as `campaign/…#17`.
    """
    match event:
        case VetoProposed(run=run, school=school):
            book.vetoes[_name(event)] = Veto(run=run, school=school, status="PROPOSED", proposed_by=who, hands=who)
        case VetoReviewed():
            _become(book, event, who).status = "HEARD"
        case VetoImposed():
            _become(book, event, who).status = "IMPOSED"
        case VetoDropped():
            _become(book, event, who).status = "DROPPED"
        case VetoPublished(appeal_until=until):
            veto = _become(book, event, who)
            veto.status, veto.appeal_until = "PUBLISHED", until
        case VetoLifted():
            _become(book, event, who).status = "LIFTED"
        case SettlementAppealFiled(run=run, school=school, about=about, class_id=class_id):
            appeal = Appeal(run=run, school=school, about=about, class_id=class_id, made_by=who, events=[name])
            appeal.fen = _at_stake(appeal, book.runs[run])
            book.appeals[event.appeal] = appeal
        case SettlementAppealDecided(outcome=outcome):
            appeal = book.appeals[event.appeal]
            appeal.outcome, appeal.decided_by, appeal.decided_in = outcome, who, book.runs[appeal.run].version
            appeal.events.append(name)
        case SettlementAppealAnswered():
            book.appeals[event.appeal].answered = True
        case AdjustmentComputed(run=run, version=version, line=line, cause=cause):
            for appeal in book.appeals.values():
                named = appeal.outcome is not None and cause in appeal.events
                if named and appeal.run == run and appeal.concerns(line):
                    appeal.adjusted_in = version
        case _:
            pass


def open_appeals(state: CampaignState, run: str | None = None) -> int:
    """Return how many appeals nobody has decided, of one run or of all."""
    return sum(appeal.outcome is None and run in (None, appeal.run) for appeal in state.settlement.appeals.values())


def unanswered_appeals(state: CampaignState, run: str | None = None) -> int:
    """Return how many upheld appeals nothing has followed, of one run or of all (R-08)."""
    book = state.settlement
    return sum(unanswered(one, book.runs[one.run]) for one in book.appeals.values() if run in (None, one.run))


def unanswered(appeal: Appeal, run: Run) -> bool:
    """Tell whether an appeal against a line or a result was upheld, and nothing has followed.

    An adjustment that names it answers it, as long as its version stands; so does a version computed later in which
    what it is about comes to another amount, and so does somebody who says why no money moves. A lifted veto is an
    answer of itself.
    """
    if appeal.about == "VETO" or appeal.outcome != "UPHELD" or appeal.answered or appeal.adjusted_in == run.version:
        return False
    return run.version == appeal.decided_in or _at_stake(appeal, run) == appeal.fen


def undecided_vetoes(state: CampaignState) -> int:
    """Return how many proposed vetoes wait for a hearing or a decision."""
    return sum(veto.status in ("PROPOSED", "HEARD") for veto in state.settlement.vetoes.values())


def unpublished_vetoes(state: CampaignState) -> int:
    """Return how many vetoes are imposed and not published: nobody can appeal against them (INV-19)."""
    return sum(veto.status == "IMPOSED" for veto in state.settlement.vetoes.values())


def appeals_possible(state: CampaignState, today: date) -> tuple[Blocker, ...]:
    """Return as a blocker the published results and vetoes against which a school can still appeal on a day."""
    results = (run.appeal_until for run in state.settlement.runs.values())
    vetoes = (veto.appeal_until for veto in state.settlement.vetoes.values() if veto.status == "PUBLISHED")
    running = sum(until is not None and today <= until for until in (*results, *vetoes))
    return (Blocker(code="APPEAL_TIME_RUNNING", count=running),) if running else ()


def run_of(state: CampaignState, name: str) -> Run:
    """Return a run.

    Raises:
        Refusal: SETTLEMENT_RUN_UNKNOWN.
    """
    found = state.settlement.runs.get(name)
    if found is None:
        raise Refusal("SETTLEMENT_RUN_UNKNOWN", run=name)
    return found


def require_after_cutoff(state: CampaignState, run: Run) -> None:
    """Refuse what follows from a count of before the counting cut-off of its own policy: that is a trial (INV-11).

    The cut-off is the end of its day: pupils are still registered on that day.

    Raises:
        Refusal: SETTLEMENT_BEFORE_CUTOFF.
    """
    cutoff = counting_cutoff(state, run.as_at)
    if civil(run.as_at) <= cutoff:
        raise Refusal("SETTLEMENT_BEFORE_CUTOFF", cutoff=cutoff.isoformat())


# -- inside -----------------------------------------------------------------------------------------------------------


class _Named(Protocol):
    """What a command and an event of a veto have in common."""

    @property
    def run(self) -> str: ...

    @property
    def school(self) -> str: ...

    @property
    def class_id(self) -> str | None: ...


def _at_stake(appeal: Appeal, run: Run) -> int:
    """Return what an appeal is about in fen, as the run stands."""
    return sum(fen for line, fen in run.amounts.items() if appeal.concerns(line))


def _require_finding(run: Run, command: ProposeVeto | DecideVeto) -> None:
    """Refuse a veto for which the run, as it is now computed, finds no ground."""
    if command.class_id is None:
        finding, excuse = run.findings.get(command.school), "VETO_NO_FAULT"
    else:
        loss = run.losses.get(_about(command))
        finding, excuse = None if loss is None else loss.finding, "VETO_DUTY_DONE"
    if finding == Finding.NO_FAULT:
        raise Refusal(excuse, school=_about(command))
    if finding != Finding.VETO_PROPOSED:
        raise Refusal("VETO_NOT_FOUND", school=_about(command))


def _veto(state: CampaignState, command: _Named) -> Veto:
    found = state.settlement.vetoes.get(_name(command))
    if found is None:
        raise Refusal("VETO_UNKNOWN", school=_about(command))
    return found


def _about(named: _Named) -> str:
    """Return whom a veto is about: the school, or its class as lines are named."""
    return named.school if named.class_id is None else f"{named.school}/{named.class_id}"


def _name(named: _Named) -> str:
    return f"{named.run}/{_about(named)}"


def _become(book: SettlementBook, event: _Named, who: list[str]) -> Veto:
    veto = book.vetoes[_name(event)]
    veto.hands = list(dict.fromkeys([*veto.hands, *who]))
    return veto
