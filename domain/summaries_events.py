"""What can happen to the summaries that a school hands in, and what can be commanded of them (R-19; DOMAIN §7.4 G12).

The text stays in the registry. Events know its reference, its salted digest and how much of it stands in which earlier
summary: two whole numbers, and whose the other is.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.events import Event
from domain.exact import Count, ExactFraction, Positive
from domain.stage_events import StageSlug
from domain.stream import Command

YEAR: Final = "year"
"""What a summary is about that is not about one stage."""

TOPICS: Final = (*(slug.value for slug in StageSlug), YEAR)
SUMMARY: Final = r"^sum_[a-z0-9]{6,32}$"

SummaryRef = Annotated[str, Field(pattern=SUMMARY)]
Topic = Annotated[str, Field(pattern=rf"^({'|'.join(TOPICS)})$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SummaryStatus(StrEnum):
    """Where a summary stands."""

    COMPARING = "COMPARING"
    """Handed in; the comparison beside the registry is not done yet."""
    FILED = "FILED"
    """Nothing of note in it stands in an earlier one: it is on file."""
    REVIEW = "REVIEW"
    """Too much of it does: the bureau looks at both."""
    ACCEPTED = "ACCEPTED"
    RETURNED = "RETURNED"


class Severity(StrEnum):
    """How a similarity is to be taken (R-19; DOMAIN §10, question 45)."""

    HIGH = "HIGH"
    """With another school's summary."""
    LOW = "LOW"
    """With an earlier one of the school's own only: a template may be meant."""


class Match(BaseModel):
    """The earlier summary that most of the text's own shingles stand in.

    Attributes:
        summary: its reference in the registry.
        campaign, school, about: whose it is, and about what.
        shared: how many of the text's different shingles it has too.
    """

    model_config = ConfigDict(frozen=True)

    summary: SummaryRef
    campaign: str
    school: str
    about: Topic
    shared: Positive


class Comparison(BaseModel):
    """What the comparison beside the registry found: references and counts.

    Attributes:
        shingle: characters of a shingle.
        shingles: how many different ones the text has.
        compared: with how many earlier summaries of the county it was compared.
        matches: the best match among other schools' summaries, and the best among the school's own; only where there
            is any. The earliest of equals.
    """

    model_config = ConfigDict(frozen=True)

    summary: SummaryRef
    shingle: Positive
    shingles: Positive
    compared: Count
    matches: Annotated[tuple[Match, ...], Field(max_length=2)] = ()


class HeldSummary(BaseModel):
    """The latest summary about one topic.

    Attributes:
        revision: 1 for the first; each rewriting is one more.
        hands: who handed it in, and for whom.
        shingle, shingles, compared, matches: what the comparison found; nothing before it.
        severity: where it was flagged.
    """

    summary: str
    digest: str
    revision: int
    status: SummaryStatus = SummaryStatus.COMPARING
    hands: list[str]
    shingle: int = 0
    shingles: int = 0
    compared: int = 0
    matches: list[Match] = []
    severity: Severity | None = None


class SubmitSummary(Command):
    """Hand in a summary whose text the registry keeps."""

    kind: Literal["submit_summary"] = "submit_summary"
    about: Topic
    summary: SummaryRef
    digest: Digest
    characters: Positive


class ReviewSummary(Command):
    """Decide about a summary that is like an earlier one; needs a reason."""

    kind: Literal["review_summary"] = "review_summary"
    about: Topic
    summary: SummaryRef
    outcome: Literal["ACCEPTED", "RETURNED"]


class ReadSummary(Command):
    """Look at a summary's passages; the record of the look comes before the look."""

    kind: Literal["read_summary"] = "read_summary"
    about: Topic
    summary: SummaryRef


class SummarySubmitted(Event):
    """A summary was handed in; `digest` is salted, `characters` its length as it was written."""

    about: str
    summary: str
    digest: str
    characters: int
    revision: int


class SummaryCompared(Event):
    """A summary was compared with all earlier ones of the county."""

    about: str
    summary: str
    shingle: int
    shingles: int
    compared: int
    matches: tuple[Match, ...]


class SummarySimilarityFlagged(Event):
    """So much of a summary stands in an earlier one that people look at it (R-19).

    `shared` of `shingles` is the exact containment, `least` the share that demanded it.
    """

    about: str
    summary: str
    severity: Severity
    other: str
    other_school: str
    shared: int
    shingles: int
    least: ExactFraction


class SummaryRead(Event):
    """Somebody of the bureau looks at a summary and what it has in common with others: texts that may name people."""

    about: str
    summary: str


class SummaryReviewed(Event):
    """The bureau accepted a summary with its reason, or returned it for rewriting."""

    about: str
    summary: str
    outcome: str
    reason: str


SUMMARY_COMMANDS: tuple[type[Command], ...] = (SubmitSummary, ReadSummary, ReviewSummary)
SUMMARY_EVENTS: tuple[type[Event], ...] = (
    SummarySubmitted,
    SummaryCompared,
    SummarySimilarityFlagged,
    SummaryRead,
    SummaryReviewed,
)
