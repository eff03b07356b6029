"""After which events a pupil's family hears nothing more, or nothing of one kind (FEATURES G17; DESIGN §8).

The outbox keeps what these events say and asks it at every plan, claim and outcome, so that no order of events and
attempts sends what must not go out any more.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from domain.destination import DestinationKind
from domain.events import Envelope
from domain.retention_events import Finding


class Silence(StrEnum):
    """Why notices are not sent; each stands for itself and is ended by itself."""

    LEFT_REGISTER = "LEFT_REGISTER"
    """The pupil has left or died: nothing is sent until the pupil is back."""
    RECORD_RESTRICTED = "RECORD_RESTRICTED"
    """Nothing is sent until the record is released; then what is statutory goes out, and the rest is past."""
    GOES_ELSEWHERE = "GOES_ELSEWHERE"
    """The pupil goes to another kind of school, or is gone: nothing that invites to a vocational school is sent."""


ABOUT_THE_CHOICE: Final = (
    "choice_notice",
    "choice_notice_pupil",
    "choice_information",
    "document_superseded",
    "meeting_invitation",
    "visit_invitation",
)
"""Purposes that invite a family to choose, or remind it; what tells it of its own rights and consents is not here."""

_BEGINS: Final = {
    "LeftRegister": Silence.LEFT_REGISTER,
    "RecordRestricted": Silence.RECORD_RESTRICTED,
    "LawfulTransfer": Silence.GOES_ELSEWHERE,
    "Lost": Silence.GOES_ELSEWHERE,
}
_ENDS: Final = {
    "StudentJoined": Silence.LEFT_REGISTER,
    "RecordReleased": Silence.RECORD_RESTRICTED,
    "RetentionConfirmed": Silence.GOES_ELSEWHERE,
    "Returned": Silence.GOES_ELSEWHERE,
}
_ON_THE_WAY: Final = (DestinationKind.VOCATIONAL, DestinationKind.UNKNOWN)
_GONE: Final = (Finding.TRANSFER, Finding.LOST)


class Change(NamedTuple):
    """What an event does to the notices of one pupil.

    Attributes:
        student: whose.
        silence: which.
        begins: it begins; False where it ends.
        reason: a code: the kind of exit, the reason of a restriction, or the type of the event.
    """

    student: str
    silence: Silence
    begins: bool
    reason: str


def silence_of(envelope: Envelope) -> Change | None:
    """Return what an event does to the notices of a pupil; most do nothing.

    A destination that is not known, and two that contradict each other, begin nothing and end nothing by themselves:
    a person decides (B21).
    """
    kind, data = envelope["type"], envelope["data"]
    match kind:
        case "OtherDestination" if data["destination"] in _ON_THE_WAY:
            return None
        case "OtherDestination" | "DestinationResolved" | "DestinationCorrected":
            elsewhere = data["destination"] not in _ON_THE_WAY
            return Change(data["student"], Silence.GOES_ELSEWHERE, elsewhere, kind)
        case "EvidenceResolved" | "CheckpointCorrected":
            return Change(data["student"], Silence.GOES_ELSEWHERE, data["state"] in _GONE, kind)
    if (silence := _BEGINS.get(kind)) is not None:
        return Change(data["student"], silence, begins=True, reason=str(data.get("exit") or data.get("reason") or kind))
    if (silence := _ENDS.get(kind)) is not None:
        return Change(data["student"], silence, begins=False, reason=kind)
    return None


def cancels(silence: Silence, purpose: str, *, optional: bool, staff: bool = False) -> bool:
    """Tell whether a silence ends a notice for good; what it only holds back goes out when the silence ends.

    Args:
        silence: which.
        purpose: of the notice.
        optional: whether the notice is; a statutory one waits for the release of a restricted record.
        staff: it is for staff, about the pupil: nobody has to look for one who is gone, and everything else that is
            owed to a child stays owed.
    """
    if staff:
        return silence is Silence.LEFT_REGISTER
    match silence:
        case Silence.LEFT_REGISTER:
            return True
        case Silence.RECORD_RESTRICTED:
            return optional
        case Silence.GOES_ELSEWHERE:
            return purpose in ABOUT_THE_CHOICE
