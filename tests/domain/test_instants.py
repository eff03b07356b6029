from __future__ import annotations

from datetime import date, datetime
from typing import Any, get_args

import pytest
from filing_families import NOTICE, contact, filing
from pydantic import BaseModel, TypeAdapter, ValidationError
from stream_samples import HEAD, OFFICER, STRANGER, A, running_county, stage

from domain.application_filing_commands import FilingCommand
from domain.deciders import DECIDERS
from domain.instants import FIRST_YEAR, LAST_YEAR, Day, Instant
from domain.refusal import Refusal
from domain.time import SHANGHAI, stamp

EXTREMES = [
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "1989-12-31T23:59:59+08:00",
    "2201-01-01T00:00:00+08:00",
    "9999-12-31T23:59:59-12:00",
]


class Said(BaseModel):
    """A command's two kinds of time."""

    at: Instant = datetime(2026, 5, 11, tzinfo=SHANGHAI)
    on: Day = date(2026, 5, 11)


@pytest.mark.parametrize("at", [*EXTREMES, 0, 1778461200, "1778461200", "2026-05-11T09:00:00", "2026-05-11", None])
def test_an_instant_is_text_with_an_offset_in_the_years_of_a_school(at):
    """Nothing that a later sum or another offset could carry out of the calendar, and no count of seconds."""
    with pytest.raises(ValidationError):
        Said(at=at)


@pytest.mark.parametrize(
    "on", ["1778457600", 1778457600, 0, "20260511", "2026-5-1", "2026-02-30", "1989-12-31", "2201-01-01"]
)
def test_a_day_is_strict_iso_text_in_the_years_of_a_school(on):
    """A number is no day, and neither is an instant."""
    for wrong in (on, datetime(2026, 5, 11, tzinfo=SHANGHAI)):
        with pytest.raises(ValidationError):
            Said(on=wrong)


@pytest.mark.parametrize("year", [FIRST_YEAR, LAST_YEAR])
@pytest.mark.parametrize("offset", ["+14:00", "-12:00", "Z"])
def test_the_first_and_the_last_year_are_within_and_can_be_written_in_the_countys_time(year, offset):
    """With room to shift: the stamp of the outermost instants is a date still."""
    for at in (f"{year}-01-01T00:00:00{offset}", f"{year}-12-31T23:59:59.999{offset}"):
        assert stamp(Said(at=at).at)
    assert Said(on=f"{year}-12-31").on == date(year, 12, 31)


@pytest.mark.parametrize("at", EXTREMES)
def test_no_stream_breaks_on_an_extreme_instant(at):
    """The validator refuses it as it refuses any malformed field: also for who may do nothing, and inside an act."""
    meetings = stage("parent-meetings").to("2025-11-03 09:00")
    offered = filing()
    offered.do("offer_notice", HEAD, document=NOTICE, students=[A])
    act = {**offered.act(A, "pupil", "intent", intent="UNDECIDED"), "at": at}
    county = running_county(1)
    tries = [
        (meetings, meetings.command("complete", STRANGER, occurred_at=at, late_reason="X1")),
        (meetings, meetings.command("skip", OFFICER, occurred_at=at, late_reason="X1", reason="SNOW")),
        (meetings, meetings.command("schedule_session", HEAD, session="s1", classes=["2026-01"], at=at)),
        (offered, offered.command("deliver_family_acts", HEAD, acts=[act])),
        (offered, offered.command("record_contacts", HEAD, rows=[{**contact(A, "2026-05-11 09:00"), "at": at}])),
        (county["9900010001"], county["9900010001"].command("record_exits", HEAD, rows=[], occurred_at=at)),
    ]
    for stream, raw in tries:
        with pytest.raises(Refusal, match="COMMAND_INVALID"):
            stream.submit(raw)


def _plain_times(model: type[BaseModel], seen: set[type[BaseModel]]) -> list[str]:
    """Return the fields of a command, rows and acts included, that hold a time without bounds."""
    seen.add(model)
    found = []
    for name, field in model.model_fields.items():
        kinds = _kinds(field.annotation)
        bounded = any("_within_the_years" in repr(part) for part in (field.metadata, field.annotation))
        if kinds & {date, datetime} and not bounded:
            found.append(f"{model.__name__}.{name}")
        for kind in sorted((k for k in kinds if issubclass(k, BaseModel)), key=lambda k: k.__name__):
            if kind not in seen and kind.__module__ not in PUBLISHED:
                found += _plain_times(kind, seen)
    return found


PUBLISHED = ("domain.calendar", "domain.policy", "domain.policy_parameters")
"""Documents that a bureau publishes whole, with rules of their own."""


def _kinds(annotation: Any) -> set[type]:
    if isinstance(annotation, type) and not get_args(annotation):
        return {annotation}
    return {kind for part in get_args(annotation) for kind in _kinds(part)}


def test_every_time_in_a_command_is_bounded():
    """Whoever adds a command with a plain date or instant finds it here."""
    adapters: list[TypeAdapter[Any]] = [decider.commands for decider in DECIDERS.values()]
    unions = [FilingCommand, *(adapter._type for adapter in adapters)]
    commands = {kind for union in unions for kind in _kinds(union) if issubclass(kind, BaseModel)}
    assert len(commands) > 40
    seen: set[type[BaseModel]] = set()
    plain = [name for kind in sorted(commands, key=lambda kind: kind.__name__) for name in _plain_times(kind, seen)]
    assert plain == []
