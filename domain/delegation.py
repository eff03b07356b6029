"""Stand-ins: who may act for whom, in what, and until which day (FEATURES S13, INV-21).

A delegation works between its acceptance and the end of its last day, judged when it is used: no clock ends it. It
gives no more than its giver has, and four eyes stay four eyes: a rule about who acted before looks at the giver too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from domain.actors import FAMILY_ONLY, PERMISSIONS, Role
from domain.care_events import (
    AcceptDelegation,
    Care,
    Delegate,
    Delegation,
    DelegationAccepted,
    DelegationOffered,
    DelegationRejected,
    DelegationRevoked,
    RejectDelegation,
    RevokeDelegation,
)
from domain.events import Envelope
from domain.refusal import Refusal
from domain.school_state import SchoolState
from domain.stage_state import require_reason
from domain.time import civil

PERSONAL: Final = frozenset(
    {
        "delegate",
        "accept_delegation",
        "reject_delegation",
        "revoke_delegation",
        "sign_letter",
        "complain",
        *FAMILY_ONLY,
    }
)
"""What nobody does for somebody else."""

CLASS_FIELDS: Final = ("class_id", "classes")
STUDENT_FIELDS: Final = ("student", "students")


def offer(state: SchoolState, command: Delegate, now: datetime) -> DelegationOffered:
    """Return the offer of a delegation.

    Raises:
        Refusal: DELEGATION_PERSONAL, DELEGATION_TO_SELF, DELEGATION_ENDED, DELEGATION_EXISTS, DELEGATION_NOT_POSSIBLE,
            CLASS_UNKNOWN.
    """
    if command.actor.on_behalf_of is not None:
        raise Refusal("DELEGATION_PERSONAL", recorded=True)
    if command.to == command.actor.id:
        raise Refusal("DELEGATION_TO_SELF")
    if command.until < civil(now):
        raise Refusal("DELEGATION_ENDED", until=command.until.isoformat())
    if command.delegation in state.care.delegations:
        raise Refusal("DELEGATION_EXISTS")
    beyond = [kind for kind in command.commands if not can_be_delegated(kind, command.actor.role)]
    if beyond:
        raise Refusal("DELEGATION_NOT_POSSIBLE", commands=beyond)
    strange = [class_id for class_id in command.classes if class_id not in state.classes]
    if strange:
        raise Refusal("CLASS_UNKNOWN", classes=strange)
    return DelegationOffered(
        delegation=command.delegation,
        by=command.actor.id,
        to=command.to,
        until=command.until,
        commands=command.commands,
        classes=command.classes,
    )


def accept(state: SchoolState, command: AcceptDelegation, now: datetime) -> DelegationAccepted:
    """Return the acceptance.

    Raises:
        Refusal: DELEGATION_UNKNOWN, DELEGATION_NOT_YOURS, DELEGATION_ANSWERED, DELEGATION_ENDED.
    """
    held = _answerable(state, command)
    if held.until < civil(now):
        raise Refusal("DELEGATION_ENDED", until=held.until.isoformat())
    return DelegationAccepted(delegation=command.delegation)


def reject(state: SchoolState, command: RejectDelegation) -> DelegationRejected:
    """Return the rejection.

    Raises:
        Refusal: DELEGATION_UNKNOWN, DELEGATION_NOT_YOURS, DELEGATION_ANSWERED.
    """
    _answerable(state, command)
    return DelegationRejected(delegation=command.delegation)


def revoke(state: SchoolState, command: RevokeDelegation) -> DelegationRevoked:
    """Return the end of a delegation: by either of the two, or by the principal.

    Raises:
        Refusal: DELEGATION_UNKNOWN, DELEGATION_NOT_YOURS, REASON_REQUIRED.
    """
    reason = require_reason(command)
    held = _held(state, command.delegation)
    if command.actor.id not in (held.by, held.to) and command.actor.role is not Role.PRINCIPAL:
        raise Refusal("DELEGATION_NOT_YOURS")
    return DelegationRevoked(delegation=command.delegation, reason=reason)


def take_delegation(
    care: Care,
    event: DelegationOffered | DelegationAccepted | DelegationRejected | DelegationRevoked,
    envelope: Envelope,
) -> None:
    """Take an event about a delegation into what the school remembers; those that have ended are dropped."""
    match event:
        case DelegationOffered(delegation=label, by=by, to=to, until=until, commands=commands, classes=classes):
            today = civil(datetime.fromisoformat(envelope["recorded_at"]))
            care.delegations = {name: held for name, held in care.delegations.items() if held.until >= today}
            care.delegations[label] = Delegation(
                by=by, to=to, until=until, commands=list(commands), classes=list(classes)
            )
        case DelegationAccepted(delegation=label):
            care.delegations[label].accepted = True
        case DelegationRejected(delegation=label) | DelegationRevoked(delegation=label):
            care.delegations.pop(label, None)


def can_be_delegated(kind: str, role: Role) -> bool:
    """Tell whether somebody in a role may let another give a command: what the role may do itself, and no more."""
    return kind not in PERSONAL and role in PERMISSIONS.get(kind, {})


def classes_of(state: SchoolState, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the classes that a command is about, by its classes and pupils; empty where it names neither."""
    found: dict[str, None] = {}
    for name, value in _named(fields):
        if name in CLASS_FIELDS:
            found[value] = None
        elif value in state.students:
            found[state.students[value]] = None
    return tuple(found)


def require_delegation(state: SchoolState, by: str, to: str, kind: str, on: date, classes: Iterable[str]) -> Delegation:
    """Return the delegation under which somebody stands in.

    Args:
        state: the giver's school.
        by: reference of the giver.
        to: reference of the stand-in.
        kind: the command's kind.
        on: the civil day of the use.
        classes: the classes that the command is about; none for the whole school.

    Raises:
        Refusal: NOT_DELEGATED; DELEGATION_ENDED, the only one that would cover it is over.
    """
    about = list(classes)
    covering = [
        held
        for held in state.care.delegations.values()
        if (held.by, held.to, held.accepted) == (by, to, True)
        and kind not in PERSONAL
        and (not held.commands or kind in held.commands)
        and (not held.classes or (bool(about) and all(class_id in held.classes for class_id in about)))
    ]
    if not covering:
        raise Refusal("NOT_DELEGATED", command=kind)
    latest = max(covering, key=lambda held: held.until)
    if latest.until < on:
        raise Refusal("DELEGATION_ENDED", until=latest.until.isoformat())
    return latest


def require_stand_in(state: SchoolState, command: Any, today: date) -> None:
    """Refuse a command in somebody else's name without a delegation that this school's record holds (S13).

    Args:
        state: the school.
        command: with an actor who stands in for somebody.
        today: the civil day of the use.

    Raises:
        Refusal: NOT_DELEGATED, DELEGATION_ENDED (both recorded: a client refuses before it sends).
    """
    giver = command.actor.on_behalf_of
    assert giver is not None, "whoever acts for nobody else needs no delegation"
    classes = classes_of(state, command.model_dump(exclude={"actor"}, exclude_none=True))
    try:
        require_delegation(state, giver, command.actor.id, command.kind, today, classes)
    except Refusal as refusal:
        raise Refusal(refusal.code, recorded=True, **refusal.parameters) from None


def _named(value: Any) -> Iterable[tuple[str, str]]:
    """Yield the classes and pupils that a command names, each with its field, rows and all."""
    match value:
        case dict():
            for name, part in value.items():
                if name in (*CLASS_FIELDS, *STUDENT_FIELDS):
                    yield from ((name, one) for one in ([part] if isinstance(part, str) else part))
                else:
                    yield from _named(part)
        case list() | tuple():
            for part in value:
                yield from _named(part)


def _held(state: SchoolState, label: str) -> Delegation:
    held = state.care.delegations.get(label)
    if held is None:
        raise Refusal("DELEGATION_UNKNOWN")
    return held


def _answerable(state: SchoolState, command: AcceptDelegation | RejectDelegation) -> Delegation:
    held = _held(state, command.delegation)
    if held.to != command.actor.id or command.actor.on_behalf_of is not None:
        raise Refusal("DELEGATION_NOT_YOURS")
    if held.accepted:
        raise Refusal("DELEGATION_ANSWERED")
    return held
