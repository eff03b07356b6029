"""Names that both sides share: workflow ids, queues, messages, search attributes, activity signatures."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict
from temporalio.common import SearchAttributeKey

TASK_QUEUE = "diversion"

UPDATE_SUBMIT = "submit"
UPDATE_TICK = "tick"
QUERY_STATE = "state"
QUERY_BLOCKERS = "blockers"
SIGNAL_STAGE_COMPLETED = "stage_completed"
SIGNAL_DELIVER = "deliver"

REFUSED = "Refused"
LEDGER_CONFLICT = "LedgerConflict"

SEARCH_CAMPAIGN = SearchAttributeKey.for_keyword("DiversionCampaign")
SEARCH_SCHOOL = SearchAttributeKey.for_keyword("DiversionSchool")
SEARCH_STAGE = SearchAttributeKey.for_keyword("DiversionStage")
SEARCH_STATUS = SearchAttributeKey.for_keyword("DiversionStatus")
SEARCH_ATTRIBUTES = (SEARCH_CAMPAIGN, SEARCH_SCHOOL, SEARCH_STAGE, SEARCH_STATUS)

WORKFLOW_TYPES = {
    "campaign": "CampaignWorkflow",
    "school": "SchoolCampaignWorkflow",
    "identification": "IdentificationWorkflow",
    "parent-meetings": "ParentMeetingsWorkflow",
    "school-visits": "SchoolVisitsWorkflow",
    "application-filing": "ApplicationFilingWorkflow",
    "retention": "RetentionWorkflow",
}
"""Kind of stream to workflow type."""

ACTIVITY_APPEND = "append"
ACTIVITY_COHORT = "cohort"
ACTIVITY_PROPOSALS = "proposals"
ACTIVITY_ARCHIVE = "archive"

# The numbers below decide what stands in a history: changing one breaks the replay of runs that are open.
EVENTS_PER_APPEND = 500
BYTES_PER_APPEND = 1_000_000
UPDATES_PER_RUN = 1_500
"""The server takes 2,000 Updates a run; a run continues as new well before."""
SIGNALS_PER_RUN = 5_000
"""The server takes 10,000 signals a run and never suggests to continue as new for them."""
UPDATES_IN_FLIGHT = 8
"""The server takes 10 unfinished Updates a workflow; the client stays below."""


def campaign_id(county: str, year: int) -> str:
    """Return the id of a county's campaign for a graduating class."""
    return f"campaign/{county}/{year}"


def school_id(campaign: str, school: str) -> str:
    """Return the id of a school's part of a campaign."""
    return f"{campaign}/{school}"


def stage_id(campaign: str, school: str, stage: str) -> str:
    """Return the id of a school's stage."""
    return f"{campaign}/{school}/{stage}"


class AppendRequest(BaseModel):
    """Events of one stream for the ledger, in order, with the stream's line of the board after them.

    `view` is empty where more events of the stream follow at once: the board never shows half of an answer.
    """

    model_config = ConfigDict(frozen=True)

    stream: str
    events: list[dict[str, Any]]
    view: dict[str, Any]


class CohortRequest(BaseModel):
    """Which snapshot's pupils, and the digest that was approved."""

    model_config = ConfigDict(frozen=True)

    snapshot: str
    digest: str


class ProposalsRequest(BaseModel):
    """Which snapshot the rule looks at, and the rule."""

    model_config = ConfigDict(frozen=True)

    snapshot: str
    digest: str
    rule: dict[str, Any]


class ArchiveRequest(BaseModel):
    """Which run's history to keep; `run_id` None is the last run, once it has closed."""

    model_config = ConfigDict(frozen=True)

    workflow_id: str
    run_id: str | None = None


class TickRequest(BaseModel):
    """The stepped clock's next instant and the messages to take in, in this order."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    absorb: tuple[str, ...] = ()
