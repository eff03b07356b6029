"""Student aid: paid for months with attendance only, once, by one payer, to one account (R-14, INV-33)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

from audit.invariants.log import Log, at, day, recorded
from audit.invariants.rule import Found, invariant
from domain.events import Envelope

FEN: Final = 100
HEARSAY: Final = "HEARSAY"
RETENTION: Final = "retention"
GONE: Final = ("Lost", "LawfulTransfer")
GONE_STATES: Final = ("lost", "transfer")
ENDED: Final = ("FollowUpCancelled", "StudentRemoved")
THERE: Final = (
    "FollowUpStarted",
    "FollowUpCorrected",
    "RetentionConfirmed",
    "Returned",
    "SuspendedStudy",
    "EvidenceConflicting",
)
DECIDED: Final = ("EvidenceResolved", "CheckpointCorrected")
"""What the follow-ups say: a pupil is gone, is followed no more, is there or disputed, or stands as `state` says."""


@dataclass
class _Place:
    """A pupil's place on a list, with the last month that the record leaves of it."""

    entry: dict[str, Any]
    last: str
    approved: bool = False


@dataclass
class _Run:
    """A run as its events tell it; `due` are the lines' months that were due when it was computed."""

    event: Envelope
    lines: list[dict[str, Any]]
    due: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    approved: bool = False
    paid: dict[str, None] = field(default_factory=dict)


class _Paid(NamedTuple):
    """What an approved run pays for a month, and who."""

    fen: int
    payer: str


class _Gone(NamedTuple):
    """When a pupil left, by the follow-ups: no month after `last` is paid, and none up to `since` is kept back.

    The two differ where several people looked: the stage goes by the first of them, the finding is the last one's.
    """

    last: str
    since: str


@dataclass
class _Book:
    """What the record says of aid up to an event.

    Attributes:
        places: pupil → (list, year of study) → place; owners: account → pupil.
        shown: list → last day of its public view; doubts: (list, pupil) of objections that nobody has decided.
        attended, paid: by pupil and month.
        waiting: the run whose lines may still go on in the next event.
    """

    log: Log
    places: dict[str, dict[tuple[str, int], _Place]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    doubts: dict[tuple[str, str], None] = field(default_factory=dict)
    attended: dict[tuple[str, str], None] = field(default_factory=dict)
    paid: dict[tuple[str, str], _Paid] = field(default_factory=dict)
    runs: dict[str, _Run] = field(default_factory=dict)
    waiting: _Run | None = None

    def live(self, student: str) -> list[_Place]:
        """Return a pupil's places that still have months."""
        return [place for place in self.places.get(student, {}).values() if place.entry["first"] <= place.last]

    def place(self, run: _Run, line: dict[str, Any]) -> _Place | None:
        """Return the place that a run's line is about."""
        return self.places.get(line["student"], {}).get((line["listed"], run.event["data"]["study_year"]))

    def stands(self, run: _Run, line: dict[str, Any], month: str) -> bool:
        """Tell whether a pupil has attended a month of an approved place with the line's payer."""
        place = self.place(run, line)
        if place is None or not place.approved or place.entry["payer"] != line["payer"]:
            return False
        return place.entry["first"] <= month <= place.last and (line["student"], month) in self.attended

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
    "AidListPublished",
    "AidObjected",
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
            "资助只按已登记到校的月份发放：名单经公示和批准，学生已注册且未离校，每月一次、金额为年标准除以教学月数，"
            "同一时期一个发放单位，一人一户；发放总额等于明细之和；应发的月份不得扣发或收回。"
        ),
        (
            "Aid is paid for months with recorded attendance only: of a pupil on a list that was shown and approved, "
            "registered and not gone, each month once and at the yearly rate by the teaching months; one payer for a "
            "person and period, one account for a person; what is paid is the sum of its lines, and no month that is "
            "due is kept back or taken back."
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
        case "AidListPublished":
            book.shown[data["listed"]] = data["until"]
        case "AidObjected":
            book.doubts[data["listed"], data["student"]] = None
        case "AidObjectionDecided":
            book.doubts.pop((data["listed"], data["student"]), None)
            if data["outcome"] == "UPHELD":
                book.strike(data["listed"], data["student"])
        case "AidApproved":
            if day(book.shown.get(data["listed"], date.max.isoformat())) >= at(event).date():
                yield Found(event, "名单没有公示期满。", "The list was not shown to the end of its time.")
            elif any(listed == data["listed"] for listed, _ in book.doubts):
                yield Found(event, "还有异议没有处理。", "An objection to the list was open.")
            for places in book.places.values():
                for (listed, _), place in places.items():
                    place.approved = place.approved or listed == data["listed"]
        case "AidRejected":
            book.strike(data["listed"])
            book.doubts = {key: None for key in book.doubts if key[0] != data["listed"]}
        case "AidAttendanceRecorded":
            if any(row["evidence"] == HEARSAY for row in data["rows"]):
                yield Found(event, "到校登记仅凭转述。", "A month of attendance rests on hearsay.")
            book.attended |= {(row["student"], row["month"]): None for row in data["rows"]}
        case "AidAttendanceWithdrawn":
            book.attended.pop((data["student"], data["month"]), None)
        case "AidStopped":
            for place in book.live(data["student"]):
                place.last = min(place.last, data["last"])
        case "AidComputed":
            book.waiting = book.runs[data["run"]] = _Run(event, list(data["lines"]))
        case "AidLinesAdded" if data["run"] in book.runs:
            book.runs[data["run"]].lines.extend(data["lines"])
        case "AidLinesAdded":
            yield Found(event, "没有这份发放表。", "There is no such run.")
        case "AidRunApproved":
            yield from _approved(book, event)
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
    gone = _gone(book.log, run.event, registered)
    faults: dict[tuple[str, str], None] = {}
    seen: dict[tuple[str, str], None] = {}
    back: dict[tuple[str, str], None] = {}
    run.due = [
        (line, month)
        for line in run.lines
        for month, fen in line["months"].items()
        if fen >= 0 and book.stands(run, line, month)
    ]
    if any(_is_there(registered, gone, one, month) for one, own in _withheld(run) for month in own):
        faults["该生没有离校，却被扣发。", "Months are kept back of a pupil who had not left."] = None
    for line in run.lines:
        place = book.place(run, line)
        for month, fen in line["months"].items():
            key = (line["student"], month)
            if fen < 0:
                if book.paid.get(key) != _Paid(-fen, line["payer"]):
                    faults["收回的月份没有发放过。", "A month is taken back that was not paid so."] = None
                elif book.stands(run, line, month) and _is_there(registered, gone, *key):
                    faults["收回的月份仍然应发。", "A month is taken back that is still due."] = None
                back[key] = None
                continue
            if place is None or not place.approved or place.entry["payer"] != line["payer"]:
                faults["该生不在已批准的名单上。", "The pupil is on no approved list of this payer."] = None
            elif not place.entry["first"] <= month <= place.last:
                faults["该月不在资助月份之内。", "The month is none of the entitlement's."] = None
            if key not in book.attended:
                faults["该月没有到校登记。", "No attendance is on record for the month."] = None
            if (key in book.paid and key not in back) or key in seen:
                faults["该月已经发放。", "The month was paid already."] = None
            if line["student"] not in registered:
                faults["该生没有注册记录。", "The pupil is registered nowhere."] = None
            elif month > gone.get((line["student"], line["school"]), _Gone(month, month)).last:
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


def _withheld(run: _Run) -> Iterator[tuple[str, list[str]]]:
    yield from run.event["data"]["withheld"].items()


def _is_there(registered: dict[str, str], gone: dict[tuple[str, str], _Gone], student: str, month: str) -> bool:
    """Tell whether a pupil was registered, and had not left before a month."""
    school = registered.get(student)
    left = None if school is None else gone.get((student, school))
    return school is not None and (left is None or month <= left.since)


def _approved(book: _Book, event: Envelope) -> Iterator[Found]:
    """Take in the approval of a run; yield one of another version, or of months that are due no more."""
    data = event["data"]
    run = book.runs.get(data["run"])
    told = {} if run is None else run.event["data"]
    if run is None or any(told[name] != data[name] for name in ("version", "lines_digest")):
        yield Found(event, "批准的不是最后算出的发放表。", "What was approved is not the run that was computed last.")
    if run is None:
        return
    if not all(book.stands(run, line, month) for line, month in run.due):
        yield Found(
            event, "批准前已有月份被撤回或停发。", "Months of it were taken back or stopped before the approval."
        )
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


def _gone(log: Log, by: Envelope, registered: dict[str, str]) -> dict[tuple[str, str], _Gone]:
    """Return when a pupil was found gone from a school, by the follow-ups on record at an event."""
    gone: dict[tuple[str, str], _Gone] = {}
    first: dict[tuple[str, str], str] = {}
    for _, events in log.by_stream(*GONE, *ENDED, *THERE, *DECIDED, kind=RETENTION):
        for event in (one for one in events if recorded(one) <= recorded(by)):
            student, month = event["data"]["student"], event["occurred_at"][:7]
            key = (student, registered.get(student, ""))
            look = (student, event["data"].get("checkpoint", ""))
            first[look] = min(month, first.get(look, month))
            if event["type"] in ENDED:
                gone[key] = _Gone(event["recorded_at"][:7], event["recorded_at"][:7])
            elif event["type"] in GONE or event["data"].get("state") in GONE_STATES:
                gone[key] = _Gone(month, first[look])
            else:
                gone.pop(key, None)
    return gone
