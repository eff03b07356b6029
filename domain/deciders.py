"""Every kind of stream and its rules: the table that workflows, the kernel and the audit share."""

from __future__ import annotations

from typing import Any

from domain.application_filing import ApplicationFilingDecider
from domain.attendance import AttendanceDecider
from domain.campaign import CampaignDecider
from domain.compliance import ComplianceDecider
from domain.dropout import DropoutDecider
from domain.identification import IdentificationDecider
from domain.parent_meetings import ParentMeetingsDecider
from domain.retention import RetentionDecider
from domain.school import SchoolDecider
from domain.school_visits import SchoolVisitsDecider
from domain.stage_events import StageSlug
from domain.stream import Decider, UnknownEventError

DECIDERS: dict[str, Decider[Any]] = {
    "campaign": CampaignDecider(),
    "school": SchoolDecider(),
    "compliance": ComplianceDecider(),
    StageSlug.IDENTIFICATION.value: IdentificationDecider(),
    StageSlug.PARENT_MEETINGS.value: ParentMeetingsDecider(),
    StageSlug.SCHOOL_VISITS.value: SchoolVisitsDecider(),
    StageSlug.APPLICATION_FILING.value: ApplicationFilingDecider(),
    StageSlug.RETENTION.value: RetentionDecider(),
    "attendance": AttendanceDecider(),
    "dropout": DropoutDecider(),
}

NO_SCHOOLS = ("compliance", "heads")
"""What stands below a campaign and is no school: where its cases are, and the workflow that signs its heads."""

_STAGES = tuple(slug.value for slug in StageSlug)


def kind_of(stream: str) -> str:
    """Return the kind of a stream from its id.

    A campaign is `campaign/{county}/{year}`. Below it are `…/{school}` and `…/compliance/{case}`; below a school
    `…/{stage}`, `…/attendance` and `…/dropout/{student}`. `{campaign}/heads` signs heads and is no stream.

    Raises:
        UnknownEventError: the id is not one of ours.
    """
    match stream.split("/"):
        case ["campaign", _, _]:
            return "campaign"
        case ["campaign", _, _, "compliance", _]:
            kind = "compliance"
        case ["campaign", _, _, school] if school not in NO_SCHOOLS:
            return "school"
        case ["campaign", _, _, _, "dropout", _]:
            kind = "dropout"
        case ["campaign", _, _, _, slug] if slug == "attendance" or slug in _STAGES:
            kind = slug
        case _:
            kind = ""
    if kind not in DECIDERS:
        raise UnknownEventError(f"{stream} is no stream of a campaign")
    return kind


def decider_of(stream: str) -> Decider[Any]:
    """Return the rules of a stream."""
    return DECIDERS[kind_of(stream)]
