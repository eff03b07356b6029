"""Which events silence a pupil's notices, which end that, and what each silence ends for good (FEATURES G17)."""

from __future__ import annotations

from datetime import date

import pytest
from stream_samples import CAMPAIGN, SCHOOL

from domain.application_filing_events import (
    DestinationConflicting,
    DestinationCorrected,
    DestinationResolved,
    OtherDestination,
)
from domain.destination import DestinationKind
from domain.evidence import EvidenceGrade
from domain.filing_consent_events import RecordReleased, RecordRestricted
from domain.retention_events import (
    CheckpointCorrected,
    EvidenceResolved,
    Finding,
    LawfulTransfer,
    Lost,
    NotReached,
    RetentionConfirmed,
    Returned,
)
from domain.school_events import LeftRegister, StudentJoined
from domain.silences import ABOUT_THE_CHOICE, Silence, cancels, silence_of
from notices.catalogue import catalogue

A = "stu_000001"
DAY = date(2026, 5, 1)
SEEN = EvidenceGrade.SEEN
ELSEWHERE, LEFT, RESTRICTED = Silence.GOES_ELSEWHERE, Silence.LEFT_REGISTER, Silence.RECORD_RESTRICTED
CHECKED = {"student": A, "checkpoint": "d30", "evidence": SEEN}


def found(kind, destination):
    """Return an event that names a destination."""
    more = {"reason": "CHECKED"} if kind is not OtherDestination else {}
    more |= {"corrects": 3} if kind is DestinationCorrected else {}
    return kind(student=A, destination=destination, evidence=SEEN, **more)


CASES = {
    "left": (LeftRegister(student=A, exit="death", on=DAY), (LEFT, True, "death")),
    "back": (StudentJoined(student=A, class_id="2026-01", on=DAY, again=True), (LEFT, False, "StudentJoined")),
    "restricted": (RecordRestricted(student=A, reason="COURT_ORDER"), (RESTRICTED, True, "COURT_ORDER")),
    "released": (RecordReleased(student=A, reason="OVER"), (RESTRICTED, False, "RecordReleased")),
    "transferred": (LawfulTransfer(**CHECKED), (ELSEWHERE, True, "LawfulTransfer")),
    "lost": (Lost(**CHECKED), (ELSEWHERE, True, "Lost")),
    "returned": (Returned(**CHECKED), (ELSEWHERE, False, "Returned")),
    "still there": (RetentionConfirmed(**CHECKED), (ELSEWHERE, False, "RetentionConfirmed")),
    "not reached": (NotReached(**CHECKED, final=True), None),
    "two destinations": (
        DestinationConflicting(
            student=A,
            held=DestinationKind.GENERAL_HIGH,
            held_evidence=SEEN,
            found=DestinationKind.WORK,
            found_evidence=SEEN,
        ),
        None,
    ),
    **{
        f"{kind.__name__} {destination}": (found(kind, destination), (ELSEWHERE, True, kind.__name__))
        for kind in (OtherDestination, DestinationResolved, DestinationCorrected)
        for destination in DestinationKind
        if destination not in (DestinationKind.VOCATIONAL, DestinationKind.UNKNOWN)
    },
    "nobody knows where": (found(OtherDestination, DestinationKind.UNKNOWN), None),
    "after all vocational": (
        found(DestinationResolved, DestinationKind.VOCATIONAL),
        (ELSEWHERE, False, "DestinationResolved"),
    ),
    "corrected to unknown": (
        found(DestinationCorrected, DestinationKind.UNKNOWN),
        (ELSEWHERE, False, "DestinationCorrected"),
    ),
    "decided: lost": (
        EvidenceResolved(**CHECKED, state=Finding.LOST, reason="LOOKED"),
        (ELSEWHERE, True, "EvidenceResolved"),
    ),
    "decided: there": (
        EvidenceResolved(**CHECKED, state=Finding.PRESENT, reason="LOOKED"),
        (ELSEWHERE, False, "EvidenceResolved"),
    ),
    "corrected: transferred": (
        CheckpointCorrected(**CHECKED, state=Finding.TRANSFER, corrects=2, reason="TYPO"),
        (ELSEWHERE, True, "CheckpointCorrected"),
    ),
    "corrected: suspended": (
        CheckpointCorrected(**CHECKED, state=Finding.SUSPENDED, corrects=2, reason="TYPO"),
        (ELSEWHERE, False, "CheckpointCorrected"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_event_begins_or_ends_a_silence(case):
    """A destination of another kind silences the choice; an unknown one, or a contradiction, does not."""
    event, expected = CASES[case]
    envelope = {
        "stream": f"{CAMPAIGN}/{SCHOOL}/application-filing",
        "type": type(event).__name__,
        "data": event.model_dump(mode="json"),
    }
    change = silence_of(envelope)
    assert change == (None if expected is None else (A, *expected))


def test_a_departure_ends_everything_and_another_destination_only_what_invites_to_choose():
    """What a family is owed about its own consent goes on, and so does what spares it a closed door."""
    purposes = catalogue().purposes
    assert set(ABOUT_THE_CHOICE) < set(purposes)
    assert all(cancels(LEFT, purpose, optional=optional) for purpose in purposes for optional in (True, False))
    assert {purpose for purpose in purposes if cancels(ELSEWHERE, purpose, optional=False)} == set(ABOUT_THE_CHOICE)
    for purpose in ("consent_confirmed", "withdrawal_reported", "meeting_cancelled", "visit_cancelled"):
        assert purpose not in ABOUT_THE_CHOICE


def test_a_restriction_ends_what_is_optional_and_holds_back_what_is_statutory():
    """After the release a family gets what it is owed, and no invitation of a day that is over."""
    assert cancels(RESTRICTED, "visit_invitation", optional=True)
    assert not cancels(RESTRICTED, "choice_notice", optional=False)
