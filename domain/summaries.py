"""Summaries of stages and of the year: handed in, compared with earlier ones, reviewed where too much is alike (R-19).

The comparison is done beside the registry, since no text ever enters a stream; its result comes as a job's message.
What is like another school's text is flagged high, what is like the school's own earlier text low. A flag decides
nothing: somebody of the bureau looks at both and accepts with a reason, or returns the text for rewriting. A
text that the registry has lost is never compared: the bureau may return it too, so that no school stays open for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from domain.actors import Actor, require_other_person
from domain.events import Envelope, Event
from domain.parts import Part
from domain.refusal import Refusal
from domain.school_state import SchoolState
from domain.similarity import reaches
from domain.stage_events import StageStatus
from domain.stage_state import require_reason
from domain.stream import Job, Message
from domain.summaries_events import (
    SUMMARY_COMMANDS,
    SUMMARY_EVENTS,
    YEAR,
    Comparison,
    HeldSummary,
    Match,
    ReadSummary,
    ReviewSummary,
    Severity,
    SubmitSummary,
    SummaryCompared,
    SummaryRead,
    SummaryReviewed,
    SummarySimilarityFlagged,
    SummaryStatus,
    SummarySubmitted,
)

COMPARE: Final = "compare_summary"
"""The job that compares one summary, and the kind of the message with its result."""

_COMPLETED: Final = (StageStatus.COMPLETED, StageStatus.ARCHIVED)
_OPEN: Final = (SummaryStatus.COMPARING, SummaryStatus.REVIEW)


class SummariesPart(Part[SchoolState]):
    """The summaries of a school, one about each stage and one about the year."""

    commands = SUMMARY_COMMANDS
    event_types = SUMMARY_EVENTS
    messages = (COMPARE,)

    def decide(self, state: SchoolState, command: Any, now: datetime) -> Sequence[Event]:
        """Take a summary, record that somebody reads it, or decide about one that was flagged.

        Raises:
            Refusal: SUMMARY_STAGE_NOT_COMPLETED, SUMMARY_EXISTS, SUMMARY_UNKNOWN, SUMMARY_NOT_IN_REVIEW, SELF_APPROVAL,
                REASON_REQUIRED.
        """
        del now
        held = state.summaries.get(command.about)
        match command:
            case SubmitSummary(about=about):
                if about != YEAR and state.progress.get(about) not in _COMPLETED:
                    raise Refusal("SUMMARY_STAGE_NOT_COMPLETED", stage=about)
                known = any(one.summary == command.summary for one in state.summaries.values())
                if known or (held is not None and held.status != SummaryStatus.RETURNED):
                    raise Refusal("SUMMARY_EXISTS")  # a reference is compared once: a second time nothing would come
                revision = 1 if held is None else held.revision + 1
                return [
                    SummarySubmitted(
                        about=about,
                        summary=command.summary,
                        digest=command.digest,
                        characters=command.characters,
                        revision=revision,
                    )
                ]
            case ReadSummary(about=about, summary=summary):
                if held is None or held.summary != summary:
                    raise Refusal("SUMMARY_UNKNOWN")
                return [SummaryRead(about=about, summary=summary)]
            case ReviewSummary(about=about, summary=summary, outcome=outcome):
                reason = require_reason(command)
                if held is None or held.summary != summary:
                    raise Refusal("SUMMARY_UNKNOWN")
                stuck = held.status == SummaryStatus.COMPARING and outcome == SummaryStatus.RETURNED
                if held.status != SummaryStatus.REVIEW and not stuck:
                    raise Refusal("SUMMARY_NOT_IN_REVIEW")
                require_other_person(command.actor, held.hands)
                return [SummaryReviewed(about=about, summary=summary, outcome=outcome, reason=reason)]
            case _:
                raise NotImplementedError(command.kind)

    def evolve(self, state: SchoolState, event: Event, envelope: Envelope) -> None:
        """Keep the latest summary about each topic, and where it stands."""
        match event:
            case SummarySubmitted(about=about):
                actor = Actor.model_validate(envelope["actor"])
                state.summaries[about] = HeldSummary(
                    summary=event.summary,
                    digest=event.digest,
                    revision=event.revision,
                    hands=[who for who in (actor.id, actor.on_behalf_of) if who is not None],
                )
            case SummaryCompared(about=about):
                held = state.summaries[about]
                held.status, held.matches = SummaryStatus.FILED, list(event.matches)
                held.shingle, held.shingles, held.compared = event.shingle, event.shingles, event.compared
            case SummarySimilarityFlagged(about=about, severity=severity):
                state.summaries[about].status, state.summaries[about].severity = SummaryStatus.REVIEW, severity
            case SummaryReviewed(about=about, outcome=outcome):
                state.summaries[about].status = SummaryStatus(outcome)
            case _:
                pass

    def absorb(self, state: SchoolState, message: Message, now: datetime) -> list[Event]:
        """Take in what the comparison found, and flag what reaches the policy's share (R-19)."""
        del now
        found = Comparison.model_validate(message.data)
        about = next((topic for topic, one in state.summaries.items() if one.summary == found.summary), None)
        if about is None or state.summaries[about].status != SummaryStatus.COMPARING:
            return []
        if any(match.shared > found.shingles for match in found.matches):
            raise ValueError("more shingles are shared than there are")
        compared = SummaryCompared(
            about=about,
            summary=found.summary,
            shingle=found.shingle,
            shingles=found.shingles,
            compared=found.compared,
            matches=found.matches,
        )
        return [compared, *_flags(state, compared)]

    def view(self, state: SchoolState) -> dict[str, Any]:
        """Return how many summaries are in, and how many somebody must look at; nothing while there are none."""
        if not state.summaries:
            return {}
        review = sum(one.status == SummaryStatus.REVIEW for one in state.summaries.values())
        return {"summaries": {"handed_in": len(state.summaries), "in_review": review}}


def comparison(state: SchoolState) -> Job | None:
    """Return the comparison that the school waits for: one summary after the other, each a job of its own."""
    for about, held in state.summaries.items():
        if held.status == SummaryStatus.COMPARING:
            asked = {
                "campaign": state.campaign,
                "school": state.school,
                "about": about,
                "summary": held.summary,
                "digest": held.digest,
                "shingle": state.policy.parameters.summary_shingle,
            }
            return Job(name=COMPARE, of=held.summary, arguments=asked)
    return None


def still_open(state: SchoolState, events: Sequence[Event]) -> bool:
    """Tell whether a summary is still compared or reviewed after these events, which the school is about to write.

    A school that closes waits for both: a copy that nobody has looked at must not end with the campaign.
    """
    status = {about: held.status for about, held in state.summaries.items()}
    for event in events:
        match event:
            case SummarySubmitted(about=about):
                status[about] = SummaryStatus.COMPARING
            case SummaryCompared(about=about):
                status[about] = SummaryStatus.FILED
            case SummarySimilarityFlagged(about=about):
                status[about] = SummaryStatus.REVIEW
            case SummaryReviewed(about=about, outcome=outcome):
                status[about] = SummaryStatus(outcome)
            case _:
                pass
    return any(one in _OPEN for one in status.values())


def _flags(state: SchoolState, compared: SummaryCompared) -> list[Event]:
    """Return the flag of a summary that is too like an earlier one; another school's counts before the own."""
    least = state.policy.parameters.summary_similarity
    alike = [match for match in compared.matches if reaches(match.shared, compared.shingles, least)]
    if not alike:
        return []

    def foreign_then_most(match: Match) -> tuple[bool, int]:
        return match.school != state.school, match.shared

    worst = max(alike, key=foreign_then_most)
    return [
        SummarySimilarityFlagged(
            about=compared.about,
            summary=compared.summary,
            severity=Severity.LOW if worst.school == state.school else Severity.HIGH,
            other=worst.summary,
            other_school=worst.school,
            shared=worst.shared,
            shingles=compared.shingles,
            least=least,
        )
    ]
