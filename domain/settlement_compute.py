"""How a run of the settlement is computed: from counts, by the policy of its day (R-01, R-02, R-05; INV-11, INV-29).

Nobody hands in an amount: the client folds the counts from the ledger and says up to where it has read, and the lines
are computed here. A run looks at a moment, which may lie back: it goes by the policy that held on that day and by the
targets that were on record then, whenever it is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from domain.campaign_state import CampaignState
from domain.dropout_rates import DropoutCount, dropout_results
from domain.events import Event
from domain.funding import FEN
from domain.policy import PolicyProfile, profile
from domain.policy_change import counting_cutoff, policy_on
from domain.policy_readings import PenaltyFrom
from domain.refusal import Refusal
from domain.settlement import ClassCount, settle
from domain.settlement_commands import ComputeSettlement
from domain.settlement_events import (
    LINES_AN_EVENT,
    DropoutLine,
    DropoutRatesAdded,
    LineChange,
    SettlementComputed,
    SettlementLine,
    SettlementLinesAdded,
    lines_digest,
    public_totals,
)
from domain.settlement_money import violated_classes
from domain.targets_held import quotas_in_force
from domain.time import civil


def computed(state: CampaignState, command: ComputeSettlement, now: datetime) -> list[Event]:
    """Compute a version of a run.

    Raises:
        Refusal: SETTLEMENT_AS_AT_FUTURE, SETTLEMENT_PAID, SETTLEMENT_BASIS_FOREIGN, SETTLEMENT_CLASSES_MISSING,
            ROWS_REFUSED, PROFILE_UNKNOWN, PROFILE_NOT_IN_FORCE.
    """
    if command.as_at > now:
        raise Refusal("SETTLEMENT_AS_AT_FUTURE")
    before = state.settlement.runs.get(command.run)
    if before is not None and before.payments:
        raise Refusal("SETTLEMENT_PAID", run=command.run)
    policy = policy_named(state, command.profile, command.as_at)
    own = policy_on(state, civil(command.as_at))
    if policy.id != own.id and not policy.shadow:
        raise Refusal("PROFILE_NOT_IN_FORCE", profile=policy.id, held=own.id)
    counts, dropout = _counts(state, command), _losses(state, command)
    voided = violated_classes(state)
    told = settle(counts, policy, voided=voided)
    lines = settled_lines(counts, policy, voided)
    version = 1 if before is None else before.version + 1
    event = SettlementComputed(
        run=command.run,
        version=version,
        profile=policy.id,
        profile_version=policy.version,
        parameter_hash=told.parameter_hash,
        shadow=policy.shadow,
        payable=policy.parameters.payable and not policy.shadow,
        as_at=command.as_at,
        lines=lines[:LINES_AN_EVENT],
        lines_digest=lines_digest(lines),
        totals=public_totals(lines),
        findings={note.school: note.code.value for note in told.notes if note.class_id is None},
        basis=command.basis,
        stamp=told.stamp,
        changes=() if before is None else _changes(before.amounts, lines),
        voided=tuple(sorted(f"{school}/{class_id}" for school, class_id in voided)),
    )
    more = _parts(lines[LINES_AN_EVENT:])
    losses = _parts(judged_losses(dropout, policy))
    return [
        event,
        *(SettlementLinesAdded(run=command.run, version=version, lines=part) for part in more),
        *(DropoutRatesAdded(run=command.run, version=version, lines=part) for part in losses),
    ]


# -- shared with audit and command line ------------------------------------------------------------------------------


def settled_lines(
    counts: Sequence[ClassCount], policy: PolicyProfile, voided: Sequence[tuple[str, str]]
) -> tuple[SettlementLine, ...]:
    """Return the lines of a run: the one computation that the rules make and an auditor makes again."""
    told = settle(counts, policy, voided=voided)
    return tuple(
        SettlementLine(
            **count.model_dump(),
            amount_fen=_at_least_nothing(_amount(result.reward_yuan, policy), count, policy),
            points=_at_least_nothing(result.points, count, policy),
        )
        for count, result in zip(counts, told.classes, strict=True)
    )


def judged_losses(counts: Sequence[DropoutCount], policy: PolicyProfile) -> tuple[DropoutLine, ...]:
    """Return what the dropout rule makes of classes of grades 7 to 9, for the auditor to make again (R-05)."""
    told = dropout_results(counts, policy.parameters)
    return tuple(
        DropoutLine(
            **count.model_dump(), pupils=result.pupils, rate=result.rate, award=result.award, finding=result.finding
        )
        for count, result in zip(counts, told, strict=True)
    )


def policy_named(state: CampaignState, name: str, as_at: datetime) -> PolicyProfile:
    """Return the campaign's own policy of that day where it has the name, else the shipped one (INV-29).

    Raises:
        Refusal: PROFILE_UNKNOWN.
    """
    own = policy_on(state, civil(as_at))
    return own if own.id == name else profile(name)


# -- inside -----------------------------------------------------------------------------------------------------------


def _counts(state: CampaignState, command: ComputeSettlement) -> list[ClassCount]:
    """Read the counts; schools and quotas must be the campaign's own, as they were known at the moment of the run.

    Every class with a quota is there: one left out would lower the school's quota. Beside them stand only classes
    with countable pupils.

    Raises:
        Refusal: ROWS_REFUSED, SETTLEMENT_CLASSES_MISSING, SETTLEMENT_BASIS_FOREIGN, COMMAND_INVALID.
    """
    own = (state.campaign, f"{state.campaign}/")
    if any(stream != own[0] and not stream.startswith(own[1]) for stream in command.basis):
        raise Refusal("SETTLEMENT_BASIS_FOREIGN")
    quotas = quotas_in_force(state.targets, counting_cutoff(state, command.as_at), known=command.as_at)
    problems: list[dict[str, Any]] = []
    counts: list[ClassCount] = []
    seen: dict[str, None] = {}
    for number, row in enumerate(command.classes):
        name = f"{row.school}/{row.class_id}"
        code = None
        if row.school not in state.schools:
            code = "SCHOOL_UNKNOWN"
        elif name in seen:
            code = "CLASS_TWICE"
        elif row.quota != quotas.get(row.school, {}).get(row.class_id, 0):
            code = "QUOTA_NOT_IN_FORCE"
        elif not (row.quota or row.countable or row.class_id in quotas.get(row.school, {})):
            code = "CLASS_UNKNOWN"
        elif _more_served_than_pupils(row.pupils, (row.informed, row.guided, row.free_refusals)):
            code = "MORE_SERVED_THAN_PUPILS"
        if code is not None:
            problems.append({"row": number, "code": code})
            continue
        seen[name] = None
        counts.append(ClassCount.model_validate(row.model_dump()))
    if problems:
        raise Refusal("ROWS_REFUSED", count=len(problems), rows=problems)
    needed = (f"{school}/{class_id}" for school, own in quotas.items() for class_id, heads in own.items() if heads)
    missing = [name for name in needed if name not in seen]
    if missing:
        raise Refusal("SETTLEMENT_CLASSES_MISSING", classes=missing, count=len(missing))
    return counts


def _losses(state: CampaignState, command: ComputeSettlement) -> list[DropoutCount]:
    """Read the losses: of schools of the campaign, each class once.

    Raises:
        Refusal: ROWS_REFUSED; its rows are those of `dropout`.
    """
    problems: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], None] = {}
    for number, row in enumerate(command.dropout):
        if row.school not in state.schools:
            problems.append({"row": number, "code": "SCHOOL_UNKNOWN"})
        elif (row.school, row.class_id) in seen:
            problems.append({"row": number, "code": "CLASS_TWICE"})
        seen[row.school, row.class_id] = None
    if problems:
        raise Refusal("ROWS_REFUSED", count=len(problems), rows=problems)
    return [DropoutCount.model_validate(row.model_dump()) for row in command.dropout]


def _more_served_than_pupils(pupils: int | None, served: Iterable[int | None]) -> bool:
    return pupils is not None and any(count is not None and count > pupils for count in served)


def _at_least_nothing(figure: int, count: ClassCount, policy: PolicyProfile) -> int:
    """Return money or points of a class; outside a trial none are lost where families freely said no (INV-07)."""
    return max(0, figure) if count.free_refusals and not policy.shadow else figure


def _amount(yuan: int, policy: PolicyProfile) -> int:
    """Return a line's fen; where it can be paid, a penalty is no fine on anybody's wages (Q13)."""
    parameters = policy.parameters
    floored = parameters.payable and not policy.shadow and parameters.penalty_from is PenaltyFrom.SHADOW_ONLY
    return (max(0, yuan) if floored else yuan) * FEN


def _changes(before: dict[str, int], lines: tuple[SettlementLine, ...]) -> tuple[LineChange, ...]:
    now = {line.name: line.amount_fen for line in lines}
    return tuple(
        LineChange(line=name, was_fen=before.get(name), now_fen=now.get(name))
        for name in dict.fromkeys([*now, *before])
        if before.get(name) != now.get(name)
    )


def _parts(lines: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield lines in parts that fit an event."""
    return (lines[at : at + LINES_AN_EVENT] for at in range(0, len(lines), LINES_AN_EVENT))
