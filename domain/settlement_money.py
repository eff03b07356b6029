"""Money of a settlement: declared, ordered through the gate, adjusted and ordered back (R-08, R-09; INV-17, INV-18)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from domain.actors import require_other_person
from domain.campaign_state import CampaignState
from domain.events import Event
from domain.funding import FEN, GateFacts, gate, is_lawful
from domain.refusal import Refusal
from domain.settlement_commands import AdjustSettlement, DeclareFunding, OrderPayment
from domain.settlement_events import (
    AdjustmentComputed,
    ClawBackOrdered,
    FundingSourceDeclared,
    FundingSourceRejected,
    PaymentOrdered,
    revised_digest,
)
from domain.settlement_state import Run
from domain.settlement_vetoes import open_appeals, unanswered_appeals
from domain.stage_state import require_reason
from domain.time import civil

PAID_RECRUITING: Final = "PAID_RECRUITING"


def declared(state: CampaignState, command: DeclareFunding) -> Event:
    """Put declared money on record; of a forbidden source it is rejected there, and pays nothing (R-08, INV-18).

    Raises:
        Refusal: FUNDING_EXISTS, its document was declared before.
    """
    if funding_name(command.source.value, command.document) in state.settlement.funding:
        raise Refusal("FUNDING_EXISTS")
    if not is_lawful(command.source):
        return FundingSourceRejected(source=command.source, document=command.document)
    return FundingSourceDeclared(source=command.source, document=command.document, pool_fen=command.pool_yuan * FEN)


def ordered(state: CampaignState, command: OrderPayment, run: Run, now: datetime) -> PaymentOrdered:
    """Order what is due on a run, if nothing stands in the way.

    Raises:
        Refusal: PAYMENT_EXISTS; FUNDING_GATE with every missing condition; PAYMENT_NOTHING_DUE; SELF_APPROVAL
            (recorded): who computed, audited or approved it does not pay it out (INV-21).
    """
    if command.payment in run.payments:
        raise Refusal("PAYMENT_EXISTS", payment=command.payment)
    funding = state.settlement.funding.get(command.funding)
    due = run.total_fen - run.ordered_fen + run.clawed_fen
    missing = gate(
        GateFacts(
            payable=run.payable and not run.shadow,
            source=None if funding is None else funding.source,
            document=None if funding is None else funding.document,
            amount_fen=due,
            pool_left_fen=0 if funding is None else funding.pool_fen - funding.ordered_fen,
            approvals=len(run.approved_by),
            negative_lines=sum(amount < 0 for amount in run.amounts.values()),
            open_holds=len(state.holds.open),
            audited=run.reviewed,
            published=run.published,
            open_appeals=open_appeals(state, command.run),
            unanswered_appeals=unanswered_appeals(state, command.run),
            appeals_possible=run.appeal_until is not None and civil(now) <= run.appeal_until,
            violations=sum(
                run.amounts.get(f"{school}/{class_id}", 0) != 0 for school, class_id in violated_classes(state)
            ),
            paid_elsewhere=sum(
                any(other.amounts.get(line, 0) for other in _paying(state, command.run))
                for line, amount in run.amounts.items()
                if amount
            ),
        )
    )
    if missing:
        raise Refusal("FUNDING_GATE", blockers=missing, run=command.run)
    if due <= 0:
        raise Refusal("PAYMENT_NOTHING_DUE", run=command.run)
    require_other_person(command.actor, run.makers)
    return PaymentOrdered(
        run=command.run,
        version=run.version,
        revision=run.revision,
        payment=command.payment,
        funding=command.funding,
        fen=due,
        lines_digest=run.digest,
    )


def adjusted(state: CampaignState, command: AdjustSettlement, run: Run) -> list[Event]:
    """Correct a line by a new one; what was ordered beyond the new total goes back (INV-17, edge case 25).

    The run has a new revision by it, which is audited, approved and published before anything of it is paid (R-08).

    Raises:
        Refusal: REASON_REQUIRED, SETTLEMENT_LINE_UNKNOWN, ADJUSTMENT_*.
    """
    reason = require_reason(command)
    if command.line not in run.amounts:
        raise Refusal("SETTLEMENT_LINE_UNKNOWN", line=command.line)
    if command.delta_fen == 0:
        raise Refusal("ADJUSTMENT_EMPTY")
    if not command.cause.startswith((f"{state.campaign}#", f"{state.campaign}/")):
        raise Refusal("ADJUSTMENT_CAUSE_FOREIGN")
    if run.payable and run.amounts[command.line] + command.delta_fen < 0:
        raise Refusal("ADJUSTMENT_BELOW_ZERO", line=command.line)
    total = run.total_fen + command.delta_fen
    events: list[Event] = [
        AdjustmentComputed(
            run=command.run,
            version=run.version,
            line=command.line,
            delta_fen=command.delta_fen,
            total_fen=total,
            reason=reason,
            cause=command.cause,
            revision=run.revision + 1,
            lines_digest=revised_digest(run.digest, command.line, command.delta_fen),
        )
    ]
    over = run.ordered_fen - run.clawed_fen - max(0, total)
    if over > 0:
        events.append(
            ClawBackOrdered(run=command.run, version=run.version, line=command.line, fen=over, cause=command.cause)
        )
    return events


def funding_name(source: str, document: str | None) -> str:
    """Return under which name declared money is known: its document, or its source while it has none."""
    return source if document is None else document


def _paying(state: CampaignState, but: str) -> list[Run]:
    """Return the runs whose money was ordered and did not go back, but one: nobody is paid twice under two names."""
    runs = state.settlement.runs
    return [run for name, run in runs.items() if name != but and run.ordered_fen > run.clawed_fen]


def violated_classes(state: CampaignState) -> list[tuple[str, str]]:
    """Return the classes whose teacher took money for recruiting, as confirmed and not dismissed (R-09, case 44)."""
    found = (
        (violation.school, violation.class_id)
        for violation in state.holds.violations.values()
        if violation.violation == PAID_RECRUITING
    )
    return [(school, class_id) for school, class_id in found if school is not None and class_id is not None]
