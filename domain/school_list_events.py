"""What can happen to the published list of qualified vocational schools, and be commanded of it (INV-20, edge 24)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field

from domain.campaign_events import SCHOOL_CODE
from domain.events import Event
from domain.stream import Command
from domain.targets_events import DocumentNumber

SchoolCode = Annotated[str, Field(pattern=SCHOOL_CODE)]

# -- events -----------------------------------------------------------------------------------------------------


class QualifiedSchoolListPublished(Event):
    """The bureau has published another list; what it no longer names is removed by an event of its own."""

    codes: tuple[str, ...]
    document: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


class QualifiedSchoolRemoved(Event):
    """A school is off the list from this day; whoever had chosen it chooses again, at no disadvantage."""

    school: str
    reason: str
    on: date


SCHOOL_LIST_EVENTS: Final[tuple[type[Event], ...]] = (QualifiedSchoolListPublished, QualifiedSchoolRemoved)


# -- commands ---------------------------------------------------------------------------------------------------


class PublishQualifiedList(Command):
    """Publish a whole new list with its paper."""

    kind: Literal["publish_qualified_list"] = "publish_qualified_list"
    codes: tuple[SchoolCode, ...] = Field(max_length=500)
    document: DocumentNumber


class RemoveQualifiedSchool(Command):
    """Take one school off the list from today; needs a reason."""

    kind: Literal["remove_qualified_school"] = "remove_qualified_school"
    code: SchoolCode


SCHOOL_LIST_COMMANDS: Final[tuple[type[Command], ...]] = (PublishQualifiedList, RemoveQualifiedSchool)
