"""What looks as if one person had signed for several families (R-18, edge case 8): a flag, never a refusal.

A shop's telephone, one device for a whole village, a class that signs within minutes: each can be innocent. The bureau
calls such families back in its sample (R-21); nothing of their consent changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from domain.actors import SYSTEM
from domain.application_filing_state import ApplicationFilingState
from domain.consent import AnomalyKind
from domain.destination import Case
from domain.filing_consent_events import AnomalyFlagged
from domain.stream import Acted
from domain.time import civil


def anomalies(state: ApplicationFilingState, changed: Mapping[str, Case], now: datetime) -> list[Acted]:
    """Return what the signatures of one command make visible for the first time.

    Args:
        state: the stage before the command.
        changed: the cases as the command leaves them.
        now: when the command is decided.
    """
    if not state.has_protocol:
        return []
    known = {(flag.kind, flag.mark) for flag in state.flags}
    signed = [student for student, case in changed.items() if case.consents]
    found = [
        *_of_devices(state, changed, signed),
        *_of_phones(state, signed),
        *_of_classes(state, changed, signed),
    ]
    fresh = {(flag.kind, flag.mark): flag for flag in found if (flag.kind, flag.mark) not in known}
    return [Acted(flag, SYSTEM, now) for flag in fresh.values()]


def _of_devices(
    state: ApplicationFilingState, changed: Mapping[str, Case], signed: list[str]
) -> Iterator[AnomalyFlagged]:
    """Yield devices with more signatures than `device_signatures`; one party's signatures of one pupil count once."""
    devices = dict.fromkeys(device for student in signed for device in changed[student].protocol.devices.values())
    if not devices:
        return
    overview = state.overview
    for device in devices:
        perhaps = [*overview.users.get(device, ()), *(student for student in changed if student in overview.places)]
        students = [
            student
            for student in sorted(dict.fromkeys(perhaps), key=overview.places.__getitem__)
            for used in changed.get(student, state.cases[student]).protocol.devices.values()
            if used == device
        ]
        if len(students) > state.policy.parameters.device_signatures:
            yield _flag(AnomalyKind.DEVICE_CLUSTER, device, students)


def _of_phones(state: ApplicationFilingState, signed: list[str]) -> Iterator[AnomalyFlagged]:
    """Yield telephones that more pupils than `phone_pupils` have, once one of them has signed."""
    for number, group in enumerate(state.shared_phones, start=1):
        if len(group) > state.policy.parameters.phone_pupils and any(student in group for student in signed):
            yield _flag(AnomalyKind.PHONE_SHARED, f"phone-{number}", group)


def _of_classes(
    state: ApplicationFilingState, changed: Mapping[str, Case], signed: list[str]
) -> Iterator[AnomalyFlagged]:
    """Yield classes in which more than `burst_signatures` pupils have signed within `burst_minutes`; once a day."""
    parameters = state.policy.parameters
    span = timedelta(minutes=parameters.burst_minutes)
    lines = state.overview.lines
    own_class = {student: lines[student].class_id for student in signed if student in lines}
    for class_id, students in state.classes.items():
        own = [student for student, home in own_class.items() if home == class_id]
        if not own:
            continue
        own_cases = {student: changed.get(student, state.cases[student]).protocol for student in students}
        times = {student: protocol.said_at or protocol.signed_at for student, protocol in own_cases.items()}
        at_once: list[str] = []
        for student in own:
            last = times[student]
            near = [
                one for one, at in times.items() if at is not None and last is not None and last - span <= at <= last
            ]
            at_once = max(at_once, near, key=len)
        if len(at_once) > parameters.burst_signatures:
            latest = max(at for one in at_once if (at := times[one]) is not None)
            yield _flag(AnomalyKind.SIGNING_BURST, f"{class_id}@{civil(latest).isoformat()}", at_once)


def _flag(kind: AnomalyKind, mark: str, students: list[str]) -> AnomalyFlagged:
    return AnomalyFlagged(kind=kind, mark=mark, students=tuple(dict.fromkeys(students)))
