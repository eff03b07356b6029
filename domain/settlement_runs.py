"""Runs of the settlement: computed, reviewed, approved, published, paid, adjusted (R-08, R-09; INV-17 to INV-19).

A version that is published never changes: whatever comes later is another version or another line (INV-29). How a
version is computed stands in `domain.settlement_compute`, vetoes and appeals in `domain.settlement_vetoes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from domain.actors import Actor, require_other_person
from domain.campaign_events import CampaignStatus
from domain.campaign_state import CampaignState
from domain.events import Envelope, Event
from domain.funding import APPROVALS
from domain.parts import Part
from domain.refusal import Blocker, Refusal
from domain.settlement_commands import (
    SETTLEMENT_COMMANDS,
    AdjustSettlement,
    AnswerSettlementAppeal,
    AppealSettlement,
    ApproveSettlement,
    ComputeSettlement,
    ConfirmPayment,
    DecideSettlementAppeal,
    DecideVeto,
    DeclareFunding,
    HearSchool,
    OrderPayment,
    ProposeVeto,
    PublishSample,
    PublishSettlement,
    PublishVeto,
    ReviewSettlement,
)
from domain.settlement_compute import computed
from domain.settlement_events import (
    SETTLEMENT_EVENTS,
    AdjustmentComputed,
    ClawBackOrdered,
    DropoutLine,
    DropoutRatesAdded,
    FundingSourceDeclared,
    FundingSourceRejected,
    PaymentConfirmed,
    PaymentOrdered,
    SamplePublished,
    SettlementApproved,
    SettlementComputed,
    SettlementLine,
    SettlementLinesAdded,
    SettlementPublished,
    SettlementReviewed,
    revised_digest,
)
from domain.settlement_money import adjusted, declared, funding_name, ordered
from domain.settlement_state import Funding, Loss, Payment, Run
from domain.settlement_vetoes import (
    answered_appeal,
    appealed,
    decided_appeal,
    decided_veto,
    evolve_vetoes,
    heard,
    open_appeals,
    proposed,
    published_veto,
    require_after_cutoff,
    run_of,
    unanswered_appeals,
    undecided_vetoes,
    unpublished_vetoes,
)
from domain.stream import Command
from domain.time import civil


class SettlementPart(Part[CampaignState]):
    """Runs of the settlement: computed, reviewed, approved, published, adjusted (R-08, INV-17 to INV-19)."""

    commands: ClassVar[tuple[type[Command], ...]] = SETTLEMENT_COMMANDS
    event_types: ClassVar[tuple[type[Event], ...]] = SETTLEMENT_EVENTS

    def decide(self, state: CampaignState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide a command about a run, a veto, an appeal or a sample.

        Raises:
            Refusal: SETTLEMENT_*, FUNDING_*, PAYMENT_*, VETO_*, APPEAL_*, SAMPLE_EXISTS, SELF_APPROVAL (recorded).
        """
        if state.status == CampaignStatus.DRAFT:
            raise Refusal("CAMPAIGN_NOT_APPROVED")
        match command:
            case ComputeSettlement():
                return computed(state, command, now)
            case DeclareFunding():
                return [declared(state, command)]
            case ProposeVeto():
                return proposed(state, command)
            case HearSchool():
                return heard(state, command)
            case DecideVeto():
                return decided_veto(state, command)
            case PublishVeto():
                return published_veto(state, command, now)
            case AppealSettlement():
                return appealed(state, command, now)
            case DecideSettlementAppeal():
                return decided_appeal(state, command)
            case AnswerSettlementAppeal():
                return answered_appeal(state, command)
            case PublishSample(seed=seed):
                if seed in state.settlement.samples:
                    raise Refusal("SAMPLE_EXISTS")
                return [SamplePublished(seed=seed, digest=command.digest, size=command.size, of=command.of)]
            case _:
                return self._on_a_run(state, command, run_of(state, command.run), now)

    def _on_a_run(self, state: CampaignState, command: Any, run: Run, now: datetime) -> Sequence[Event]:
        match command:
            case ReviewSettlement(run=name, version=version, revision=revision):
                _same_version(run, version, revision)
                require_other_person(command.actor, [*run.authors, *run.approvers])
                if run.reviewed:
                    raise Refusal("SETTLEMENT_REVIEWED")
                return [SettlementReviewed(run=name, version=version, revision=revision)]
            case ApproveSettlement(run=name, version=version, revision=revision):
                _no_trial(run)
                _same_version(run, version, revision)
                require_other_person(command.actor, run.makers)
                approvals = len(run.approved_by) + 1
                return [SettlementApproved(run=name, version=version, revision=revision, approvals=approvals)]
            case PublishSettlement(run=name):
                return [self._published(state, name, run, now)]
            case OrderPayment():
                return [ordered(state, command, run, now)]
            case ConfirmPayment(run=name, payment=label):
                payment = run.payments.get(label)
                if payment is None:
                    raise Refusal("PAYMENT_UNKNOWN", payment=label)
                if payment.confirmed:
                    raise Refusal("PAYMENT_CONFIRMED", payment=label)
                require_other_person(command.actor, [*payment.ordered_by, *run.makers])
                return [PaymentConfirmed(run=name, payment=label, fen=payment.fen)]
            case AdjustSettlement():
                return adjusted(state, command, run)
            case _:
                raise NotImplementedError(command.kind)

    def _published(self, state: CampaignState, name: str, run: Run, now: datetime) -> SettlementPublished:
        _no_trial(run)
        if run.published:
            raise Refusal("SETTLEMENT_PUBLISHED", run=name)
        require_after_cutoff(state, run)
        missing = APPROVALS - len(run.approved_by)
        if missing > 0:
            raise Refusal("SETTLEMENT_NOT_APPROVED", run=name, missing=missing)
        return SettlementPublished(
            run=name,
            version=run.version,
            revision=run.revision,
            lines_digest=run.digest,
            total_fen=run.total_fen,
            appeal_until=civil(now) + timedelta(days=state.policy.parameters.appeal_days),
        )

    # -- what it remembers --------------------------------------------------------------------------------------------

    def evolve(self, state: CampaignState, event: Event, envelope: Envelope) -> None:
        """Apply an event of the settlement."""
        if not isinstance(event, SETTLEMENT_EVENTS):
            return
        book = state.settlement
        who = hands(Actor.model_validate(envelope["actor"]))
        match event:
            case SettlementComputed(run=name):
                book.runs[name] = _run(event, book.runs.get(name), who)
            case SettlementLinesAdded(run=name, lines=lines):
                _take_lines(book.runs[name], lines)
            case DropoutRatesAdded(run=name, lines=losses):
                _take_losses(book.runs[name], losses)
            case FundingSourceDeclared() | FundingSourceRejected():
                pool = event.pool_fen if isinstance(event, FundingSourceDeclared) else 0
                funding = Funding(source=event.source, document=event.document, pool_fen=pool)
                book.funding[funding_name(event.source.value, event.document)] = funding
            case SamplePublished(seed=seed, digest=drawn):
                book.samples[seed] = drawn
            case _:
                evolve_vetoes(book, event, who, f"{envelope['stream']}#{envelope['version']}")
                self._evolve_run(state, event, who, envelope)

    def _evolve_run(self, state: CampaignState, event: Event, who: list[str], envelope: Envelope) -> None:
        book = state.settlement
        run = book.runs.get(getattr(event, "run", ""))
        if run is None:
            return
        run.hands = list(dict.fromkeys([*run.hands, *who]))
        match event:
            case SettlementReviewed():
                run.reviewed, run.reviewed_by = True, who
            case SettlementApproved():
                run.approved_by.append(who)
            case SettlementPublished(version=version, revision=revision, appeal_until=until):
                run.published_version, run.published_revision, run.appeal_until = version, revision, until
            case PaymentOrdered(payment=label, funding=source, fen=fen):
                run.payments[label] = Payment(fen=fen, funding=source, ordered_by=who)
                run.ordered_fen += fen
                book.funding[source].ordered_fen += fen
            case PaymentConfirmed(payment=label):
                run.payments[label].confirmed = True
            case AdjustmentComputed(line=line, delta_fen=delta):
                run.amounts[line] += delta
                run.revision, run.digest = run.revision + 1, revised_digest(run.digest, line, delta)
                run.authors = list(dict.fromkeys([*run.authors, *who]))
                run.reviewed, run.reviewed_by, run.approved_by = False, [], []  # another amount: all look at it anew
            case ClawBackOrdered(fen=fen):
                run.clawed_fen += fen
        del envelope

    def view(self, state: CampaignState) -> dict[str, Any]:
        """Return each run in one line; amounts stay in the record, where roles are looked at (DESIGN §10)."""
        runs = {
            name: {
                "version": run.version,
                "profile": run.profile,
                "reviewed": run.reviewed,
                "approvals": len(run.approved_by),
                "published": run.published,
                "paid": bool(run.payments) and all(payment.confirmed for payment in run.payments.values()),
            }
            for name, run in state.settlement.runs.items()
        }
        return {"settlement": runs} if runs else {}

    def blockers(self, state: CampaignState) -> tuple[Blocker, ...]:
        """Return what of the settlement stands in the way of closing."""
        unconfirmed = sum(
            not payment.confirmed for run in state.settlement.runs.values() for payment in run.payments.values()
        )
        found = (
            Blocker(code="PAYMENTS_UNCONFIRMED", count=unconfirmed),
            Blocker(code="SETTLEMENT_APPEALS_OPEN", count=open_appeals(state)),
            Blocker(code="APPEAL_UNANSWERED", count=unanswered_appeals(state)),
            Blocker(code="VETOES_UNDECIDED", count=undecided_vetoes(state)),
            Blocker(code="VETOES_UNPUBLISHED", count=unpublished_vetoes(state)),
        )
        return tuple(blocker for blocker in found if blocker.count)


def hands(actor: Actor) -> list[str]:
    """Return who acts, and for whom."""
    return [person for person in (actor.id, actor.on_behalf_of) if person is not None]


# -- inside -----------------------------------------------------------------------------------------------------------


def _run(event: SettlementComputed, before: Run | None, who: list[str]) -> Run:
    """Return a run in a new version: what was said of the one before does not hold for it (INV-29)."""
    run = Run(
        version=event.version,
        profile=event.profile,
        parameter_hash=event.parameter_hash,
        shadow=event.shadow,
        payable=event.payable,
        as_at=event.as_at,
        digest=event.lines_digest,
        amounts={},
        findings=dict(event.findings),
        authors=who,
        hands=list(dict.fromkeys([*([] if before is None else before.hands), *who])),
        published_version=0 if before is None else before.published_version,
        published_revision=0 if before is None else before.published_revision,
        appeal_until=None if before is None else before.appeal_until,
    )
    _take_lines(run, event.lines)
    return run


def _take_lines(run: Run, lines: tuple[SettlementLine, ...]) -> None:
    for line in lines:
        run.amounts[line.name] = line.amount_fen
        quota, countable = run.tallies.get(line.school, (0, 0))
        run.tallies[line.school] = (quota + line.quota, countable + line.countable)


def _take_losses(run: Run, lines: tuple[DropoutLine, ...]) -> None:
    for line in lines:
        if line.finding is not None and line.lost is not None:
            run.losses[line.name] = Loss(lost=line.lost, pupils=line.pupils, finding=line.finding.value)


def _same_version(run: Run, version: int, revision: int) -> None:
    if run.version != version:
        raise Refusal("SETTLEMENT_VERSION_OLD", version=run.version)
    if run.revision != revision:
        raise Refusal("SETTLEMENT_REVISION_OLD", version=run.version, revision=run.revision)


def _no_trial(run: Run) -> None:
    if run.shadow:
        raise Refusal("SETTLEMENT_TRIAL_ONLY")
