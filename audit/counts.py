"""What a trial settlement looks at, by class, folded from the record alone (DOMAIN §7.3 `countable`; INV-10)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from domain.application_filing_state import ApplicationFilingState, counted
from domain.deciders import decider_of
from domain.events import Envelope
from domain.parent_meetings import ParentMeetingsState
from domain.retention import RetentionState, gone
from domain.retention_events import FINDING_EVENTS
from domain.settlement import ClassCount
from domain.stage_events import StageSlug
from domain.stream import fold
from domain.time import end_of
from ledger.store import Ledger
from protocol import school_id, stage_id

FINDINGS = tuple(event_type.__name__ for event_type in FINDING_EVENTS)


async def class_counts(ledger: Ledger, campaign: str) -> list[ClassCount]:
    """Return every class of a campaign with its quota and its countable pupils, schools and classes in order.

    A class counts with the pupils of the snapshot that its school began with; a late joiner counts in no class. A class
    without a quota has the quota 0, which is no task.
    """
    drafted = (await anext(ledger.events(campaign)))["data"]
    cutoff = end_of(_cutoff(drafted))
    counts: list[ClassCount] = []
    for school in drafted["schools"]:
        code = school["code"]
        quotas = drafted.get("quotas", {}).get(code, {})
        classes = await _classes(ledger, school_id(campaign, code))
        filing = await _state(ledger, stage_id(campaign, code, StageSlug.APPLICATION_FILING))
        meetings = await _state(ledger, stage_id(campaign, code, StageSlug.PARENT_MEETINGS))
        gone = await _gone(ledger, stage_id(campaign, code, StageSlug.RETENTION), cutoff)
        for class_id in sorted({*classes, *quotas}):
            pupils = [pupil for pupil in classes.get(class_id, ()) if pupil not in gone]
            counts.append(_count(code, class_id, quotas.get(class_id, 0), pupils, filing, meetings))
    return counts


def _count(school: str, class_id: str, quota: int, pupils: list[str], filing: Any, meetings: Any) -> ClassCount:
    if not isinstance(filing, ApplicationFilingState) or not isinstance(meetings, ParentMeetingsState):
        return ClassCount(school=school, class_id=class_id, quota=quota, countable=0)
    own = [pupil for pupil in pupils if pupil in filing.cases]
    of_class = counted(filing.model_copy(update={"classes": {class_id: own}}))[class_id]
    households = [meetings.households[pupil] for pupil in own if pupil in meetings.households]
    guided = sum(household.outcome == "INFORMED" for household in households)
    return ClassCount(school=school, class_id=class_id, quota=quota, guided=guided, **of_class)


async def _classes(ledger: Ledger, school: str) -> dict[str, list[str]]:
    async for envelope in ledger.events(school):
        if envelope["type"] == "CohortLoaded":
            return {class_id: list(pupils) for class_id, pupils in envelope["data"]["classes"].items()}
    return {}


async def _state(ledger: Ledger, stream: str) -> Any:
    return fold(decider_of(stream), [envelope async for envelope in ledger.events(stream)])


async def _gone(ledger: Ledger, stream: str, cutoff: datetime) -> dict[str, None]:
    """Return who was lost or had moved on lawfully by what was held at the cut-off, as keys.

    They are not counted; a lawful move is no loss (case 19). Corrections, decisions between two findings and returns
    of before the cut-off count as they do for the stage itself.
    """
    state = fold(decider_of(stream), _held_at([envelope async for envelope in ledger.events(stream)], cutoff))
    return gone(state) if isinstance(state, RetentionState) else {}


def _held_at(envelopes: list[Envelope], cutoff: datetime) -> list[Envelope]:
    """Return a stream without what was found at the cut-off or later, and without the corrections of that."""
    later: dict[int, None] = {}
    for envelope in envelopes:
        if envelope["type"] in FINDINGS and (
            datetime.fromisoformat(envelope["occurred_at"]) >= cutoff or envelope["data"].get("corrects") in later
        ):
            later[envelope["version"]] = None
    return [envelope for envelope in envelopes if envelope["version"] not in later]


def _cutoff(drafted: dict[str, Any]) -> date:
    return date.fromisoformat(f"{drafted['year']}-{drafted['policy']['parameters']['counting_cutoff']}")
