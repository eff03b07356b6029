"""What can happen and be commanded of assigned care, letters, stand-ins and access (DOMAIN §1.6, R-06, R-07, S13, S15).

An event names staff and pupils by their references; a letter stands in the record as the digest of its text.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field

from domain.events import Event
from domain.instants import Day
from domain.refusal import Blocker
from domain.stream import CLASS, CODE, LABEL, STAFF, STUDENT, Command

SCHOOL_SCOPE = "school"
GRADE_SCOPE = "grade"
SHA256 = r"^[0-9a-f]{64}$"
COMMAND_KIND = r"^[a-z][a-z_]{2,39}$"

Staff = Annotated[str, Field(pattern=STAFF)]
Student = Annotated[str, Field(pattern=STUDENT)]
ClassId = Annotated[str, Field(pattern=CLASS)]
Scope = Annotated[str, Field(pattern=r"^(school|grade|\d{4}-\d{2})$")]
Label = Annotated[str, Field(pattern=LABEL)]


class Level(StrEnum):
    """The levels at which a responsibility letter is signed (R-07)."""

    PRINCIPAL = "PRINCIPAL"
    VICE_PRINCIPAL = "VICE_PRINCIPAL"
    GRADE_LEADER = "GRADE_LEADER"
    CLASS_HEAD = "CLASS_HEAD"
    TEACHER = "TEACHER"


# -- what the school remembers ----------------------------------------------------------------------------------


class ClassCare(BaseModel):
    """The carers of a class and their pupils.

    Attributes:
        carers: references, the class head's first.
        groups: the pupils of each, in the order in which they stay (`domain.partition`).
    """

    carers: list[str]
    groups: list[list[str]]

    def carer_of(self, student: str) -> str | None:
        """Return who looks after a pupil, None for one who has no carer yet."""
        for carer, group in zip(self.carers, self.groups, strict=True):
            if student in group:
                return carer
        return None


class LeadingGroup(BaseModel):
    """The leading group: head (first person responsible), deputies (the first of them the second person), members."""

    head: str
    deputies: list[str]
    members: list[str]


class Letter(BaseModel):
    """A responsibility letter that is in force."""

    letter: str
    version: str


class Delegation(BaseModel):
    """What one member of staff lets another do.

    Attributes:
        by, to: who is stood in for, and who stands in.
        until: the last civil day.
        commands: kinds of commands; empty means all that can be delegated.
        classes: classes; empty means all.
        accepted: whether the other has said yes.
    """

    by: str
    to: str
    until: date
    commands: list[str]
    classes: list[str]
    accepted: bool = False


class Care(BaseModel):
    """What the school remembers of who looks after whom.

    Attributes:
        classes: class id → its carers and their pupils.
        changed: classes whose pupils or carers have changed since, with the instant: the partition follows at once.
        group: the leading group, None before it is formed.
        group_changed: since when a person of the group is another one, until the record says so.
        letters: "level scope signer" → the letter in force.
        delegations: those that are offered or accepted; rejected and revoked ones are gone.
        opened: "pupil person" → until when a break-glass access goes on.
        begun: since when the school has its cohort.
        looked_at: when the mobilisation began and the letters were looked at, None before.
    """

    classes: dict[str, ClassCare] = {}
    changed: dict[str, AwareDatetime] = {}
    group: LeadingGroup | None = None
    group_changed: AwareDatetime | None = None
    letters: dict[str, Letter] = {}
    delegations: dict[str, Delegation] = {}
    opened: dict[str, AwareDatetime] = {}
    begun: AwareDatetime | None = None
    looked_at: AwareDatetime | None = None


# -- events -----------------------------------------------------------------------------------------------------


class StudentsPartitioned(Event):
    """Every pupil of a class has exactly one carer (R-06, INV-16).

    Attributes:
        carers: references, the class head's first.
        groups: the pupils of each; no event says who belongs to a special group.
        shares: how many pupils each has.
        moved: how many pupils went to another carer; who takes another's place takes the pupils over, and none moves.
    """

    class_id: str
    carers: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    shares: tuple[int, ...]
    moved: int


class LeadingGroupFormed(Event):
    """The school's leading group stands (R-07): head first, the first deputy second."""

    head: str
    deputies: tuple[str, ...]
    members: tuple[str, ...]


class LeadingGroupChanged(Event):
    """The leading group has changed."""

    head: str
    deputies: tuple[str, ...]
    members: tuple[str, ...]


class ResponsibilityLetterSigned(Event):
    """Somebody signed their own letter; `letter` is the SHA-256 of its text."""

    level: Level
    scope: str
    signer: str
    letter: str
    version: str


class ResponsibilityLetterRevoked(Event):
    """A letter is no longer in force; the signature stays in the record."""

    level: Level
    scope: str
    signer: str
    reason: str


class OwedLetter(BaseModel):
    """A letter that nobody has signed: its level, its scope, and whose it is."""

    level: Level
    scope: str
    signer: str


class LettersDue(Event):
    """The mobilisation begins: which letters stand, and which do not (R-07).

    It is written once, whether anything is missing or not, so that a letter revoked later is not asked for as a late
    one. It holds nothing up: a family's meetings and rights do not wait for a teacher's signature.

    Attributes:
        signed: how many letters that are owed stand.
        missing: what the school has yet to do, as counts; empty where all letters stand.
        letters: the letters that are owed and not in force.
        classes: those without carers, whose letters nobody can sign yet.
    """

    signed: int
    missing: tuple[Blocker, ...]
    letters: tuple[OwedLetter, ...]
    classes: tuple[str, ...]


class DelegationOffered(Event):
    """A member of staff asks another to stand in, up to and including a day (S13)."""

    delegation: str
    by: str
    to: str
    until: date
    commands: tuple[str, ...]
    classes: tuple[str, ...]


class DelegationAccepted(Event):
    """The other has said yes: from here on the delegation can be used."""

    delegation: str


class DelegationRejected(Event):
    """The other has said no."""

    delegation: str


class DelegationRevoked(Event):
    """Who gave a delegation, or the principal, has taken it back."""

    delegation: str
    reason: str


class AccessUsed(Event):
    """Somebody looks into a pupil's record: for a purpose, and where it is not their pupil, for a reason (INV-23, S15).

    Attributes:
        role: of the one who looks; who it is stands in the envelope.
        purpose: why the record is needed, a code.
        reason: why the glass was broken, a code; None for the pupil's own carer and those in charge.
        until: how long a break-glass access goes on; None for an ordinary look.
    """

    student: str
    role: str
    purpose: str
    reason: str | None = None
    until: AwareDatetime | None = None


CARE_EVENTS: tuple[type[Event], ...] = (
    StudentsPartitioned,
    LeadingGroupFormed,
    LeadingGroupChanged,
    ResponsibilityLetterSigned,
    ResponsibilityLetterRevoked,
    LettersDue,
    DelegationOffered,
    DelegationAccepted,
    DelegationRejected,
    DelegationRevoked,
    AccessUsed,
)


# -- commands ---------------------------------------------------------------------------------------------------


class PartitionClass(Command):
    """Give every pupil of a class a carer; again with the same carers, only who must move moves.

    Attributes:
        carers: one for each share of the policy, the class head first.
        special: pupils of special groups (left-behind, in difficulty …), who come first to the class head.
    """

    kind: Literal["partition_class"] = "partition_class"
    class_id: ClassId
    carers: Annotated[tuple[Staff, ...], Field(min_length=1, max_length=9)]
    special: Annotated[tuple[Student, ...], Field(max_length=200)] = ()


class FormLeadingGroup(Command):
    """Form or change the leading group; its head is the principal who gives the command."""

    kind: Literal["form_leading_group"] = "form_leading_group"
    head: Staff
    deputies: Annotated[tuple[Staff, ...], Field(min_length=1, max_length=9)]
    members: Annotated[tuple[Staff, ...], Field(max_length=99)] = ()


class SignLetter(Command):
    """Sign one's own letter: nobody signs for somebody else."""

    kind: Literal["sign_letter"] = "sign_letter"
    level: Level
    scope: Scope
    letter: Annotated[str, Field(pattern=SHA256)]
    version: Label


class RevokeLetter(Command):
    """Take a letter back: its signer, or the principal; needs a reason."""

    kind: Literal["revoke_letter"] = "revoke_letter"
    level: Level
    scope: Scope
    signer: Staff


class Delegate(Command):
    """Ask somebody of the school to stand in for oneself.

    Attributes:
        delegation: a label for it, unique in the school.
        commands: kinds of commands; empty for all that can be delegated.
        classes: classes; empty for all.
    """

    kind: Literal["delegate"] = "delegate"
    delegation: Label
    to: Staff
    until: Day
    commands: Annotated[tuple[Annotated[str, Field(pattern=COMMAND_KIND)], ...], Field(max_length=40)] = ()
    classes: Annotated[tuple[ClassId, ...], Field(max_length=99)] = ()


class AcceptDelegation(Command):
    """Say yes to standing in."""

    kind: Literal["accept_delegation"] = "accept_delegation"
    delegation: Label


class RejectDelegation(Command):
    """Say no to standing in."""

    kind: Literal["reject_delegation"] = "reject_delegation"
    delegation: Label


class RevokeDelegation(Command):
    """Take a delegation back: who gave it, or the principal; needs a reason."""

    kind: Literal["revoke_delegation"] = "revoke_delegation"
    delegation: Label


class UseAccess(Command):
    """Look into a pupil's record; the record of the look comes before the look.

    Attributes:
        purpose: why it is needed.
        head_of: the classes that the staff list gives to the one who looks.
        break_glass: True to look although it is not one's own pupil; needs a reason, and is reported.
    """

    kind: Literal["use_access"] = "use_access"
    student: Student
    purpose: Annotated[str, Field(pattern=CODE)]
    head_of: Annotated[tuple[ClassId, ...], Field(max_length=99)] = ()
    break_glass: bool = False


CARE_COMMANDS: tuple[type[Command], ...] = (
    PartitionClass,
    FormLeadingGroup,
    SignLetter,
    RevokeLetter,
    Delegate,
    AcceptDelegation,
    RejectDelegation,
    RevokeDelegation,
    UseAccess,
)
