"""Who looks after whom: leader and grade, class head and class, teacher and pupils; letters; stand-ins (R-06, R-07)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from domain.care_access import look, stays_open
from domain.care_events import (
    CARE_COMMANDS,
    CARE_EVENTS,
    GRADE_SCOPE,
    SCHOOL_SCOPE,
    AcceptDelegation,
    AccessUsed,
    ClassCare,
    Delegate,
    DelegationAccepted,
    DelegationOffered,
    DelegationRejected,
    DelegationRevoked,
    FormLeadingGroup,
    LeadingGroup,
    LeadingGroupChanged,
    LeadingGroupFormed,
    Letter,
    LettersDue,
    Level,
    OwedLetter,
    PartitionClass,
    RejectDelegation,
    ResponsibilityLetterRevoked,
    ResponsibilityLetterSigned,
    RevokeDelegation,
    RevokeLetter,
    SignLetter,
    StudentsPartitioned,
    UseAccess,
)
from domain.delegation import accept, offer, reject, revoke, take_delegation
from domain.events import Envelope, Event
from domain.partition import Groups, partition
from domain.parts import Clock, Part
from domain.refusal import Blocker, Refusal
from domain.school_events import CohortLoaded, LeftRegister, StaffReplaced, StudentJoined
from domain.school_state import SchoolState
from domain.stage_state import require_reason
from domain.stream import Command, UnknownEventError
from domain.time import at, civil

DUTY = tuple[Level, str, str]
"""A letter that is owed: its level, its scope ("school", "grade" or a class), and who must sign it."""

MOBILISATION: Final = "parent-meetings"
"""The stage that begins the mobilisation: letters stand before it opens (R-07, DOMAIN §7.4 G2 and G3)."""


def duties(state: SchoolState) -> list[DUTY]:
    """Return the letters that the school needs, from the principal down to the teachers (R-07, F-G1).

    The head of the leading group answers for the school, the first deputy is the second person responsible, the other
    deputies (or the only one) answer for the grade; then the carers of each class that has some.
    """
    owed: list[DUTY] = []
    group = state.care.group
    if group is not None:
        first, *others = group.deputies
        owed += [(Level.PRINCIPAL, SCHOOL_SCOPE, group.head), (Level.VICE_PRINCIPAL, SCHOOL_SCOPE, first)]
        owed += [(Level.GRADE_LEADER, GRADE_SCOPE, deputy) for deputy in others or [first]]
    for class_id, care in sorted(state.care.classes.items()):
        head, *teachers = care.carers
        owed.append((Level.CLASS_HEAD, class_id, head))
        with_pupils = zip(teachers, care.groups[1:], strict=True)
        owed += [(Level.TEACHER, class_id, teacher) for teacher, group_ in with_pupils if group_]
    return owed


def unsigned(state: SchoolState) -> list[DUTY]:
    """Return the letters that are owed and not in force."""
    return [duty for duty in duties(state) if _key(*duty) not in state.care.letters]


def without_carers(state: SchoolState) -> list[str]:
    """Return the classes with pupils that have no carers yet, or one too few."""
    return sorted({class_id: None for class_id in state.students.values() if not _has_carers(state, class_id)})


def letters_due(state: SchoolState) -> datetime | None:
    """Return when the letters are looked at: as the mobilisation begins; None where that is over, or never comes.

    A school whose campaign begins later has until the next day: nobody can sign before it has its pupils.
    """
    window, begun = state.stages.get(MOBILISATION), state.care.begun
    if window is None or begun is None or state.care.looked_at is not None:
        return None
    return max(at(window.opens), at(civil(begun) + timedelta(days=1)))


class CarePart(Part[SchoolState]):
    """Assigned care, responsibility letters, stand-ins and access to a pupil's record."""

    commands: ClassVar[tuple[type[Command], ...]] = CARE_COMMANDS
    event_types: ClassVar[tuple[type[Event], ...]] = CARE_EVENTS

    def decide(self, state: SchoolState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide one of the part's commands.

        Raises:
            Refusal: CLASS_UNKNOWN, CARERS_*, SPECIAL_NOT_OF_CLASS, PARTITION_UNCHANGED, GROUP_*, LETTER_*,
                DELEGATION_*, REASON_REQUIRED, STUDENT_UNKNOWN, ACCESS_NEEDS_REASON.
        """
        match command:
            case PartitionClass():
                return [self._partition(state, command)]
            case FormLeadingGroup():
                return [self._form_group(state, command)]
            case SignLetter():
                return [self._sign(state, command)]
            case RevokeLetter(level=level, scope=scope, signer=signer):
                reason = require_reason(command)
                if _key(level, scope, signer) not in state.care.letters:
                    raise Refusal("LETTER_UNKNOWN")
                if signer != command.actor.id and not self._leads(command):
                    raise Refusal("LETTER_NOT_YOURS")
                return [ResponsibilityLetterRevoked(level=level, scope=scope, signer=signer, reason=reason)]
            case Delegate():
                return [offer(state, command, now)]
            case AcceptDelegation():
                return [accept(state, command, now)]
            case RejectDelegation():
                return [reject(state, command)]
            case RevokeDelegation():
                return [revoke(state, command)]
            case UseAccess():
                return [look(state, command, now)]
            case _:
                return super().decide(state, command, now)

    def evolve(self, state: SchoolState, event: Event, envelope: Envelope) -> None:
        """Apply an event of the part, and what the register and the staff list change about it."""
        care = state.care
        match event:
            case StudentsPartitioned(class_id=class_id, carers=carers, groups=groups):
                care.classes[class_id] = ClassCare(carers=list(carers), groups=[list(group) for group in groups])
                care.changed.pop(class_id, None)
            case LeadingGroupFormed() | LeadingGroupChanged():
                care.group = LeadingGroup.model_validate(event.model_dump())
                care.group_changed = None
            case ResponsibilityLetterSigned(level=level, scope=scope, signer=signer, letter=letter, version=version):
                care.letters[_key(level, scope, signer)] = Letter(letter=letter, version=version)
            case ResponsibilityLetterRevoked(level=level, scope=scope, signer=signer):
                care.letters.pop(_key(level, scope, signer), None)
            case DelegationOffered() | DelegationAccepted() | DelegationRejected() | DelegationRevoked():
                take_delegation(care, event, envelope)
            case AccessUsed():
                stays_open(care, event, envelope)
            case LettersDue():
                care.looked_at = _recorded(envelope)
            case CohortLoaded() if state.release >= self.since:
                care.begun = _recorded(envelope)
            case LeftRegister(student=student):
                self._leaves(state, student, _recorded(envelope))
            case StudentJoined(class_id=class_id):
                if class_id in care.classes:
                    care.changed.setdefault(class_id, _recorded(envelope))
            case StaffReplaced(leaving=leaving, joining=joining):
                self._replaced(state, leaving, joining, _recorded(envelope))
            case _ if isinstance(event, CARE_EVENTS):
                raise UnknownEventError(f"{envelope['stream']}#{envelope['version']}: {envelope['type']}")
            case _:
                pass  # another topic's

    def clocks(self, state: SchoolState) -> Iterable[Clock]:
        """Yield the partitions that follow the register and the staff list, at the instant of the change; then letters.

        A class with a carer too few is shared anew by people only: nobody else can say who the other one is.
        """
        for class_id, since in state.care.changed.items():
            if not _has_carers(state, class_id):
                continue
            yield since, _partitioned(state, class_id, state.care.classes[class_id].carers)
        group, changed = state.care.group, state.care.group_changed
        if group is not None and changed is not None:
            yield changed, LeadingGroupChanged.model_validate(group.model_dump())
        due = letters_due(state)
        if due is not None and not state.paused and not state.stopped:
            yield due, _letters(state)

    def view(self, state: SchoolState) -> dict[str, Any]:
        """Return how many classes have carers and how many letters are missing, once anybody has begun."""
        care = state.care
        if not care.classes and care.group is None:
            return {}
        missing = len(unsigned(state))
        told = {"classes": len(care.classes), "without": len(without_carers(state)), "letters_missing": missing}
        return {"care": {**told, "leading_group": care.group is not None}}

    # -- inside -----------------------------------------------------------------------------------------------

    def _partition(self, state: SchoolState, command: PartitionClass) -> StudentsPartitioned:
        class_id, carers = command.class_id, command.carers
        if class_id not in state.classes:
            raise Refusal("CLASS_UNKNOWN", classes=[class_id])
        needed = len(state.policy.parameters.split)
        if len(carers) != needed or len(set(carers)) != needed:
            raise Refusal("CARERS_NOT_AS_MANY", needed=needed)
        strange = [student for student in command.special if state.students.get(student) != class_id]
        if strange:
            raise Refusal("SPECIAL_NOT_OF_CLASS", count=len(strange))
        event = _partitioned(state, class_id, carers, command.special)
        held = state.care.classes.get(class_id)
        if held is not None and (tuple(held.carers), _groups(held)) == (event.carers, event.groups):
            raise Refusal("PARTITION_UNCHANGED")
        return event

    def _form_group(self, state: SchoolState, command: FormLeadingGroup) -> Event:
        """Return the group; whoever gives the command is the principal, and the principal is its head (R-07)."""
        if command.head not in (command.actor.id, command.actor.on_behalf_of):
            raise Refusal("GROUP_HEAD_NOT_PRINCIPAL")
        people = [command.head, *command.deputies, *command.members]
        if len(set(people)) != len(people):
            raise Refusal("GROUP_PERSON_TWICE")
        fields = {"head": command.head, "deputies": command.deputies, "members": command.members}
        held = state.care.group
        if held is None:
            return LeadingGroupFormed(**fields)
        if held == LeadingGroup.model_validate(fields):
            raise Refusal("GROUP_UNCHANGED")
        return LeadingGroupChanged(**fields)

    def _sign(self, state: SchoolState, command: SignLetter) -> Event:
        if command.actor.on_behalf_of is not None:
            raise Refusal("LETTER_IS_PERSONAL", recorded=True)
        signer = command.actor.id
        if (command.level, command.scope, signer) not in duties(state):
            raise Refusal("LETTER_NOT_YOURS")
        held = state.care.letters.get(_key(command.level, command.scope, signer))
        if held == Letter(letter=command.letter, version=command.version):
            raise Refusal("LETTER_ALREADY_SIGNED", version=command.version)
        return ResponsibilityLetterSigned(
            level=command.level, scope=command.scope, signer=signer, letter=command.letter, version=command.version
        )

    def _leads(self, command: Command) -> bool:
        return command.actor.role.value == "principal"

    def _leaves(self, state: SchoolState, student: str, when: datetime) -> None:
        for class_id, care in state.care.classes.items():
            for group in care.groups:
                if student in group:
                    group.remove(student)
                    state.care.changed.setdefault(class_id, when)

    def _replaced(self, state: SchoolState, leaving: str, joining: str, when: datetime) -> None:
        """Put one person in another's place.

        Who already has a share of a class takes the leaver's pupils too, so that none is without a carer, and the class
        counts as one without carers until the school has named the one who is missing.
        """
        care = state.care
        for class_id, one in care.classes.items():
            if leaving in one.carers and joining in one.carers:
                _merge(one, leaving, joining)
            elif leaving in one.carers:
                one.carers[one.carers.index(leaving)] = joining
                care.changed.setdefault(class_id, when)
        group = care.group
        if group is not None and leaving in (group.head, *group.deputies, *group.members):
            people = [joining if person == leaving else person for person in (group.head, *group.deputies)]
            members = [joining if person == leaving else person for person in group.members]
            care.group = LeadingGroup(
                head=people[0],
                deputies=[person for person in dict.fromkeys(people[1:]) if person != people[0]] or people[1:2],
                members=[person for person in dict.fromkeys(members) if person not in people],
            )
            care.group_changed = when
        care.delegations = {
            label: held for label, held in care.delegations.items() if leaving not in (held.by, held.to)
        }


def _letters(state: SchoolState) -> LettersDue:
    """Return what stands on the day; the blockers are what the principal is told of."""
    letters, classes = unsigned(state), without_carers(state)
    counts = {
        "LEADING_GROUP_NOT_FORMED": int(state.care.group is None),
        "CLASSES_WITHOUT_CARERS": len(classes),
        "LETTERS_NOT_SIGNED": len(letters),
    }
    return LettersDue(
        signed=len(duties(state)) - len(letters),
        missing=tuple(Blocker(code=code, count=count) for code, count in counts.items() if count),
        letters=tuple(OwedLetter(level=level, scope=scope, signer=signer) for level, scope, signer in letters),
        classes=tuple(classes),
    )


def _has_carers(state: SchoolState, class_id: str) -> bool:
    """Tell whether a class has as many carers as the policy shares it among."""
    held = state.care.classes.get(class_id)
    return held is not None and len(held.carers) == len(state.policy.parameters.split)


def _merge(one: ClassCare, leaving: str, joining: str) -> None:
    """Give a leaver's pupils to another carer of the class, who takes the earlier of the two places."""
    first, second = sorted((one.carers.index(leaving), one.carers.index(joining)))
    one.groups[first] += one.groups.pop(second)
    one.carers.pop(second)
    one.carers[first] = joining


def _partitioned(
    state: SchoolState, class_id: str, carers: Sequence[str], special: Iterable[str] = ()
) -> StudentsPartitioned:
    """Return a class's partition among these carers, with as few moves as it takes."""
    students = [student for student, of in state.students.items() if of == class_id]
    before = tuple(_before(state.care.classes.get(class_id), carers))
    after = partition(before, students, state.policy.parameters.split, tuple(special))
    had = {student: place for place, group in enumerate(before) for student in group}
    known = {student for group in _groups(state.care.classes.get(class_id)) for student in group}
    moved = sum(
        student in known and had.get(student) != place for place, group in enumerate(after) for student in group
    )
    return StudentsPartitioned(
        class_id=class_id, carers=tuple(carers), groups=after, shares=tuple(len(group) for group in after), moved=moved
    )


def _before(held: ClassCare | None, carers: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the pupils whom each carer has now; a new carer takes over from the one who had the place and is gone."""
    for place, carer in enumerate(carers):
        if held is None:
            yield ()
        elif carer in held.carers:
            yield tuple(held.groups[held.carers.index(carer)])
        elif place < len(held.carers) and held.carers[place] not in carers:
            yield tuple(held.groups[place])
        else:
            yield ()


def _groups(held: ClassCare | None) -> Groups:
    return () if held is None else tuple(map(tuple, held.groups))


def _key(level: Level, scope: str, signer: str) -> str:
    return f"{level.value} {scope} {signer}"


def _recorded(envelope: Envelope) -> datetime:
    return datetime.fromisoformat(envelope["recorded_at"])
