"""A campaign with student aid: pupils on a list, their months of attendance, the way of a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from settlement_courses import CLERK, SECOND_APPROVER
from stream_samples import APPROVER, AUDITOR, CALENDAR, OFFICER, Stream, campaign_start, person, policy, when

from domain.actors import Role
from domain.calendar import Calendar, CalendarYear
from domain.time import at

RECEIVING, OTHER = "9900020001", "9900020002"
RECEIVER = person("receiver", Role.RECEIVING_SCHOOL, RECEIVING)
STRANGER = person("receiver2", Role.RECEIVING_SCHOOL, OTHER)
LIST = "aid-2026"
AUTUMN = ("2026-09", "2026-10", "2026-11", "2026-12", "2027-01")
SPRING = ("2027-02", "2027-03", "2027-04", "2027-05", "2027-06")
YEARS = Calendar(version=1, years={**CALENDAR.years, 2027: CalendarYear(holidays=(), make_up_days=())})
"""As published, and a year to come without a holiday."""

DOCUMENT = "青财教〔2027〕3号"

__all__ = ["APPROVER", "AUDITOR", "CLERK", "OFFICER", "SECOND_APPROVER"]


def pupil(number: int) -> str:
    """Return a pupil's reference."""
    return f"stu_{number:06d}"


def account(number: int) -> str:
    """Return the reference of an account, as the client keys it."""
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    return "acc_" + "".join(letters[(number >> shift) % 32] for shift in range(0, 80, 5))


def row(number: int, **changes: Any) -> dict[str, Any]:
    """Return a row of a list."""
    given = {"student": pupil(number), "study_year": 1, "kind": "AGRICULTURE", "school": RECEIVING}
    return given | {"payer": RECEIVING, "account": account(number)} | changes


def months(numbers: Sequence[int], *names: str, evidence: str = "REGISTER") -> list[dict[str, Any]]:
    """Return rows of attendance: each of these pupils in each of these months."""
    return [{"student": pupil(number), "month": name, "evidence": evidence} for number in numbers for name in names]


def campaign(parameters: dict[str, Any] | None = None, release: int = 3, calendar: Calendar = YEARS) -> Stream:
    """Return an approved campaign in its pupils' first autumn at the receiving school."""
    fields = {"policy": policy(**(parameters or {})), "calendar": calendar}
    start = campaign_start(release=release, **{name: one.model_dump(mode="json") for name, one in fields.items()})
    stream = Stream("campaign", start, when("2025-10-20 08:00"))
    stream.do("approve", APPROVER)
    return stream.to("2026-11-23 08:00")


def listed(stream: Stream, rows: list[dict[str, Any]], name: str = LIST) -> Stream:
    """Draw up a list, show it to the end, and let another person approve it."""
    stream.do("draft_aid_list", OFFICER, listed=name, rows=rows)
    stream.do("publish_aid_list", OFFICER, listed=name)
    stream.to(at(stream.state.aid.lists[name].shown_until + timedelta(days=1)))
    stream.do("approve_aid_list", APPROVER, listed=name)
    return stream


def computed(stream: Stream, run: str = "t1", term: int = 1, **fields: Any) -> dict[str, Any]:
    """Compute a run and return what its event says."""
    stream.do("compute_aid", OFFICER, **({"run": run, "study_year": 1, "term": term} | fields))
    return stream.last("AidComputed")["data"]


def approved(stream: Stream, run: str = "t1") -> None:
    """Let another person approve a run."""
    stream.do("approve_aid_run", APPROVER, run=run, version=stream.state.aid.runs[run].version)


def paid(stream: Stream, run: str = "t1", payer: str = RECEIVING) -> None:
    """Approve a run and pay it."""
    approved(stream, run)
    stream.do("confirm_aid_paid", CLERK, run=run, payer=payer, document=DOCUMENT)
