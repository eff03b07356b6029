"""Names that both sides share: workflow ids, queues, messages, search attributes, activity signatures."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict
from temporalio.common import SearchAttributeKey

from domain.stream import Sent

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
    "attendance": "AttendanceWorkflow",
    "dropout": "DropoutCaseWorkflow",
    "compliance": "ComplianceCaseWorkflow",
}
"""Kind of stream to workflow type."""

ACTIVITY_APPEND = "append"
ACTIVITY_COHORT = "cohort"
ACTIVITY_PROPOSALS = "proposals"
ACTIVITY_COMPARE = "compare_summary"
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
    """Which snapshot's pupils, and the digest that was approved.

    Attributes:
        under_14_on: the day on which it counts who is under fourteen; None asks neither that nor for shared telephones.
    """

    model_config = ConfigDict(frozen=True)

    snapshot: str
    digest: str
    under_14_on: date | None = None


class ProposalsRequest(BaseModel):
    """Which snapshot the rule looks at, and the rule."""

    model_config = ConfigDict(frozen=True)

    snapshot: str
    digest: str
    rule: dict[str, Any]


class CompareRequest(BaseModel):
    """Which summary is compared with earlier ones, the digest that was handed in, and the characters of a shingle.

    `campaign`, `school` and `about` are the stream's own: a text that stands elsewhere is not the one handed in.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str
    school: str
    about: str
    summary: str
    digest: str
    shingle: int


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


# -- sending notices ----------------------------------------------------------------------------------------------

ACTIVITY_DISPATCH = "dispatch_notices"
SIGNAL_WAKE = "wake"
SIGNAL_FINISH = "finish"
SIGNAL_SETTLE = "settle"
NEWS_SETTLED = "notices_settled"
NEWS_RECEIPTS = "receipts_taken"
"""Kinds of the messages that a dispatcher sends to its campaign's stream."""
BATCHES_PER_RUN = 500
"""Batches, empty ones too, after which a dispatcher continues as new."""
RECEIPTS_AT_ONCE = 200
"""Receipts in one message, and so in one event."""


DISPATCH_WORKFLOW = "NoticeDispatchWorkflow"


def dispatch_id(campaign: str, channel: str) -> str:
    """Return the id of what sends a campaign's notices through one channel; it is no stream."""
    return f"{campaign}/dispatch/{channel}"


def dispatch_queue(channel: str) -> str:
    """Return the queue of one channel's batches: the server keeps each provider's rate by its queue."""
    return f"{TASK_QUEUE}-{channel}"


class DispatchRequest(BaseModel):
    """One batch of a campaign's outbox.

    Attributes:
        at: the present of a stepped campaign, None for the worker's own clock.
        settled: the last civil day whose record has gone to the campaign's stream, None before the first.
        reported: receipts that have gone there since the batch before.
        closing: whether the running day is settled too: not, once nothing is left to send, or as it stands.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str
    channel: str
    limit: int
    at: AwareDatetime | None = None
    settled: date | None = None
    reported: tuple[str, ...] = ()
    closing: Literal["no", "when_done", "now"] = "no"


class DispatchResult(BaseModel):
    """What became of one batch.

    Attributes:
        claimed: notices that were taken; accepted, failed and unknown are what became of them.
        routed, held, denied, expired: notices whose readers were looked up, and what the rules did not let go.
        left: still to be sent, now or later; what a pause holds is not counted, nor what stands on people's lists.
        next_at: when the first of those left may be tried, where none is due now.
        problem: why nothing could be tried at all, as `SMTP_UNREACHABLE`.
        again_in_seconds: how long the provider wants to be left alone, where it says so.
        receipts: at most `RECEIPTS_AT_ONCE` that the campaign's stream has not yet; each has `receipt_id`, `notice`,
            `state`, `at` and `code`.
        more_receipts: whether there are more of them.
        day: the record of the first civil day that is over, or closing, and not settled: `day`, `rows`, `digest`,
            `states`.
    """

    model_config = ConfigDict(frozen=True)

    claimed: int = 0
    accepted: int = 0
    failed: int = 0
    unknown: int = 0
    routed: int = 0
    held: int = 0
    denied: int = 0
    expired: int = 0
    left: int = 0
    next_at: AwareDatetime | None = None
    problem: str | None = None
    again_in_seconds: int | None = None
    receipts: list[dict[str, Any]] = []
    more_receipts: bool = False
    day: dict[str, Any] | None = None


class DispatchInput(BaseModel):
    """What a dispatcher's run begins with.

    Attributes:
        limit: most notices in a batch; a channel may take fewer at a time.
        every_seconds: how long it rests when there is nothing to send and nobody wakes it.
        finishing: the campaign is over; end once nothing is left to try.
        settling: the campaign is about to be closed; settle the running day as it stands.
        accepted, failed, unknown: outcomes of the runs before.
        clock: on the stepped one nothing happens but at a tick.
        queue: where its batches are done, None for the dispatcher's own queue.
        sent: the number of its last message to the campaign's stream.
        settled: the last civil day whose record has gone there.
        reported: receipts that have gone there, and of which the outbox has not heard.
        told: of a stepped dispatcher, number of each message and when it was sent, for a driver that is started again.
        present: of a stepped dispatcher, the instant of its last tick.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str
    channel: str
    limit: int = 10_000
    every_seconds: int = 30
    finishing: bool = False
    settling: bool = False
    accepted: int = 0
    failed: int = 0
    unknown: int = 0
    clock: Literal["engine", "stepped"] = "engine"
    queue: str | None = None
    sent: int = 0
    settled: date | None = None
    reported: tuple[str, ...] = ()
    told: dict[int, AwareDatetime] = {}
    present: AwareDatetime | None = None


class DispatchAnswer(BaseModel):
    """What a stepped dispatcher's tick did.

    Attributes:
        moved: notices that were looked at; nothing was due where it is 0.
        next_at: when the first of those left may be tried.
        sent: its messages to the campaign's stream.
        problem: why nothing could be tried at all.
        settled: the last civil day whose record has gone to the campaign's stream.
    """

    model_config = ConfigDict(frozen=True)

    moved: int = 0
    next_at: AwareDatetime | None = None
    sent: tuple[Sent, ...] = ()
    problem: str | None = None
    settled: date | None = None


# -- signed heads -------------------------------------------------------------------------------------------------

ACTIVITY_HEADS = "record_heads"
HEADS_WORKFLOW = "RecordHeadsWorkflow"
LOOKS_PER_RUN = 500
"""Looks at the record, with and without a new head, after which the workflow continues as new."""


def heads_id(campaign: str) -> str:
    """Return the id of what has a campaign's heads signed; it is no stream."""
    return f"{campaign}/heads"


class HeadsRequest(BaseModel):
    """One look at a campaign's record: is a head due, and does one wait to be put outside.

    Attributes:
        at: the present of a stepped campaign, None for the worker's own clock.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str
    at: AwareDatetime | None = None


class HeadsResult(BaseModel):
    """What a look found and did; sizes, roots and codes, never a key.

    Attributes:
        size, root: of the newest head; 0 and empty before the first.
        reason: why one was signed now: a stage, a day, the close, the end; None where none was.
        problem: why one that is due could not be signed, as LEDGER_BROKEN.
        outside: why one could not be put outside, as SMTP_UNREACHABLE.
        place: where the problem lies.
        ended: the campaign is over, its last head is signed, and all are outside.
    """

    model_config = ConfigDict(frozen=True)

    size: int = 0
    root: str = ""
    reason: Literal["stage", "day", "close", "end"] | None = None
    problem: str | None = None
    outside: str | None = None
    place: str = ""
    ended: bool = False


class HeadsInput(BaseModel):
    """What a run of the heads' workflow begins with.

    Attributes:
        every_seconds: how long it rests between two looks when nobody wakes it.
        clock: on the stepped one it looks at its ticks alone.
        heads: how many heads the runs before have signed.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str
    every_seconds: int = 300
    clock: Literal["engine", "stepped"] = "engine"
    heads: int = 0
