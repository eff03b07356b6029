"""Which events ask for a notice: rows of references for the outbox, never a rendered text (design, section 8)."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from domain.actors import Role
from domain.events import Envelope, event_id

UNROUTED: Final = ""
"""The channel of a notice whose readers nobody has looked up yet."""

WECOM: Final = "wecom"
SMS: Final = "sms"
EMAIL: Final = "email"
PHONE: Final = "phone"
PAPER: Final = "paper"
WECOM_ROBOT: Final = "wecom_robot"
DINGTALK_ROBOT: Final = "dingtalk_robot"

CHANNELS: Final = (WECOM, SMS, EMAIL, PHONE, PAPER, WECOM_ROBOT, DINGTALK_ROBOT)
"""Every way out (DOMAIN §5.4): application messages, text messages, mails, calls, letters, and two robots for staff."""

BY_PEOPLE: Final = (PHONE, PAPER)
"""Channels whose work people do from a list; what became of it is recorded by them."""

ROBOTS: Final = (WECOM_ROBOT, DINGTALK_ROBOT)
"""Channels that a group of staff reads: never a family's notice, never personal data."""

PUPIL: Final = "pupil:"
"""Before a pupil's reference: the notice is for the pupil alone, not for the household."""

FOLLOWS: Final = {
    "meeting_moved": "meeting_invitation",
    "meeting_cancelled": "meeting_invitation",
    "visit_moved": "visit_invitation",
    "visit_cancelled": "visit_invitation",
}
"""Purpose → the one of the invitation that it changes: it says nothing to those who never had that."""

FOR_CAREGIVERS: Final = {
    "choice_notice": "choice_information",
    "meeting_invitation": "meeting_invitation",
    "meeting_moved": "meeting_moved",
    "meeting_cancelled": "meeting_cancelled",
    "visit_invitation": "visit_invitation",
    "visit_moved": "visit_moved",
    "visit_cancelled": "visit_cancelled",
}
"""Purpose → under which purpose a caregiver is informed too (edge case 1): the letter comes without a code, and what a
family has decided is not told to anybody beside its guardians."""

TO_BOTH: Final = {
    "CoolingStarted": "cooling_started",
    "ConsentConfirmed": "consent_confirmed",
    "SpringCaseReturned": "spring_returned",
    "DestinationRemoved": "school_removed_from_list",
    "WithdrawalReported": "withdrawal_reported",
}
"""Event → purpose of what pupil and household are told of their own consent; a pause holds none of it."""


class InvitationNews(StrEnum):
    """What an event does to a household's invitation."""

    INVITED = "invited"
    MOVED = "moved"
    WITHDRAWN = "withdrawn"


_NEWS: Final = {
    "HouseholdInvited": (InvitationNews.INVITED, "meeting_invitation", "session"),
    "InvitationMoved": (InvitationNews.MOVED, "meeting_invitation", "session"),
    "InvitationWithdrawn": (InvitationNews.WITHDRAWN, "meeting_invitation", "session"),
    "SeatOffered": (InvitationNews.INVITED, "visit_invitation", "trip"),
    "SeatMoved": (InvitationNews.MOVED, "visit_invitation", "trip"),
    "SeatWithdrawn": (InvitationNews.WITHDRAWN, "visit_invitation", "trip"),
}
"""Event → what it does to the invitation of which purpose, and the field with its occasion."""


class NoticeState(StrEnum):
    """Where a notice stands (FEATURES G4); "read" and "delivered" are three events with the family's own answer."""

    PLANNED = "planned"
    """An event asked for it; nobody has looked at it yet."""
    HELD = "held"
    """It may not go now; the code says why, `next_at` until when, where that is known."""
    DENIED = "denied"
    """It must not go at all; the code says why."""
    CLEARED = "cleared"
    """Checked and claimed, or on a list for the person who does it; no provider has been called."""
    MUTED = "muted"
    """A person has stopped this one."""
    SUBMITTED = "submitted"
    """A provider is being called, or the list it stands on was printed."""
    ACCEPTED = "accepted"
    """The provider has taken it over."""
    DELIVERED = "delivered"
    """The provider, or the person who handed it over, says that it arrived."""
    READ = "read"
    """It was opened, or its receipt was signed; that is no answer and never a consent."""
    FAILED_TEMPORARY = "failed_temporary"
    """It did not go out; it is tried again at `next_at`."""
    FAILED_PERMANENT = "failed_permanent"
    """It did not go out on any channel; a person looks at it."""
    UNKNOWN = "unknown"
    """It may or may not have gone out."""
    EXPIRED = "expired"
    """What it is about was over before it could go."""


WAITING: Final = (NoticeState.PLANNED, NoticeState.HELD, NoticeState.FAILED_TEMPORARY, NoticeState.UNKNOWN)
"""States in which a notice is in nobody's hands and still to be sent."""

OPEN: Final = (*WAITING, NoticeState.CLEARED, NoticeState.SUBMITTED)
"""States in which a notice may still go out."""

GONE_OUT: Final = (NoticeState.ACCEPTED, NoticeState.DELIVERED, NoticeState.READ)
"""States after a provider or a person has taken it over, in the order in which receipts raise them."""


class NoticeClass(StrEnum):
    """What a notice is for; the class decides which rules of sending hold (DOMAIN §5.4)."""

    SAFETY = "safety"
    """A child may be in danger: no quiet hours, no budget."""
    STATUTORY = "statutory"
    """A right or a duty rests on it: counted by the budget, never held by it."""
    URGENT = "urgent"
    """A family would stand before a closed door: as statutory."""
    CAMPAIGN = "campaign"
    """Everything else to a family: school days, embargoes and the household's budget."""
    STAFF = "staff"
    """To staff in their role."""


SAFETY_PURPOSES: Final = ("persuasion_overdue", "report_missed", "written_report_overdue")
"""About a child who is missing from school."""

URGENT_PURPOSES: Final = ("meeting_moved", "meeting_cancelled", "visit_moved", "visit_cancelled")
"""A pause does not hold these, however optional."""


def class_of(purpose: str, recipient: str, *, optional: bool) -> NoticeClass:
    """Return what a notice is for.

    Args:
        purpose: as in the outbox.
        recipient: as in the outbox.
        optional: as its event planned it; what is not optional and goes to a family is statutory.
    """
    if purpose in SAFETY_PURPOSES:
        return NoticeClass.SAFETY
    if student_of(recipient) is None:
        return NoticeClass.STAFF
    if purpose in URGENT_PURPOSES:
        return NoticeClass.URGENT
    return NoticeClass.CAMPAIGN if optional else NoticeClass.STATUTORY


class NoticePlan(BaseModel):
    """A notice that an event asks for.

    Attributes:
        notice_id: from campaign, recipient, purpose and occasion, so that one occasion plans one notice (INV-27).
        purpose: the name of a template, as `meeting_invitation` or `stage_reminder`.
        recipient: a pupil's reference (its household), `pupil:` and that reference (the pupil), or `{role}@{school}`.
        optional: held by a pause; statutory and safety notices are not.
        student: the pupil whom a notice to staff is about, so that nobody is told to look for a child who has died.
    """

    model_config = ConfigDict(frozen=True)

    notice_id: str
    campaign: str
    stream: str
    cause: str
    purpose: str
    recipient: str
    optional: bool = True
    planned_at: str
    student: str | None = None


def notices_for(envelope: Envelope) -> list[NoticePlan]:
    """Return the notices that an event asks for; most ask for none."""
    data = envelope["data"]
    parts = envelope["stream"].split("/")
    school = parts[3] if len(parts) > 3 else "bureau"  # noqa: PLR2004 - campaign/county/year/school
    match envelope["type"]:
        case "HouseholdInvited":
            return [_plan(envelope, "meeting_invitation", data["student"], data["session"])]
        case "InvitationMoved":
            occasion = f"{data['session']}#{envelope['version']}"  # a meeting can move more than once
            return [_plan(envelope, "meeting_moved", data["student"], occasion)]
        case "SeatMoved":
            return [_plan(envelope, "visit_moved", data["student"], f"{data['trip']}#{envelope['version']}")]
        case "InvitationWithdrawn":
            return [_plan(envelope, "meeting_cancelled", data["student"], data["session"])]
        case "StageReminded":
            days = str(data["working_days_left"])
            return [_plan(envelope, "stage_reminder", f"class_head@{school}", f"{days}@{envelope['occurred_at']}")]
        case "StageEscalated":
            occasion = f"{data['level']}@{envelope['occurred_at']}"
            return [_plan(envelope, "stage_escalation", f"{data['to_role']}@{school}", occasion)]
        case "SeatOffered":
            return [_plan(envelope, "visit_invitation", data["student"], data["trip"])]
        case "SeatWithdrawn":
            return [_plan(envelope, "visit_cancelled", data["student"], data["trip"])]
        case "NoticeOffered":
            student, document = data["student"], data["document"]
            return [
                _plan(envelope, "choice_notice", student, document, optional=False),
                _plan(envelope, "choice_notice_pupil", f"{PUPIL}{student}", document, optional=False),
            ]
        case "JoinerOverdue":
            occasion = f"{data['student']}@{data['due']}"
            return [_plan(envelope, "student_overdue", f"class_head@{school}", occasion, student=data["student"])]
        case "CallbackOverdue":
            occasion = f"{data['student']}@{data['due']}"
            officer, student = "bureau_officer@bureau", data["student"]
            return [_plan(envelope, "callback_overdue", officer, occasion, optional=False, student=student)]
        case "ComplaintReceived":
            owner = f"{data['owner']}@bureau"
            return [_plan(envelope, "complaint_received", owner, data["complaint"], optional=False)]
        case "ConsentVersionSuperseded":
            return [_plan(envelope, "document_superseded", data["student"], data["now"], optional=False)]
        case "CoolingLengthened" | "CoolingMoved" as kind:
            purpose = "cooling_lengthened" if kind == "CoolingLengthened" else "cooling_moved"
            if not data.get("told", True):
                return []
            at = envelope["occurred_at"]  # an end can come again: forth, back and forth is three times news
            plans = [_to_both(envelope, purpose, row["student"], f"{row['ends']}@{at}") for row in data["rows"]]
            return [plan for both in plans for plan in both]
        case kind if kind in TO_BOTH:
            return _to_both(envelope, TO_BOTH[kind], data["student"], envelope["occurred_at"])
        case _:
            return _to_offices(envelope, school)


def _to_offices(envelope: Envelope, school: str) -> list[NoticePlan]:
    """Return the notices about what an office owes: a case, a report, a visit; no pause holds one (design, section 5).

    What has no role here (the centre school, the township) is told by the bureau's officer.
    """
    data = envelope["data"]
    student = None
    match envelope["type"]:
        case "CaseOpened" if data["origin"] != "COMPLAINT":  # whose owner is told of the complaint itself
            purpose, recipient, occasion = "case_opened", f"{data['owner']}@bureau", data["case"]
        case "AcknowledgementOverdue" | "DecisionOverdue":
            purpose, recipient = "complaint_deadline_missed", f"{data['to_role']}@bureau"
            occasion = f"{data.get('step', 'acknowledgement')}@{data['due']}"
        case "WrittenReportOverdue":
            role = data["to_role"] if data["to_role"] in list(Role) else Role.BUREAU_OFFICER
            purpose, recipient = "written_report_overdue", f"{role}@{school}"
            occasion = f"{data['level']}@{envelope['occurred_at']}"
            student = _case_of(envelope)
        case "PersuasionOverdue":
            purpose, recipient, occasion = "persuasion_overdue", f"principal@{school}", envelope["occurred_at"]
            student = _case_of(envelope)
        case "CaseEndedWithTheYear":
            purpose, recipient, occasion = "dropout_case_ended", f"bureau_officer@{school}", data["proof_until"]
        case "ReportMissed" | "ReportChased":
            purpose, recipient = "report_missed", f"principal@{school}"
            occasion = f"{data['day']}@{envelope['occurred_at']}"
        case "LettersDue" if data["missing"]:
            purpose, recipient, occasion = "letters_missing", f"principal@{school}", envelope["occurred_at"]
        case "PeriodicReportMissed":
            purpose, recipient = "periodic_report_missed", f"principal@{school}"
            occasion = data["period"]
        case _:
            return []
    return [_plan(envelope, purpose, recipient, occasion, optional=False, student=student)]


def _case_of(envelope: Envelope) -> str | None:
    """Return the pupil of a dropout case, None in another stream."""
    parts = envelope["stream"].split("/")
    return parts[-1] if "dropout" in parts else None


def invitation_news(envelope: Envelope) -> tuple[str, InvitationNews] | None:
    """Return the household's invitation that an event is about, and what it does to it; None where it is about none."""
    if envelope["type"] not in _NEWS:
        return None
    news, purpose, field = _NEWS[envelope["type"]]
    return notice_id_of(envelope["stream"], purpose, envelope["data"]["student"], envelope["data"][field]), news


def notice_id_of(stream: str, purpose: str, recipient: str, occasion: str) -> str:
    """Return the id of what a stream's events plan for an occasion."""
    key = "\n".join(("/".join(stream.split("/")[:3]), stream, recipient, purpose, occasion))
    return f"ntc_{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def copy_for(plan: NoticePlan, person: str, purpose: str) -> NoticePlan:
    """Return the notice that one more person of a household gets; the same arguments give the same id.

    Args:
        plan: the household's notice.
        person: reference of the guardian or caregiver.
        purpose: the plan's own, or the one of `FOR_CAREGIVERS`.
    """
    key = f"{plan.notice_id}\n{person}"
    notice_id = f"ntc_{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    return plan.model_copy(update={"notice_id": notice_id, "purpose": purpose})


def key_of(notice_id: str, generation: int) -> str:
    """Return what providers know a message by.

    A provider sends at most one message for a key. So what a person has sent again, to an address that was put right
    perhaps, has a key of its own; attempts that nobody asked for keep theirs.

    Args:
        notice_id: the notice's.
        generation: how often a person has had it sent again.
    """
    return f"{notice_id}-{generation}" if generation else notice_id


def of_key(key: str) -> tuple[str, int]:
    """Return the notice and the generation that a key stands for."""
    notice_id, _, generation = key.partition("-")
    return notice_id, int(generation) if generation.isdecimal() else 0


def student_of(recipient: str) -> str | None:
    """Return the pupil whom a notice concerns, None for a notice to staff."""
    return None if "@" in recipient else recipient.removeprefix(PUPIL)


def _to_both(envelope: Envelope, purpose: str, student: str, occasion: str) -> list[NoticePlan]:
    recipients = (student, f"{PUPIL}{student}")
    return [_plan(envelope, purpose, recipient, occasion, optional=False) for recipient in recipients]


def _plan(
    envelope: Envelope,
    purpose: str,
    recipient: str,
    occasion: str,
    *,
    optional: bool = True,
    student: str | None = None,
) -> NoticePlan:
    campaign = "/".join(envelope["stream"].split("/")[:3])
    return NoticePlan(
        notice_id=notice_id_of(envelope["stream"], purpose, recipient, occasion),
        campaign=campaign,
        stream=envelope["stream"],
        cause=event_id(envelope["stream"], envelope["version"]),
        purpose=purpose,
        recipient=recipient,
        optional=optional,
        planned_at=envelope["recorded_at"],
        student=student,
    )
