"""Student aid as the record tells it: who had left, by the follow-ups; and what stands behind each figure (R-14)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from domain.aid_months import month_after, month_of
from domain.campaign_state import CampaignState
from domain.deciders import decider_of
from domain.events import Envelope
from domain.retention import RetentionState
from domain.retention_pupil import RegisteredPupil, Standing
from domain.stage_events import StageSlug
from domain.stream import UnknownEventError, fold
from ledger.store import Ledger
from protocol import stage_id

LEFT = (Standing.LOST, Standing.TRANSFERRED)


@dataclass
class FollowUps:
    """What the retention follow-ups of all schools say.

    Attributes:
        pupils: registered pupil → the sending school and the receiving one.
        left: pupils who have left their receiving school, with the last month that can be paid there.
        basis: stream → version and hash of the last event that was read.
    """

    pupils: dict[str, tuple[str, str]] = field(default_factory=dict)
    left: list[dict[str, str]] = field(default_factory=list)
    basis: dict[str, dict[str, Any]] = field(default_factory=dict)


async def campaign_of(ledger: Ledger, campaign: str) -> tuple[CampaignState, list[Envelope]]:
    """Return the campaign's own state and its events.

    Raises:
        UnknownEventError: there is no such campaign on record.
    """
    own = [envelope async for envelope in ledger.events(campaign)]
    state = fold(decider_of(campaign), own)
    if not isinstance(state, CampaignState):
        raise UnknownEventError(campaign)
    return state, own


async def follow_ups(ledger: Ledger, campaign: str, schools: Iterable[str]) -> FollowUps:
    """Fold the follow-ups of these schools; a school without the stage says nothing."""
    found = FollowUps()
    for code in schools:
        stream = stage_id(campaign, code, StageSlug.RETENTION)
        events = [envelope async for envelope in ledger.events(stream)]
        state = fold(decider_of(stream), events) if events else None
        if not isinstance(state, RetentionState):
            continue
        found.basis[stream] = {"version": events[-1]["version"], "hash": events[-1]["hash"]}
        for student, pupil, dates in state.followed():
            found.pupils[student] = (code, pupil.school)
            if pupil.standing(dates) in LEFT:
                found.left.append(_left(student, pupil.school, _found_on(pupil, dates)))
        for student, ended in state.ended.items():
            found.left.append(_left(student, ended.pupil.school, ended.on))
    return found


async def unregistered(ledger: Ledger, state: CampaignState, found: FollowUps) -> list[dict[str, str]]:
    """Return the places of aided pupils whom the record has registered nowhere, with the month before their first.

    Nothing of theirs can be paid: whoever exists on a list alone draws no money (P23, INV-33).
    """
    known = dict.fromkeys([*found.pupils, *(row["student"] for row in found.left)])
    for code in state.schools:
        if all(student in known for student in state.aid.pupils):
            break
        async for envelope in ledger.events(stage_id(state.campaign, code, StageSlug.APPLICATION_FILING)):
            if envelope["type"] == "RegistrationVerified":
                known[envelope["data"]["student"]] = None
    return [
        {"student": student, "school": span.school, "last": month_after(span.start, 0)}
        for student, pupil in state.aid.pupils.items()
        if student not in known
        for span in pupil.spans
    ]


def told_runs(own: Iterable[Envelope]) -> dict[str, dict[str, Any]]:
    """Return each run in its latest version, with its lines and the events that made it."""
    runs: dict[str, dict[str, Any]] = {}
    for envelope in own:
        data, name = envelope["data"], f"{envelope['stream']}#{envelope['version']}"
        match envelope["type"]:
            case "AidComputed":
                kept = (
                    "run",
                    "version",
                    "study_year",
                    "term",
                    "monthly",
                    "pupils",
                    "fen",
                    "payers",
                    "withheld",
                    "basis",
                )
                told = {key: data[key] for key in kept} | {
                    "lines": [*data["lines"]],
                    "lines_digest": data["lines_digest"],
                }
                runs[data["run"]] = {**told, "events": [name], "approved": False, "paid": {}}
            case "AidLinesAdded":
                runs[data["run"]]["lines"] += data["lines"]
                runs[data["run"]]["events"].append(name)
            case "AidRunApproved":
                runs[data["run"]]["approved"] = True
                runs[data["run"]]["events"].append(name)
            case "AidPaid" | "AidRecovered":
                runs[data["run"]]["paid"][data["payer"]] = data["document"]
                runs[data["run"]]["events"].append(name)
    return runs


def told_entries(own: Iterable[Envelope], listed: str) -> list[dict[str, Any]]:
    """Return the entries of a list, without the pupils whom an objection has struck."""
    entries: list[dict[str, Any]] = []
    for envelope in own:
        data = envelope["data"]
        if data.get("listed") != listed:
            continue
        if envelope["type"] in ("AidListDrafted", "AidEntriesAdded"):
            entries = [*(entries if envelope["type"] == "AidEntriesAdded" else []), *data["entries"]]
        elif envelope["type"] == "AidObjectionDecided" and data["outcome"] == "UPHELD":
            entries = [entry for entry in entries if entry["student"] != data["student"]]
    return entries


def explain_aid(own: list[Envelope], student: str) -> dict[str, Any]:
    """Return why a pupil's months were paid or not: each fact with the event that it stands in (FEATURES A17)."""
    facts = [
        {"event": f"{envelope['stream']}#{envelope['version']}", **fact} for envelope, fact in _facts(own, student)
    ]
    approved = [run for run in told_runs(own).values() if run["approved"]]
    months: dict[str, int] = {}
    for run in approved:
        for line in run["lines"]:
            for month, fen in line["months"].items() if line["student"] == student else ():
                months[month] = months.get(month, 0) + fen
    return {
        "student": student,
        "rules": ["R-14", "INV-33"],
        "months": dict(sorted(months.items())),
        "fen": sum(months.values()),
        "facts": facts,
    }


# -- inside -------------------------------------------------------------------------------------------------------


def _facts(own: Iterable[Envelope], student: str) -> Iterator[tuple[Envelope, dict[str, Any]]]:
    """Yield the events of a pupil's aid, with what of them is the pupil's."""
    for envelope in own:
        data, told = envelope["data"], {"type": envelope["type"], "at": envelope["recorded_at"]}
        match envelope["type"]:
            case "AidListDrafted" | "AidEntriesAdded":
                for entry in data["entries"]:
                    if entry["student"] == student:
                        kept = ("study_year", "school", "payer", "first", "last")
                        yield envelope, told | {"listed": data["listed"]} | {name: entry[name] for name in kept}
            case "AidAttendanceRecorded":
                months = {row["month"]: row["evidence"] for row in data["rows"] if row["student"] == student}
                if months:
                    yield envelope, told | {"attended": months}
            case "AidComputed" | "AidLinesAdded":
                for line in data["lines"]:
                    if line["student"] == student:
                        yield (
                            envelope,
                            told | {"run": data["run"], "version": data["version"], "months": line["months"]},
                        )
            case "AidObjected" | "AidObjectionDecided" | "AidAttendanceWithdrawn" | "AidStopped":
                if data["student"] == student:
                    yield envelope, told | {name: value for name, value in data.items() if name != "student"}


def _found_on(pupil: RegisteredPupil, dates: dict[str, date]) -> date:
    """Return the day on which a pupil was found gone; where nobody wrote it down, the day of the check."""
    names = [name for name in dates if name in pupil.checks]
    return pupil.checks[names[-1]].looked or dates[names[-1]]


def _left(student: str, school: str, on: date) -> dict[str, str]:
    return {"student": student, "school": school, "last": month_of(on)}
