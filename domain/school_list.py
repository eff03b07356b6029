"""The published list of qualified vocational schools, as it changes during a campaign (INV-20; edge 24).

The gate for a visit, a presentation and a family's signature is this list, never a school's county. A change goes to
every school that has started, and from there to the stages that look at the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.campaign_events import CampaignStatus, SchoolStatus
from domain.campaign_state import CampaignState
from domain.events import Envelope, Event
from domain.parts import Part
from domain.refusal import Refusal
from domain.school_list_events import (
    SCHOOL_LIST_COMMANDS,
    SCHOOL_LIST_EVENTS,
    PublishQualifiedList,
    QualifiedSchoolListPublished,
    QualifiedSchoolRemoved,
    RemoveQualifiedSchool,
)
from domain.stage_state import require_reason
from domain.stream import Outgoing, news
from domain.time import civil

NOT_ON_THE_NEW_LIST = "NOT_ON_THE_NEW_LIST"
"""The reason of a removal that another list brings."""


class SchoolListPart(Part[CampaignState]):
    """The published list of qualified vocational schools."""

    commands = SCHOOL_LIST_COMMANDS
    event_types = SCHOOL_LIST_EVENTS

    def decide(self, state: CampaignState, command: Any, now: datetime) -> Sequence[Event]:
        """Decide another list, or one school's removal.

        Raises:
            Refusal: CAMPAIGN_NOT_APPROVED, SCHOOL_LIST_THE_SAME, SCHOOL_LISTED_TWICE, SCHOOL_OFF_THE_LIST,
                REASON_REQUIRED.
        """
        if state.status == CampaignStatus.DRAFT:
            raise Refusal("CAMPAIGN_NOT_APPROVED")
        match command:
            case PublishQualifiedList(codes=codes, document=document):
                if len(dict.fromkeys(codes)) < len(codes):
                    raise Refusal("SCHOOL_LISTED_TWICE")
                added = tuple(code for code in codes if code not in state.qualified_schools)
                removed = tuple(code for code in state.qualified_schools if code not in codes)
                if not added and not removed:
                    raise Refusal("SCHOOL_LIST_THE_SAME")
                gone = (
                    QualifiedSchoolRemoved(school=code, reason=NOT_ON_THE_NEW_LIST, on=civil(now)) for code in removed
                )
                published = QualifiedSchoolListPublished(codes=codes, document=document, added=added, removed=removed)
                return [published, *gone]
            case RemoveQualifiedSchool(code=code):
                reason = require_reason(command)
                if code not in state.qualified_schools:
                    raise Refusal("SCHOOL_OFF_THE_LIST", school=code)
                return [QualifiedSchoolRemoved(school=code, reason=reason, on=civil(now))]
            case _:
                return super().decide(state, command, now)

    def evolve(self, state: CampaignState, event: Event, envelope: Envelope) -> None:
        """Keep the list; a school that starts later begins with it."""
        del envelope
        match event:
            case QualifiedSchoolListPublished(added=added):
                state.qualified_schools += added
            case QualifiedSchoolRemoved(school=code):
                state.qualified_schools = [one for one in state.qualified_schools if one != code]
            case _:
                pass  # what happens elsewhere in the campaign changes no list

    def outgoing(self, state: CampaignState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Tell every school that has started what came onto the list and what left it."""
        match event:
            case QualifiedSchoolListPublished(added=added) if added:
                return _to_schools(state, "schools_listed", envelope, schools=list(added))
            case QualifiedSchoolRemoved(school=code, reason=reason, on=on):
                return _to_schools(state, "school_removed", envelope, school=code, on=on.isoformat(), reason=reason)
            case _:
                return []


def _to_schools(state: CampaignState, kind: str, envelope: Envelope, **data: Any) -> list[Outgoing]:
    open_ = (SchoolStatus.STARTING, SchoolStatus.RUNNING)
    return [
        news(f"{state.campaign}/{code}", kind, envelope, **data)
        for code, standing in state.standing.items()
        if standing in open_
    ]
