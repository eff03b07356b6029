"""Every kind of stream and its rules: the table that workflows, the kernel and the audit share."""

from __future__ import annotations

from typing import Any

from domain.application_filing import ApplicationFilingDecider
from domain.campaign import CampaignDecider
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
    StageSlug.IDENTIFICATION.value: IdentificationDecider(),
    StageSlug.PARENT_MEETINGS.value: ParentMeetingsDecider(),
    StageSlug.SCHOOL_VISITS.value: SchoolVisitsDecider(),
    StageSlug.APPLICATION_FILING.value: ApplicationFilingDecider(),
    StageSlug.RETENTION.value: RetentionDecider(),
}


def kind_of(stream: str) -> str:
    """Return the kind of a stream from its id: `campaign/{county}/{year}[/{school}[/{stage}]]`.

    Raises:
        UnknownEventError: the id is not one of ours.
    """
    parts = stream.split("/")
    match parts:
        case ["campaign", _, _]:
            return "campaign"
        case ["campaign", _, _, _]:
            return "school"
        case ["campaign", _, _, _, slug] if slug in DECIDERS:
            return slug
        case _:
            raise UnknownEventError(f"{stream} is no stream of a campaign")


def decider_of(stream: str) -> Decider[Any]:
    """Return the rules of a stream."""
    return DECIDERS[kind_of(stream)]
