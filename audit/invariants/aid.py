"""Student aid: paid for months with attendance only, once, by one payer, to one account (R-14, INV-33)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from audit.invariants.log import Log, recorded
from audit.invariants.rule import Found, invariant
from domain.events import Envelope

FEN: Final = 100
GONE: Final = ("Lost", "LawfulTransfer")
GONE_STATES: Final = ("lost", "transfer")
THERE: Final = ("RetentionConfirmed", "Returned", "SuspendedStudy", "EvidenceConflicting", "FollowUpCorrected")
DECIDED: Final = ("EvidenceResolved", "CheckpointCorrected")
"""What the follow-ups find: a pupil is gone, is there or disputed, or stands as the event's `state` says."""


@dataclass
class _Place:
    """A pupil's place on a list, with the last month that the record leaves of it."""

    entry: dict[str, Any]
    last: str
    approved: bool = False


@dataclass
class _Run:
    """A run as its events tell it."""

    event: Envelope
    lines: list[dict[str, Any]]
    approved: bool = False
    paid: dict[str, None] = field(default_factory=dict)


class _Paid(NamedTuple):
    """What an approved run pays for a month, and who."""

    fen: int
    payer: str


@dataclass
class _Book:
    """What the record says of aid up to an event.

    Attributes:
        places: pupil → (list, year of study) → place; owners: account → pupil.
        attended, paid: by pupil and month.
        waiting: the run whose lines may still go on in the next event.
    """

    log: Log
    places: dict[str, dict[tuple[str, int], _Place]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    attended: dict[tuple[str, str], None] = field(default_factory=dict)
    paid: dict[tuple[str, str], _Paid] = field(default_factory=dict)
    runs: dict[str, _Run] = field(default_factory=dict)
    waiting: _Run | None = None

    def live(self, student: str) -> list[_Place]:
        """Return a pupil's places that still have months."""
        return [place for place in self.places.get(student, {}).values() if place.entry["first"] <= place.last]

    def strike(self, listed: str, student: str | None = None) -> None:
        """Take a pupil, or all of them, off a list."""
        for name, places in self.places.items():
            if student in (None, name):
                self.places[name] = {key: place for key, place in places.items() if key[0] != listed}
        self.owners = {
            place.entry["account"]: name for name, places in self.places.items() for place in places.values()
        }


TYPES: Final = (
    "AidListDrafted",
    "AidEntriesAdded",
    "AidObjectionDecided",
    "AidApproved",
    "AidRejected",
    "AidAttendanceRecorded",
    "AidAttendanceWithdrawn",
    "AidStopped",
    "AidComputed",
    "AidLinesAdded",
    "AidRunApproved",
    "AidPaid",
    "AidRecovered",
)


@invariant(
    "INV-33",
    ("资助按月、按出勤发放", "aid by months of attendance"),
    (
        (
            "资助只按已登记到校的月份发放：名单经批准，学生已注册且未离校，每月一次、金额为年标准除以教学月数，"
            "同一时期一个发放单位，一人一户；发放总额等于明细之和。"
        ),
        (
            "Aid is paid for months with recorded attendance only: of a pupil on an approved list, registered and not "
            "gone, each month once and at the yearly rate by the teaching months; one payer for a person and period, "
            "one account for a person; what is paid is the sum of its lines."
        ),
    ),
    source="DOMAIN §8.2 INV-33; §8.1 R-14; S11; P22, P23",
    remedy=(
        "请停止发放，撤回有误的月份，另编一份发放表收回多发的款项。",
        "Stop the payment, take the wrong months back, and recover what was paid too much by another run.",
    ),
    rest=(
        "学生是否真的到校，事件看不出：登记须有依据，并由另一人批准：tests/domain/test_aid.py。",
        (
            "Whether a pupil was really there no event can show: a month needs a grade of evidence, and another person "
            "approves: tests/domain/test_aid.py."
        ),
    ),
)
def aid_by_months_of_attendance(log: Log) -> Iterator[Found]:
    """Yield entries with two payers or a shared account, lines that nobody is entitled to, and other sums paid."""
    book = _Book(log)
    for event in log.own(log.campaign, *TYPES):
        if event["type"] != "AidLinesAdded" and book.waiting is not None:
            yield from _wrong_lines(book, book.waiting)
            book.waiting = None
        yield from _follow(book, event)
    if book.waiting is not None:
        yield from _wrong_lines(book, book.waiting)


# -- inside ---------------------------------------------------------------------------------------------------------


def _follow(book: _Book, event: Envelope) -> Iterator[Found]:
    """Take in an event; yield what it shows by itself."""
    data = event["data"]
    match event["type"]:
        case "AidListDrafted" | "AidEntriesAdded":
            for entry in data["entries"]:
                yield from _entered(book, event, entry)
        case "AidObjectionDecided":
            if data["outcome"] == "UPHELD":
                book.strike(data["listed"], data["student"])
        case "AidApproved":
            for places in book.places.values():
                for (listed, _), place in places.items():
                    place.approved = place.approved or listed == data["listed"]
        case "AidRejected":
            book.strike(data["listed"])
        case "AidAttendanceRecorded":
            book.attended |= {(row["student"], row["month"]): None for row in data["rows"]}
        case "AidAttendanceWithdrawn":
            book.attended.pop((data["student"], data["month"]), None)
        case "AidStopped":
            for place in book.live(data["student"]):
                place.last = min(place.last, data["last"])
        case "AidComputed":
            book.waiting = book.runs[data["run"]] = _Run(event, list(data["lines"]))
        case "AidLinesAdded":
            book.runs[data["run"]].lines.extend(data["lines"])
        case "AidRunApproved":
            _approve(book, book.runs[data["run"]])
        case _:
            yield from _moved(book, event)


def _entered(book: _Book, event: Envelope, entry: dict[str, Any]) -> Iterator[Found]:
    """Put a pupil on a list; yield a second payer of the same months, and an account that is another's."""
    student, places = entry["student"], book.places.setdefault(entry["student"], {})
    if any(one.entry["first"] <= entry["last"] and entry["first"] <= one.last for one in book.live(student)):
        yield Found(event, "同一时期有两处发放。", "Two entries pay the same months of one pupil.")
    shared = book.owners.setdefault(entry["account"], student) != student
    if shared or any(one.entry["account"] != entry["account"] for one in places.values()):
        yield Found(event, "一户两人或一人两户。", "An account of two pupils, or a pupil with two accounts.")
    places[event["data"]["listed"], entry["study_year"]] = _Place(entry, entry["last"])


def _wrong_lines(book: _Book, run: _Run) -> Iterator[Found]:
    """Yield what is wrong with a run's lines, once for each kind of fault."""
    registered = _registered(book.log, run.event)
    left = _left(book.log, run.event, registered)
    faults: dict[tuple[str, str], None] = {}
    seen: dict[tuple[str, str], None] = {}
    for line in run.lines:
        place = book.places.get(line["student"], {}).get((line["listed"], run.event["data"]["study_year"]))
        for month, fen in line["months"].items():
            key = (line["student"], month)
            if fen < 0:
                if book.paid.get(key) != _Paid(-fen, line["payer"]):
                    faults["收回的月份没有发放过。", "A month is taken back that was not paid so."] = None
                continue
            if place is None or not place.approved or place.entry["payer"] != line["payer"]:
                faults["该生不在已批准的名单上。", "The pupil is on no approved list of this payer."] = None
            elif not place.entry["first"] <= month <= place.last:
                faults["该月不在资助月份之内。", "The month is none of the entitlement's."] = None
            if key not in book.attended:
                faults["该月没有到校登记。", "No attendance is on record for the month."] = None
            if key in book.paid or key in seen:
                faults["该月已经发放。", "The month was paid already."] = None
            if line["student"] not in registered:
                faults["该生没有注册记录。", "The pupil is registered nowhere."] = None
            elif month > left.get((line["student"], line["school"]), month):
                faults["该月在学生离校之后。", "The month lies after the pupil had left."] = None
            seen[key] = None
            if place is not None and fen != _worth(book.log, run.event, place.entry["start"], month):
                faults["金额不等于月标准。", "The amount is not the month's."] = None
        if line["fen"] != sum(line["months"].values()):
            faults["明细不等于各月之和。", "A line is not the sum of its months."] = None
    if run.event["data"]["fen"] != sum(line["fen"] for line in run.lines):
        faults["合计不等于明细之和。", "The total is not the sum of the lines."] = None
    for zh, en in faults:
        yield Found(run.event, zh, en)


def _approve(book: _Book, run: _Run) -> None:
    run.approved = True
    for line in run.lines:
        for month, fen in line["months"].items():
            if fen < 0:
                book.paid.pop((line["student"], month), None)
            else:
                book.paid[line["student"], month] = _Paid(fen, line["payer"])


def _moved(book: _Book, event: Envelope) -> Iterator[Found]:
    """Yield money that moved without an approved run, twice, or with another sum."""
    data = event["data"]
    run = book.runs.get(data["run"])
    if run is None or not run.approved or run.event["data"]["version"] != data["version"]:
        yield Found(event, "发放表未经批准。", "The run is not approved.")
        return
    due = sum(line["fen"] for line in run.lines if line["payer"] == data["payer"])
    if data["payer"] in run.paid or due != (data["fen"] if event["type"] == "AidPaid" else -data["fen"]):
        yield Found(event, "款项不等于明细之和，或已办结。", "What moved is not the sum of the lines, or moved before.")
    run.paid[data["payer"]] = None


def _worth(log: Log, event: Envelope, start: str, month: str) -> int:
    """Return what a month is worth by the policy in force when a run was computed."""
    yuan = log.parameter(event, "aid_rate_yuan")
    for since, raised in log.parameter(event, "aid_rate_changes"):
        yuan = raised if since <= month else yuan
    number = (int(month[:4]) - int(start[:4])) * 12 + int(month[5:]) - int(start[5:]) + 1
    months, rate = int(log.parameter(event, "aid_months")), int(yuan) * FEN
    return rate * number // months - rate * (number - 1) // months


def _registered(log: Log, by: Envelope) -> dict[str, str]:
    """Return the pupils whose registration had been verified when an event was written, and where they are."""
    return {
        event["data"]["student"]: event["data"]["school"]
        for event in log.of("RegistrationVerified")
        if recorded(event) <= recorded(by)
    }


def _left(log: Log, by: Envelope, registered: dict[str, str]) -> dict[tuple[str, str], str]:
    """Return the month in which a pupil was found gone from a school, by the follow-ups on record at an event."""
    left: dict[tuple[str, str], str] = {}
    for event in log.of(*GONE, *THERE, *DECIDED):
        student, state = event["data"]["student"], event["data"].get("state")
        key = (student, registered.get(student, ""))
        if recorded(event) > recorded(by):
            continue
        if event["type"] in GONE or state in GONE_STATES:
            left[key] = event["occurred_at"][:7]
        else:
            left.pop(key, None)
    return left
