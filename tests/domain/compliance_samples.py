"""Compliance cases under test: the people around them, a case on its own, and a campaign whose complaints are cases."""

from __future__ import annotations

from typing import Any

from stream_samples import CALENDAR, CAMPAIGN, SCHOOL, County, Stream, person, policy, running_county, when

from domain.actors import Actor, Role
from domain.calendar import Calendar
from domain.complaint_rules import acknowledge_by, decide_by
from domain.policy import PolicyProfile
from domain.time import civil
from registry.hands import hands_in

CASE = "c-1"
DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
AUDITOR = person("auditor", Role.AUDITOR, "bureau")
SECOND_AUDITOR = person("auditor2", Role.AUDITOR, "bureau")


SECRET = b"s" * 32
"""The registry's secret in these tests."""


def hands(who: Actor, name: str = CASE) -> list[str]:
    """Return what the registry makes of somebody for a case, as the command line gives it."""
    return hands_in(SECRET, f"{CAMPAIGN}/compliance/{name}", (who.id, who.on_behalf_of))


def case(now: str = "2025-10-20 08:00", calendar: Calendar = CALENDAR, **changes: Any) -> Stream:
    """Return a case about the first school, complained of without a name; Monday 20 October 2025."""
    profile = policy()
    received = civil(when(now))
    start = {
        "campaign": CAMPAIGN,
        "case": CASE,
        "origin": "COMPLAINT",
        "about": SCHOOL,
        "matter": "PRESSURE",
        "owner": "discipline_officer",
        **days(calendar, received, profile),
        "received_on": received.isoformat(),
        "made_by": [],
        "notes": ["nte_abcdef"],
        "self_reported": False,
        "schools": [SCHOOL, "9900010002"],
        "policy": profile.model_dump(mode="json"),
        "calendar": calendar.model_dump(mode="json"),
    }
    return Stream("compliance", {**start, **changes}, when(now), name=f"{CAMPAIGN}/compliance/{CASE}")


def days(calendar: Calendar, received: Any, profile: PolicyProfile) -> dict[str, str | None]:
    """Return the two days that a case begins with, None where they cannot be computed."""
    answer = acknowledge_by(calendar, received, profile.parameters)
    decision = decide_by(calendar, received, profile.parameters, extended=False)
    return {"acknowledge_by": answer and answer.isoformat(), "decide_by": decision and decision.isoformat()}


def confirmed(**fields: Any) -> Stream:
    """Return a case that has confirmed paid recruiting."""
    stream = case()
    found = {"violation": "PAID_RECRUITING", "school": SCHOOL, "reason": "MONEY_SEEN", **fields}
    stream.do("confirm_violation", DISCIPLINE, **found)
    return stream


def told(stream: Stream) -> list[tuple[str, dict[str, Any]]]:
    """Return what a case has told the campaign since the last look, by kind."""
    outgoing, stream.machine.carry.outgoing = stream.machine.carry.outgoing, []
    assert all(item.to == CAMPAIGN for item in outgoing)
    return [(item.message.kind, item.message.data) for item in outgoing]


def campaign_with_cases(schools: int = 1, **changes: Any) -> County:
    """Return an approved campaign of this release."""
    return running_county(schools, **{"release": 3, **changes})
