"""What can happen at the identification, and what can be commanded: proposals, confirmations, contests, the freeze."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field

from domain.events import Event
from domain.identification_rule import HelpKind, Reason
from domain.stage_events import StageCommand
from domain.stream import STUDENT, Command

Student = Annotated[str, Field(pattern=STUDENT)]
Students = Annotated[tuple[Student, ...], Field(min_length=1, max_length=500)]
ProposalCode = Literal["HELP", "NO_NEED", "DATA_UNKNOWN"]


# -- events -----------------------------------------------------------------------------------------------------


class ProposalsMade(Event):
    """The rule has looked at every pupil of the snapshot."""

    rule: str
    rule_version: int
    rule_digest: str
    snapshot: str
    snapshot_digest: str
    pupils: int


class HelpProposed(Event):
    """What the rule proposes for one pupil, why, and which fact would change it."""

    student: str
    code: ProposalCode
    help: tuple[HelpKind, ...]
    reasons: tuple[Reason, ...]
    commitment: str


class HelpConfirmed(Event):
    """A person has decided which help a pupil is offered; `as_proposed` tells whether it is the rule's proposal."""

    student: str
    help: tuple[HelpKind, ...]
    as_proposed: bool
    reason: str | None = None


class HelpExcluded(Event):
    """A person has decided that a pupil is offered none, with a reason."""

    student: str
    reason: str


class ProposalContested(Event):
    """Somebody says that a pupil's proposal or decision is wrong."""

    student: str
    reason: str
    raised_by: str


class ContestResolved(Event):
    """Another person than the one who decided has looked again."""

    student: str
    help: tuple[HelpKind, ...]
    reason: str


class CohortFrozen(Event):
    """The decisions and their inputs are fixed: later edits of the roster cannot rewrite why (B7)."""

    pupils: int
    with_help: int
    digest: str
    expires_on: date


# -- commands ---------------------------------------------------------------------------------------------------


class ConfirmHelp(Command):
    """Confirm proposals; `help` decides otherwise than proposed and then needs a reason."""

    kind: Literal["confirm"] = "confirm"
    students: Students
    help: tuple[HelpKind, ...] | None = None


class ExcludeFromHelp(Command):
    """Decide that pupils are offered no help; needs a reason."""

    kind: Literal["exclude"] = "exclude"
    students: Students


class ContestProposal(Command):
    """Contest a pupil's proposal or decision; needs a reason; open also during a pause."""

    kind: Literal["contest"] = "contest"
    student: Student
    raised_by: Literal["GUARDIAN", "PUPIL", "STAFF"]


class ResolveContest(Command):
    """Look again at a contested pupil, by another person than the one who decided; needs a reason."""

    kind: Literal["resolve_contest"] = "resolve_contest"
    student: Student
    help: tuple[HelpKind, ...]


class FreezeCohort(Command):
    """Fix the decisions and their inputs."""

    kind: Literal["freeze"] = "freeze"


IdentificationCommand = Annotated[
    StageCommand | ConfirmHelp | ExcludeFromHelp | ContestProposal | ResolveContest | FreezeCohort,
    Field(discriminator="kind"),
]


IDENTIFICATION_EVENTS: Final[tuple[type[Event], ...]] = (
    ProposalsMade,
    HelpProposed,
    HelpConfirmed,
    HelpExcluded,
    ProposalContested,
    ContestResolved,
    CohortFrozen,
)
